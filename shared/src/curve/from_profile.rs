//! A curve from a catalog entry: what the source left out is derived, and said so.

use thiserror::Error;

use super::{Configuration, Curve, Load, LoadKind, LoadPoint, Parallelism, Provenance};
use crate::catalog::{Profile, ProfilePoint};
use crate::workload::{Itl, Ntpot, Statistic, Ttft};

/// A catalog entry that is no curve.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CurveError {
    /// No points.
    #[error("has no points: at least one is needed")]
    NoPoints,
    /// A figure that no measurement gives.
    #[error("point {number}: {field} is {value}: it must be a positive, finite number")]
    NotPositive {
        /// Number of the point, from 1.
        number: usize,
        /// Which figure.
        field: &'static str,
        /// What stands there.
        value: f64,
    },
    /// Throughput is neither given nor can it be derived.
    #[error(
        "point {number}: has no throughput: give the output tokens per second, or for a closed loop the \
         requests in flight with TTFT and ITL, or with NTPOT"
    )]
    NoThroughput {
        /// Number of the point, from 1.
        number: usize,
    },
}

impl Configuration {
    /// The configuration of a catalog entry: tensor parallel over all accelerators where it says nothing else.
    pub(crate) fn of_profile(profile: &Profile) -> Self {
        Self {
            model: profile.model.clone(),
            precision: profile.precision,
            server: profile.server.clone(),
            server_version: profile.server_version.clone(),
            accelerator: profile.accelerator.clone(),
            accelerators: profile.accelerators,
            parallelism: profile.parallelism.unwrap_or(Parallelism::tensor(profile.accelerators)),
            engine_arguments: profile.engine_arguments.clone(),
        }
    }
}

/// What was derived on the way from an entry to its curve.
#[derive(Debug, Clone, Copy, Default)]
struct Derived {
    ntpot: bool,
    throughput: bool,
    concurrency: bool,
}

impl Curve {
    /// The curve of a catalog entry, its points in the entry's order.
    ///
    /// Derived where absent: NTPOT from TTFT and ITL; in a closed loop the throughput from the requests in
    /// flight by Little's law; in an open loop the requests in flight, by the same law; requests and input
    /// tokens a second from output tokens a second and the mean lengths.
    ///
    /// # Errors
    /// An entry without points, with figures that are not positive, or without throughput.
    pub fn from_profile(profile: &Profile) -> Result<Self, CurveError> {
        if profile.points.is_empty() {
            return Err(CurveError::NoPoints);
        }
        let mut derived = Derived::default();
        let mut points = Vec::with_capacity(profile.points.len());
        for (index, point) in profile.points.iter().enumerate() {
            points.push(load_point(profile, index + 1, point, &mut derived)?);
        }
        Ok(Self {
            configuration: Configuration::of_profile(profile),
            machine: profile.machine.clone(),
            traffic: profile.traffic,
            load_kind: profile.load_kind,
            provenance: provenance(profile, derived),
            bands: None,
            points,
        })
    }
}

fn provenance(profile: &Profile, derived: Derived) -> Provenance {
    let mut notes = Vec::new();
    if derived.ntpot {
        notes.push("NTPOT from TTFT and ITL at the mean output length".to_owned());
    }
    if derived.throughput {
        let mut note = "throughput from the requests in flight by Little's law".to_owned();
        if profile.ttft_statistic == Statistic::Mean {
            note.push_str(", approximate: the mean TTFT includes the first wave of requests");
        }
        notes.push(note);
    }
    if derived.concurrency {
        notes.push("requests in flight from throughput and latency by Little's law".to_owned());
    }
    Provenance {
        origin: profile.origin,
        source: profile.source.clone(),
        ttft_statistic: profile.ttft_statistic,
        itl_statistic: profile.itl_statistic,
        notes,
        tags: profile.tags.clone(),
    }
}

fn load_point(
    profile: &Profile,
    number: usize,
    point: &ProfilePoint,
    derived: &mut Derived,
) -> Result<LoadPoint, CurveError> {
    let ProfilePoint(load, ttft, itl, ntpot, output_tokens_per_second) = *point;
    let fields = [
        ("load", load),
        ("TTFT", ttft),
        ("ITL", itl),
        ("NTPOT", ntpot),
        ("output tokens per second", output_tokens_per_second),
    ];
    for (field, value) in fields {
        if let Some(value) = value.filter(|value| !(value.is_finite() && *value > 0.0)) {
            return Err(CurveError::NotPositive { number, field, value });
        }
    }
    let output_tokens = profile.traffic.mean_output_tokens();
    let (ttft, itl) = (ttft.map(Ttft::from_milliseconds), itl.map(Itl::from_milliseconds));
    let from_parts = || Some(Ntpot::from_parts(ttft?, itl?, output_tokens));
    derived.ntpot |= ntpot.is_none() && from_parts().is_some();
    let ntpot = ntpot.map(Ntpot::from_milliseconds).or_else(from_parts);
    let seconds = ntpot.map(|ntpot| ntpot.milliseconds() * output_tokens / 1000.0);

    let is_closed = profile.load_kind == LoadKind::Closed;
    let in_flight = load.filter(|_| is_closed);
    let by_little = || Some(in_flight? / seconds? * output_tokens);
    derived.throughput |= output_tokens_per_second.is_none();
    let output_tokens_per_second =
        output_tokens_per_second.or_else(by_little).ok_or(CurveError::NoThroughput { number })?;
    let requests_per_second = output_tokens_per_second / output_tokens;
    let concurrency = in_flight.or_else(|| Some(requests_per_second * seconds?));
    derived.concurrency |= in_flight.is_none() && concurrency.is_some();
    Ok(LoadPoint {
        load: load_of(profile.load_kind, load),
        requests_per_second,
        input_tokens_per_second: requests_per_second * profile.traffic.mean_input_tokens(),
        output_tokens_per_second,
        ttft,
        itl,
        ntpot,
        concurrency,
        running: None,
        waiting: None,
        kv_use: None,
    })
}

