//! Curves that the tests share.

use super::{Configuration, Curve, Load, LoadKind, LoadPoint, Origin, Parallelism, Provenance};
use crate::workload::{Lengths, Ntpot, Statistic, Traffic, Ttft};

/// Mean lengths of the service's ShareGPT benchmarks.
pub(crate) const SHAREGPT: Traffic =
    Traffic { input_tokens: 226.0, output_tokens: 195.0, lengths: Lengths::Sharegpt };

/// Points of `(output tokens/s, NTPOT ms)` whose loads were not published.
pub(crate) fn curve(points: &[(f64, f64)]) -> Curve {
    let point = |(throughput, ntpot): &(f64, f64)| load_point(Load::Unknown, *throughput, *ntpot);
    of_points(LoadKind::AtThroughput, points.iter().map(point).collect())
}

/// Points of `(requests in flight, output tokens/s)`; NTPOT by Little's law.
pub(crate) fn closed_loop(points: &[(f64, f64)]) -> Curve {
    let point = |(load, throughput): &(f64, f64)| {
        load_point(Load::InFlight(*load), *throughput, load / throughput * 1000.0)
    };
    of_points(LoadKind::Closed, points.iter().map(point).collect())
}

/// Points of `(requests/s offered, output tokens/s, NTPOT ms)`.
pub(crate) fn open_loop(points: &[(f64, f64, f64)]) -> Curve {
    let point = |(rate, throughput, ntpot): &(f64, f64, f64)| {
        load_point(Load::RequestsPerSecond(*rate), *throughput, *ntpot)
    };
    of_points(LoadKind::Poisson, points.iter().map(point).collect())
}

/// Points of `(requests/s, NTPOT ms)`, served as offered; requests in flight by Little's law.
pub(crate) fn by_rate(points: &[(f64, f64)]) -> Curve {
    let point = |(rate, ntpot): &(f64, f64)| {
        let throughput = rate * SHAREGPT.output_tokens;
        let concurrency = Some(throughput * ntpot * 1e-3);
        LoadPoint { concurrency, ..load_point(Load::RequestsPerSecond(*rate), throughput, *ntpot) }
    };
    of_points(LoadKind::Poisson, points.iter().map(point).collect())
}

/// Points of `(TTFT ms, NTPOT ms)` at 100, 200, 300 … output tokens/s.
pub(crate) fn with_ttft(latencies: &[(f64, f64)]) -> Curve {
    let throughputs = (1..).map(|step| f64::from(step) * 100.0);
    let points = throughputs.zip(latencies).map(|(throughput, (ttft, ntpot))| LoadPoint {
        ttft: Some(Ttft::from_milliseconds(*ttft)),
        ..load_point(Load::Unknown, throughput, *ntpot)
    });
    of_points(LoadKind::AtThroughput, points.collect())
}

/// `google/gemma-2-27b-it`, vLLM v0.7.2, 4 × L4: the service's own curve, read off the plot of
/// GoogleCloudPlatform/kubernetes-engine-samples `giq_visualizations.ipynb`.
pub(crate) fn gemma_on_l4() -> Curve {
    curve(&[
        (144.7, 118.4),
        (233.1, 151.0),
        (363.4, 179.8),
        (387.9, 197.4),
        (425.1, 1084.5),
        (433.5, 2011.5),
        (439.2, 2714.0),
        (425.1, 3172.2),
        (439.2, 3397.5),
        (442.1, 5291.5),
    ])
}

/// As [`gemma_on_l4`], on one H100.
pub(crate) fn gemma_on_h100() -> Curve {
    curve(&[
        (171.5, 34.2),
        (860.5, 40.2),
        (1422.8, 47.3),
        (1799.9, 54.3),
        (2051.0, 67.1),
        (2091.6, 614.6),
        (2078.0, 1538.1),
        (2105.3, 2322.0),
        (2064.4, 2630.6),
    ])
}

fn load_point(load: Load, throughput: f64, ntpot: f64) -> LoadPoint {
    let requests_per_second = throughput / SHAREGPT.output_tokens;
    LoadPoint {
        load,
        requests_per_second,
        input_tokens_per_second: requests_per_second * SHAREGPT.input_tokens,
        output_tokens_per_second: throughput,
        ttft: None,
        itl: None,
        ntpot: Some(Ntpot::from_milliseconds(ntpot)),
        concurrency: None,
        running: None,
        waiting: None,
        kv_use: None,
    }
}

fn of_points(load_kind: LoadKind, points: Vec<LoadPoint>) -> Curve {
    Curve {
        configuration: Configuration {
            model: "google/gemma-2-27b-it".to_owned(),
            precision: None,
            server: "vllm".to_owned(),
            server_version: None,
            accelerator: "nvidia-l4".to_owned(),
            accelerators: 4,
            parallelism: Parallelism::tensor(4),
            engine_arguments: String::new(),
        },
        machine: None,
        traffic: SHAREGPT,
        load_kind,
        provenance: Provenance {
            origin: Origin::Measured,
            source: "a test".to_owned(),
            ttft_statistic: Statistic::P50,
            itl_statistic: Statistic::P50,
            notes: Vec::new(),
            tags: Vec::new(),
        },
        bands: None,
        points,
    }
}
