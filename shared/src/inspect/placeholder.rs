//! Texts that stand for something that is filled in later.

/// Whether `text` stands for something that a person, a template engine or kustomize fills in later: `${MODEL}`,
/// `{{ .Values.model }}`, `<your-model>`, `YOUR_MODEL`, `MODEL_NAME`, `replaced-by-kustomize`.
pub fn is_placeholder(text: &str) -> bool {
    const MARKS: [&str; 6] = ["${", "$(", "{{", "}}", "%%", "@@"];
    const WORDS: [&str; 14] = [
        "replaced-by",
        "replace-with",
        "replace-me",
        "replaceme",
        "replace_me",
        "to-be-replaced",
        "changeme",
        "change-me",
        "change_me",
        "placeholder",
        "your-",
        "your_",
        "image-name",
        "model-name",
    ];
    let text = text.trim();
    if text.is_empty() {
        return false;
    }
    let angled = text.find('<').is_some_and(|open| text[open..].contains('>'));
    let ellipsis = text.contains("...") || text.contains('\u{2026}');
    angled
        || ellipsis
        || text.starts_with('$')
        || MARKS.iter().any(|mark| text.contains(mark))
        || is_constant_name(text)
        || WORDS.iter().any(|word| contains_ignoring_case(text, word))
}

/// `MODEL_NAME`, `V_IMAGE_NAME`, `__MODEL__`: capitals and underscores only.
fn is_constant_name(text: &str) -> bool {
    text.contains('_')
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && text.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn contains_ignoring_case(text: &str, word: &str) -> bool {
    text.as_bytes().windows(word.len()).any(|window| window.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::is_placeholder;

    #[test]
    fn placeholders_are_recognised() {
        for text in [
            "${MODEL}",
            "$MODEL",
            "$(MODEL_ID)",
            "{{ .Values.model }}",
            "<your-model>",
            "V_IMAGE_NAME",
            "YOUR_TOKEN",
            "MODEL_NAME",
            "us-docker.pkg.dev/YOUR_PROJECT/vllm:latest",
            "replaced-by-kustomize",
            "hf_...",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
    }

    #[test]
    fn real_values_are_not_placeholders() {
        for text in [
            "Qwen/Qwen3-8B",
            "vllm/vllm-openai:v0.9.0",
            "/data",
            "0.9",
            "GPTQ",
            "hf_abcdef",
            "",
            "TinyLlama/T_1",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