fn load_of(kind: LoadKind, amount: Option<f64>) -> Load {
    let Some(amount) = amount else {
        return Load::Unknown;
    };
    match kind {
        LoadKind::Closed => Load::InFlight(amount),
        LoadKind::Poisson | LoadKind::Constant => Load::RequestsPerSecond(amount),
        LoadKind::Burst => Load::AtOnce(amount),
        LoadKind::AtThroughput => Load::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::curve::Origin;
    use crate::workload::{Lengths, Traffic};

    fn profile(load_kind: LoadKind, point: ProfilePoint) -> Profile {
        Profile {
            model: "google/gemma-2-27b-it".to_owned(),
            precision: None,
            server: "vllm".to_owned(),
            server_version: None,
            accelerator: "nvidia-h100-80gb".to_owned(),
            accelerators: 2,
            parallelism: None,
            engine_arguments: String::new(),
            traffic: Traffic { input_tokens: 1000.0, output_tokens: 100.0, lengths: Lengths::Fixed },
            load_kind,
            origin: Origin::Measured,
            machine: None,
            ttft_statistic: Statistic::Mean,
            itl_statistic: Statistic::P50,
            tags: vec!["wip".to_owned()],
            source: "a test".to_owned(),
            points: vec![point],
        }
    }

    fn close(value: f64, wanted: f64) -> bool {
        (value - wanted).abs() <= 1e-9 * wanted
    }

    #[test]
    fn a_closed_loop_without_throughput_gets_it_by_littles_law() {
        // End to end 10 ms + 99 · 10 ms = 1 s, so 8 in flight are 8 requests/s.
        let entry = profile(LoadKind::Closed, ProfilePoint(Some(8.0), Some(10.0), Some(10.0), None, None));
        let curve = Curve::from_profile(&entry).unwrap();
        let point = curve.points[0];
        assert!(close(point.requests_per_second, 8.0));
        assert!(close(point.output_tokens_per_second, 800.0));
        assert!(close(point.input_tokens_per_second, 8000.0));
        assert!(close(point.ntpot.unwrap().milliseconds(), 10.0));
        assert_eq!(point.concurrency, Some(8.0));
        assert_eq!(curve.configuration.parallelism, Parallelism::tensor(2));
        assert_eq!(curve.provenance.tags, ["wip"]);
        assert!(curve.provenance.notes[1].contains("Little's law, approximate: the mean TTFT"));
    }

    #[test]
    fn nominal_lengths_count_by_their_mean() {
        // Drawn from 0.8 to 1.0 of nominal: 90 tokens on average, 10 + 89 · 10 = 900 ms end to end.
        let mut entry =
            profile(LoadKind::Closed, ProfilePoint(Some(9.0), Some(10.0), Some(10.0), None, None));
        entry.traffic.lengths = Lengths::UniformFourFifths;
        let point = Curve::from_profile(&entry).unwrap().points[0];
        assert!(close(point.requests_per_second, 10.0));
        assert!(close(point.output_tokens_per_second, 900.0));
        assert!(close(point.input_tokens_per_second, 9000.0));
    }

    #[test]
    fn an_open_loop_gets_its_requests_in_flight_by_littles_law() {
        let entry = profile(LoadKind::Poisson, ProfilePoint(Some(5.0), None, None, Some(20.0), Some(400.0)));
        let curve = Curve::from_profile(&entry).unwrap();
        let point = curve.points[0];
        assert_eq!(point.load, Load::RequestsPerSecond(5.0));
        assert!(close(point.requests_per_second, 4.0));
        assert!(close(point.concurrency.unwrap(), 8.0));
        assert_eq!(curve.provenance.notes.len(), 1);
    }

    #[test]
    fn an_open_loop_without_throughput_is_refused() {
        // The rate that was offered is not the rate that was served.
        let entry = profile(LoadKind::Poisson, ProfilePoint(Some(5.0), Some(10.0), Some(10.0), None, None));
        assert_eq!(Curve::from_profile(&entry), Err(CurveError::NoThroughput { number: 1 }));
    }

    #[test]
    fn figures_that_no_measurement_gives_are_refused() {
        let entry = profile(LoadKind::Closed, ProfilePoint(Some(8.0), Some(-1.0), Some(10.0), None, None));
        let error = Curve::from_profile(&entry).unwrap_err();
        assert_eq!(error.to_string(), "point 1: TTFT is -1: it must be a positive, finite number");
    }
}
