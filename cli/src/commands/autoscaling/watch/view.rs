//! What is printed of a look.

use std::collections::BTreeSet;
use std::time::Duration;

use super::scene::{Reading, Scene};
use crate::output::{aligned, printable};

/// Events that a terminal shows.
const SHOWN_EVENTS: usize = 8;

/// Text for each look in turn.
pub(super) struct View {
    is_terminal: bool,
    last: Scene,
    seen: BTreeSet<String>,
}

impl View {
    pub(super) fn new(is_terminal: bool) -> Self {
        Self { is_terminal, last: Scene::default(), seen: BTreeSet::new() }
    }

    /// The whole view on a terminal; elsewhere lines for what changed.
    pub(super) fn next(&mut self, elapsed: Duration, scene: &Scene) -> String {
        if self.is_terminal {
            // To the corner, and nothing of the last view below.
            return format!("\u{1b}[H\u{1b}[J{}", drawn(elapsed, scene));
        }
        let seconds = elapsed.as_secs();
        let mut text = String::new();
        let mut say = |line: &str| {
            text.push_str(&format!("[{:>2}:{:02}] {}\n", seconds / 60, seconds % 60, printable(line)));
        };
        let now = summary(scene);
        if self.last.name.is_empty() || now != summary(&self.last) {
            say(&now);
        }
        for condition in scene.conditions.iter().filter(|now| !self.last.conditions.contains(now)) {
            say(condition);
        }
        for (id, event) in &scene.events {
            // An event that repeats keeps its id; what it says stands in the conditions.
            if self.seen.insert(id.clone()) {
                say(event);
            }
        }
        self.last = scene.clone();
        text
    }
}

fn summary(scene: &Scene) -> String {
    let metric = |reading: &Reading| {
        let current = reading.current.as_deref().unwrap_or("unreadable");
        format!("{} {current} of {}", reading.name, reading.target)
    };
    let metrics: Vec<String> = scene.metrics.iter().map(metric).collect();
    format!("{}; {}", replicas(scene), metrics.join(", "))
}

fn replicas(scene: &Scene) -> String {
    let ready = scene.ready.map(|ready| format!("{ready} ready, ")).unwrap_or_default();
    let (least, most) = scene.bounds;
    format!("replicas {} ({ready}{} wanted, {least} to {most})", scene.replicas, scene.wanted)
}

fn drawn(elapsed: Duration, scene: &Scene) -> String {
    let seconds = elapsed.as_secs();
    let title = format!("{} scales {}   {}:{:02}", scene.name, scene.target, seconds / 60, seconds % 60);
    let row = |reading: &Reading| {
        vec![
            reading.name.clone(),
            reading.current.clone().unwrap_or_else(|| "unreadable".to_owned()),
            reading.target.clone(),
        ]
    };
    let rows: Vec<Vec<String>> = scene.metrics.iter().map(row).collect();
    let mut text = format!("{}\n\n{}\n\n", printable(&title), printable(&replicas(scene)));
    text.push_str(&aligned(&["METRIC", "NOW", "TARGET"], &rows));
    let lines = |title: &str, lines: Vec<&String>| {
        if lines.is_empty() {
            return String::new();
        }
        let lines: String = lines.into_iter().map(|line| format!("  {}\n", printable(line))).collect();
        format!("\n{title}\n{lines}")
    };
    text.push_str(&lines("CONDITIONS", scene.conditions.iter().collect()));
    let recent = scene.events.len().saturating_sub(SHOWN_EVENTS);
    text.push_str(&lines("EVENTS", scene.events.iter().skip(recent).map(|(_, event)| event).collect()));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(replicas: i32, current: Option<&str>) -> Scene {
        Scene {
            name: "server".to_owned(),
            target: "Deployment server".to_owned(),
            replicas,
            wanted: replicas,
            bounds: (1, 4),
            ready: Some(1),
            metrics: vec![Reading {
                name: "requests".to_owned(),
                current: current.map(str::to_owned),
                target: "50 a replica".to_owned(),
            }],
            conditions: Vec::new(),
            events: vec![("1".to_owned(), "SuccessfulRescale: New size: 2\u{1b}[2J".to_owned())],
        }
    }

    #[test]
    fn lines_say_what_changed_and_an_event_once() {
        let mut view = View::new(false);
        let first = view.next(Duration::ZERO, &scene(1, None));
        assert_eq!(
            first,
            "[ 0:00] replicas 1 (1 ready, 1 wanted, 1 to 4); requests unreadable of 50 a replica\n\
             [ 0:00] SuccessfulRescale: New size: 2\\u{1b}[2J\n"
        );
        assert_eq!(view.next(Duration::from_secs(2), &scene(1, None)), "");
        let third = view.next(Duration::from_secs(64), &scene(2, Some("85.5")));
        assert_eq!(third, "[ 1:04] replicas 2 (1 ready, 2 wanted, 1 to 4); requests 85.5 of 50 a replica\n");
    }

    #[test]
    fn a_terminal_is_drawn_anew_and_not_steered() {
        let mut view = View::new(true);
        let drawn = view.next(Duration::ZERO, &scene(1, Some("85.5")));
        assert!(drawn.starts_with("\u{1b}[H\u{1b}[Jserver scales Deployment server"), "{drawn}");
        assert_eq!(drawn.matches('\u{1b}').count(), 2, "{drawn}");
    }
}
