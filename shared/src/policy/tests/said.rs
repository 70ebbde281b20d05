//! What is said: warnings, refusals, exports.

use serde_json::json;

use super::super::{export, text};
use super::*;

#[test]
fn warnings_are_printable_ascii_within_the_api_servers_bounds() {
    let long = format!("90 GiB × 2 ≤ “disk”\n{}", "é".repeat(400));
    let warnings = text::warnings((0..100).map(|index| format!("{index} {long}")));
    assert!(warnings[0].starts_with("0 90 GiB x 2 <= \"disk\" ??"), "{}", warnings[0]);
    assert!(warnings.iter().all(|warning| warning.len() <= 256));
    assert!(warnings.iter().map(String::len).sum::<usize>() <= 4096);
    assert!(warnings.iter().flat_map(|warning| warning.bytes()).all(|byte| (b' '..=b'~').contains(&byte)));
    assert!(warnings.last().unwrap().ends_with("says all of them"));
}

#[test]
fn the_same_warning_is_said_once() {
    assert_eq!(text::warnings(["a".to_owned(), "a".to_owned()]), ["a"]);
}

#[test]
fn what_an_author_writes_into_a_name_cannot_forge_a_line_of_a_refusal() {
    let denial = text::cut_lines("INF001: `a\u{1b}[2J\rb`", 100);
    assert_eq!(denial, "INF001: `a?[2J b`");
}

#[test]
fn the_simple_part_is_exported_for_the_api_server_and_the_rest_is_named() {
    let spec = json!({
        "namespaceSelector": {"matchLabels": {"env": "prod"}},
        "rules": [{"rule": "too-many-replicas", "action": "warn"}, {"rule": "INF001", "action": "deny"}],
        "limits": {"accelerators": ["nvidia-l4"], "replicas": 4, "usdPerHour": 10}
    });
    let exported = export(&policy("p", &spec)).unwrap();
    let names: Vec<_> =
        exported.objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        ["kubectl-infer-p-deny", "kubectl-infer-p-deny", "kubectl-infer-p-warn", "kubectl-infer-p-warn"]
    );
    let binding = &exported.objects[1]["spec"];
    assert_eq!(binding["matchResources"]["namespaceSelector"], spec["namespaceSelector"]);
    assert_eq!(binding["validationActions"], json!(["Deny"]));
    for left_out in ["INF001", "usdPerHour"] {
        assert!(exported.left_out.iter().any(|text| text.contains(left_out)), "{left_out}");
    }
    assert!(export(&policy("p", &json!({"rules": [{"rule": "INF999", "action": "warn"}]}))).is_err());
}
