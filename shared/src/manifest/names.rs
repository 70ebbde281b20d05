//! Names and label values that Kubernetes accepts, the same for the same input.

use super::ManifestError;

/// Longest name of a workload: its Service's name, which adds [`SERVICE_SUFFIX`], is a DNS label of 63.
const LONGEST_WORKLOAD: usize = LONGEST_LABEL - SERVICE_SUFFIX.len();

/// Longest DNS label (RFC 1123) and longest label value.
const LONGEST_LABEL: usize = 63;

/// What the Service's name adds, as GKE Inference Quickstart does.
const SERVICE_SUFFIX: &str = "-service";

/// Longest part of a name that comes from a server; the catalog's are far shorter, an overlay's may not be.
const LONGEST_SERVER: usize = 20;

/// Name of Deployment, PodMonitoring and HorizontalPodAutoscaler, and the value of the `app` label:
/// `<model>-<server>`, such as `gemma-2-27b-it-vllm` for `google/gemma-2-27b-it`.
///
/// A valid RFC 1035 label. What would be too long is cut and closed with a hash of the whole id.
pub fn workload_name(model_id: &str, server: &str) -> String {
    let server = shortened(&dns_label(server), server, LONGEST_SERVER);
    let room = LONGEST_WORKLOAD - server.len() - 1;
    format!("{}-{server}", model_label(model_id, room))
}

/// Name of the Service of a workload.
pub fn service_name(workload: &str) -> String {
    format!("{workload}{SERVICE_SUFFIX}")
}

/// Name of the Job that copies a model into a bucket.
pub fn transfer_name(model_id: &str) -> String {
    const SUFFIX: &str = "-transfer";
    format!("{}{SUFFIX}", model_label(model_id, LONGEST_LABEL - SUFFIX.len()))
}

/// The part of a Hugging Face id after its owner, which names objects and labels.
pub(super) fn short_model(model_id: &str) -> &str {
    model_id.rsplit('/').next().unwrap_or(model_id)
}

/// `text` as a label value: letters, digits, `-`, `_` and `.`, at most 63, letters or digits at both ends.
pub fn label_value(text: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let replaced: String = text.chars().map(|c| if legal(c) { c } else { '-' }).collect();
    let trimmed = replaced.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    shortened(trimmed, text, LONGEST_LABEL)
}

/// Refuses what is not an RFC 1123 label: namespaces.
pub(super) fn check_namespace(namespace: &str) -> Result<(), ManifestError> {
    if is_dns_label(namespace) {
        Ok(())
    } else {
        Err(ManifestError::Name { what: "namespace", name: namespace.to_owned() })
    }
}

/// Refuses what is not an RFC 1123 subdomain: service accounts.
pub(super) fn check_service_account(name: &str) -> Result<(), ManifestError> {
    if name.len() <= 253 && name.split('.').all(is_dns_label) {
        Ok(())
    } else {
        Err(ManifestError::Name { what: "service account", name: name.to_owned() })
    }
}

/// Refuses what is not a Hugging Face id; ids reach arguments, scripts and annotations.
pub(super) fn check_model_id(id: &str) -> Result<(), ManifestError> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let part = |part: &str| {
        !part.is_empty() && part.chars().all(legal) && !part.starts_with(['-', '.']) && !part.contains("..")
    };
    let parts: Vec<&str> = id.split('/').collect();
    if (1..=2).contains(&parts.len()) && id.len() <= 128 && parts.into_iter().all(part) {
        Ok(())
    } else {
        Err(ManifestError::ModelId(id.to_owned()))
    }
}

fn is_dns_label(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [text.as_bytes().first(), text.as_bytes().last()];
    text.len() <= LONGEST_LABEL
        && ends.into_iter().all(|end| end.is_some_and(|end| alphanumeric(*end)))
        && text.bytes().all(|b| alphanumeric(b) || b == b'-')
}

fn model_label(model_id: &str, longest: usize) -> String {
    let label = dns_label(short_model(model_id));
    // Names of Services have to start with a letter.
    let label =
        if label.starts_with(|c: char| c.is_ascii_lowercase()) { label } else { format!("model-{label}") };
    shortened(label.trim_end_matches('-'), model_id, longest)
}

/// Lower-case letters, digits and single dashes, none at the ends.
fn dns_label(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

/// `text` if it is short enough, else its beginning and a hash of `whole`.
fn shortened(text: &str, whole: &str, longest: usize) -> String {
    if text.len() <= longest && !text.is_empty() {
        return text.to_owned();
    }
    let hash = format!("{:08x}", fnv1a(whole));
    let room = longest.saturating_sub(hash.len() + 1);
    let head: String = text.chars().take(room).collect();
    let head = head.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
    if head.is_empty() { format!("x{hash}") } else { format!("{head}-{hash}") }
}

/// FNV-1a, 32 bits: stable over platforms and versions, which the standard library's hashes are not.
fn fnv1a(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_follow_the_seeds_pattern() {
        assert_eq!(workload_name("google/gemma-2-27b-it", "vllm"), "gemma-2-27b-it-vllm");
        assert_eq!(service_name("gemma-2-27b-it-vllm"), "gemma-2-27b-it-vllm-service");
        assert_eq!(workload_name("Qwen/Qwen3.5-397B-A17B", "sglang"), "qwen3-5-397b-a17b-sglang");
        assert_eq!(workload_name("01-ai/6B", "tgi"), "model-6b-tgi");
        assert_eq!(label_value("Llama-3.3-70B-Instruct"), "Llama-3.3-70B-Instruct");
    }

    #[test]
    fn long_names_keep_the_server_and_tell_ids_apart() {
        let long = "x".repeat(200);
        let here = workload_name(&format!("a/{long}1"), "vllm");
        let there = workload_name(&format!("a/{long}2"), "vllm");
        assert!(here.ends_with("-vllm") && here.len() <= 55, "{here}");
        assert_ne!(here, there);
    }

    #[test]
    fn names_that_kubernetes_refuses_are_refused() {
        for namespace in ["", "Prod", "a_b", "-a", "a-", "a.b", "a b", "a\nb", &"a".repeat(64)] {
            assert!(check_namespace(namespace).is_err(), "{namespace:?}");
        }
        for account in ["", "a..b", "A", "a b", ".a"] {
            assert!(check_service_account(account).is_err(), "{account:?}");
        }
        for id in ["", "/", "a/", "a/b/c", "a b/c", "a/$(reboot)", "a/b\n", "../b", "a/-b", "a/b..c"] {
            assert!(check_model_id(id).is_err(), "{id:?}");
        }
        assert!(check_namespace("prod-1").is_ok());
        assert!(check_service_account("infer.sa").is_ok());
        assert!(check_model_id("google/gemma-2-27b-it").is_ok());
    }

    proptest! {
        #[test]
        fn any_id_and_server_give_legal_names(model in ".{0,120}", server in ".{0,60}") {
            let workload = workload_name(&model, &server);
            let service = service_name(&workload);
            prop_assert!(is_dns_label(&service), "{service}");
            prop_assert!(service.starts_with(|c: char| c.is_ascii_lowercase()), "{service}");
            prop_assert!(is_dns_label(&transfer_name(&model)));
        }

        #[test]
        fn any_text_gives_a_legal_label_value(text in ".{0,120}") {
            let value = label_value(&text);
            prop_assert!(!value.is_empty() && value.len() <= 63);
            let ends = |c: char| c.is_ascii_alphanumeric();
            prop_assert!(value.starts_with(ends) && value.ends_with(ends), "{value}");
            prop_assert!(value.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)), "{value}");
        }
    }
}
