//! What a replica does at a rate of requests.

use super::{Curve, LoadPoint};

impl Curve {
    /// The replica at `requests_per_second` on the rising part of the curve, `None` past its highest rate and for no
    /// rate at all.
    ///
    /// Below the lowest load its latencies are those of the lowest load, and what counts requests shrinks in
    /// proportion. What counts requests never falls with the rate: where it was measured to, the lower value of the
    /// higher load holds, so that nothing that rests on it promises more than a higher load gives.
    pub fn at_rate(&self, requests_per_second: f64) -> Option<LoadPoint> {
        let rising = self.rising();
        let asked = requests_per_second;
        let (first, last) = (rising.first()?, rising.last()?);
        if !(asked > 0.0 && asked <= last.requests_per_second * (1.0 + 1e-9)) {
            return None;
        }
        let above = rising.iter().position(|point| point.requests_per_second >= asked);
        let above = above.unwrap_or(rising.len() - 1);
        let point = match above.checked_sub(1).and_then(|below| rising.get(below)) {
            None => scaled(first, asked / first.requests_per_second),
            Some(below) => {
                let next = rising.get(above)?;
                let span = next.requests_per_second - below.requests_per_second;
                below.towards(next, ((asked - below.requests_per_second) / span).clamp(0.0, 1.0))
            }
        };
        let higher = rising.get(above..).unwrap_or_default();
        let least = |here: Option<f64>, read: fn(&LoadPoint) -> Option<f64>| {
            let later = higher.iter().map(|point| read(point)).collect::<Option<Vec<f64>>>()?;
            Some(later.into_iter().fold(here?, f64::min))
        };
        Some(LoadPoint {
            running: least(point.running, |point| point.running),
            waiting: least(point.waiting, |point| point.waiting),
            kv_use: least(point.kv_use, |point| point.kv_use),
            concurrency: least(point.concurrency, |point| point.concurrency),
            ..point
        })
    }

    /// Points up to the highest rate, without those that a later load did not exceed.
    fn rising(&self) -> Vec<&LoadPoint> {
        let mut rising: Vec<&LoadPoint> = Vec::with_capacity(self.points.len());
        for point in &self.points {
            let highest = rising.last().map_or(0.0, |last| last.requests_per_second);
            if point.requests_per_second > highest {
                rising.push(point);
            }
        }
        rising
    }
}

/// A point of less load: the latencies stay, counts shrink.
fn scaled(point: &LoadPoint, share: f64) -> LoadPoint {
    let of = |count: Option<f64>| count.map(|count| count * share);
    LoadPoint {
        requests_per_second: point.requests_per_second * share,
        input_tokens_per_second: point.input_tokens_per_second * share,
        output_tokens_per_second: point.output_tokens_per_second * share,
        concurrency: of(point.concurrency),
        running: of(point.running),
        waiting: of(point.waiting),
        kv_use: of(point.kv_use),
        ..*point
    }
}
