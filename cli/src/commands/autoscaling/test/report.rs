//! What came of a burst.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::time::Duration;

use crate::output::printable;

/// How long one answer took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Answer {
    /// Until its first line came.
    pub(super) first: Duration,
    /// Until it was over.
    pub(super) whole: Duration,
}

/// Everything that happened so far.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    count: u32,
    sent: u32,
    answers: Vec<Answer>,
    /// What went wrong, and how often.
    failed: BTreeMap<String, u32>,
    /// Replicas and wanted replicas, at each change.
    replicas: Vec<(Duration, i32, i32)>,
}

impl Tally {
    pub(super) fn new(count: u32) -> Self {
        Self { count, sent: 0, answers: Vec::new(), failed: BTreeMap::new(), replicas: Vec::new() }
    }

    pub(super) fn sent(&mut self) {
        self.sent += 1;
    }

    pub(super) fn got(&mut self, answer: Result<Answer, String>) {
        match answer {
            Ok(answer) => self.answers.push(answer),
            Err(why) => *self.failed.entry(why).or_default() += 1,
        }
    }

    pub(super) fn saw(&mut self, at: Duration, replicas: i32, wanted: i32) {
        let is_new =
            self.replicas.last().is_none_or(|(_, last, asked)| (*last, *asked) != (replicas, wanted));
        if is_new {
            self.replicas.push((at, replicas, wanted));
        }
    }

    pub(super) fn answered(&self) -> usize {
        self.answers.len()
    }

    fn failures(&self) -> u32 {
        self.failed.values().sum()
    }

    /// What is said at the end.
    pub(super) fn report(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "requests  {} sent, {} answered, {} failed",
            self.sent,
            self.answers.len(),
            self.failures()
        );
        for (why, count) in &self.failed {
            let _ = writeln!(text, "  {count} × {}", printable(why));
        }
        for (what, of) in [
            ("TTFT     ", (|answer| answer.first) as fn(&Answer) -> Duration),
            ("latency  ", |answer| answer.whole),
        ] {
            let mut times: Vec<Duration> = self.answers.iter().map(of).collect();
            times.sort();
            if let (Some(median), Some(ninth), Some(last)) =
                (percentile(&times, 50), percentile(&times, 90), times.last())
            {
                let [median, ninth, last] = [median, ninth, *last].map(|time| time.as_secs_f64() * 1000.0);
                let _ = writeln!(text, "{what} P50 {median:.0} ms, P90 {ninth:.0} ms, longest {last:.0} ms");
            }
        }
        if self.replicas.is_empty() {
            text.push_str("replicas  no autoscaler was seen\n");
        }
        let mut before: Option<(i32, i32)> = None;
        for (at, replicas, wanted) in &self.replicas {
            let seconds = at.as_secs_f64();
            let said = match before {
                None => format!("{replicas}, {wanted} wanted"),
                Some((last, asked)) if asked != *wanted && last != *replicas => {
                    format!("{last} → {replicas}, {wanted} wanted")
                }
                Some((_, asked)) if asked != *wanted => format!("{wanted} wanted, {replicas} there"),
                Some((last, _)) => format!("{last} → {replicas}"),
            };
            let _ = writeln!(text, "replicas  after {seconds:.0} s: {said}");
            before = Some((*replicas, *wanted));
        }
        text
    }
}

/// Nearest rank.
fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

/// A line a second on standard error, where something changed.
#[derive(Debug, Default)]
pub(super) struct Progress {
    last: String,
}

impl Progress {
    pub(super) fn say(&mut self, elapsed: Duration, tally: &Tally) {
        let replicas = tally
            .replicas
            .last()
            .map(|(_, now, wanted)| format!(", replicas {now} of {wanted}"))
            .unwrap_or_default();
        let (sent, count, failed) = (tally.sent, tally.count, tally.failures());
        let line =
            format!("sent {sent} of {count}, answered {}, failed {failed}{replicas}", tally.answers.len());
        if line != self.last {
            let seconds = elapsed.as_secs();
            // Standard error may be closed; the requests go on.
            let _ = writeln!(io::stderr().lock(), "[{:>2}:{:02}] {line}", seconds / 60, seconds % 60);
            self.last = line;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_what_clients_saw_and_when_replicas_changed() {
        let mut tally = Tally::new(12);
        for number in 1..=10 {
            tally.sent();
            let time = |times: u64| Duration::from_millis(number * times);
            tally.got(Ok(Answer { first: time(10), whole: time(100) }));
        }
        for _ in 0..2 {
            tally.sent();
            tally.got(Err("503 no endpoints".to_owned()));
        }
        for (second, replicas, wanted) in [(0, 1, 1), (1, 1, 1), (20, 1, 3), (21, 3, 3), (40, 4, 4)] {
            tally.saw(Duration::from_secs(second), replicas, wanted);
        }
        assert_eq!(
            tally.report(),
            "requests  12 sent, 10 answered, 2 failed\n  2 × 503 no endpoints\n\
             TTFT      P50 50 ms, P90 90 ms, longest 100 ms\n\
             latency   P50 500 ms, P90 900 ms, longest 1000 ms\n\
             replicas  after 0 s: 1, 1 wanted\n\
             replicas  after 20 s: 3 wanted, 1 there\n\
             replicas  after 21 s: 1 → 3\n\
             replicas  after 40 s: 3 → 4, 4 wanted\n"
        );
    }

    #[test]
    fn without_answers_there_is_no_latency() {
        assert_eq!(
            Tally::new(1).report(),
            "requests  0 sent, 0 answered, 0 failed\nreplicas  no autoscaler was seen\n"
        );
    }
}
