//! The simulated scheduler against what vLLM 0.32.0's decided, step by step.

#![allow(clippy::unwrap_used, clippy::panic)] // Tests: a missing file or field is a failure.

use std::path::PathBuf;

use infer_core::estimate::scheduler::{Recording, RecordingError, SimulationError};
use serde_json::{Value, json};

fn recordings() -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/schedules");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                std::fs::read_to_string(&path).unwrap(),
            )
        })
        .collect()
}

fn recording(name: &str) -> Value {
    let (_, text) = recordings().into_iter().find(|(file, _)| file == name).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn every_recorded_decision_is_reproduced() {
    let recordings = recordings();
    assert!(recordings.len() >= 8, "{} recordings", recordings.len());
    for (name, text) in recordings {
        let agreement = Recording::parse(&text).unwrap().replay().unwrap();
        assert!(agreement.is_complete(), "{name}: {}", agreement.first.unwrap());
        assert_eq!(agreement.agreeing, agreement.steps, "{name}");
        assert_eq!(agreement.agreeing_requests, agreement.requests, "{name}");
        assert_eq!(agreement.simulated, agreement.steps, "{name}");
    }
}

/// Each decision that a recording holds is compared: a recording changed in one of them no longer agrees.
#[test]
fn a_changed_recording_is_seen() {
    let original = recording("preemption.json");
    let preempting =
        original["steps"].as_array().unwrap().iter().position(|step| step["preempted"] != json!([])).unwrap();
    let scheduled = original["steps"][20]["scheduled"].as_object().unwrap().keys().next().unwrap().clone();
    let changes = [
        (format!("/steps/20/scheduled/{scheduled}"), json!(7), "tokens"),
        ("/steps/20/running".to_owned(), json!(99), "running"),
        ("/steps/20/waiting".to_owned(), json!(99), "waiting"),
        ("/steps/20/kv_usage".to_owned(), json!(0.5), "KV use"),
        (format!("/steps/{preempting}/preempted"), json!([]), "who is preempted"),
        ("/requests/3/first_token_step".to_owned(), json!(0), "the step of the first token"),
        ("/requests/3/finish_step".to_owned(), json!(0), "the step of the last token"),
    ];
    for (place, value, what) in changes {
        let mut changed = original.clone();
        *changed.pointer_mut(&place).unwrap() = value;
        let agreement = Recording::parse(&changed.to_string()).unwrap().replay().unwrap();
        assert_eq!(agreement.first.unwrap().what, what, "{place}");
    }
}

#[test]
fn a_shortened_recording_is_seen() {
    let mut recording = recording("tiny.json");
    recording["steps"].as_array_mut().unwrap().pop();
    let agreement = Recording::parse(&recording.to_string()).unwrap().replay().unwrap();
    assert_eq!(agreement.agreeing, agreement.steps);
    assert_eq!(agreement.first.unwrap().what, "the step");
}

#[test]
fn what_is_no_recording_is_refused() {
    let changed = |place: &str, value: Value| {
        let mut recording = recording("tiny.json");
        *recording.pointer_mut(place).unwrap() = value;
        let read = Recording::parse(&recording.to_string());
        read.and_then(|recording| recording.replay()).unwrap_err()
    };
    for text in ["", "{}", "[1, 2]", "{\"config\": {}, \"requests\": [], \"steps\": []}", "\u{0}"] {
        assert!(matches!(Recording::parse(text), Err(RecordingError::Form { .. })), "{text:?}");
    }
    assert!(matches!(changed("/steps", json!([])), RecordingError::Empty { what: "steps" }));
    assert!(matches!(changed("/requests", json!([])), RecordingError::Empty { what: "requests" }));
    assert!(matches!(changed("/requests/1/id", json!("r0")), RecordingError::SameId { .. }));
    assert!(matches!(changed("/requests/0/arrival_step", json!(900)), RecordingError::Unordered { .. }));
    assert!(matches!(changed("/steps/0/step", json!(900)), RecordingError::Unordered { .. }));
    assert!(matches!(changed("/config/num_blocks", json!(1)), RecordingError::NoBlocks { blocks: 1 }));
    assert!(matches!(changed("/config/block_size", json!(-1)), RecordingError::Form { .. }));
    let refused = |place: &str, value: Value| match changed(place, value) {
        RecordingError::Simulation(error) => error,
        other => panic!("{place}: {other}"),
    };
    assert!(matches!(refused("/config/block_size", json!(0)), SimulationError::Zero { .. }));
    assert!(matches!(refused("/config/max_num_seqs", json!(0)), SimulationError::Zero { .. }));
    assert!(matches!(refused("/config/max_num_batched_tokens", json!(0)), SimulationError::Zero { .. }));
    assert!(matches!(
        refused("/requests/5/prompt_tokens", json!(0)),
        SimulationError::EmptyRequest { request: 5, .. }
    ));
    assert!(matches!(
        refused("/requests/5/prompt_tokens", json!(4000)),
        SimulationError::PromptTooLong { .. }
    ));
    assert!(matches!(refused("/config/num_blocks", json!(2)), SimulationError::LargerThanCache { .. }));
    assert!(matches!(
        refused("/config/block_size", json!(4_000_000_000_u32)),
        SimulationError::TooMany { .. }
    ));
}
