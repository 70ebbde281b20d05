//! The algorithm that simulations run on decides as the real controller does: same inputs, same replicas.

use super::{autoscaler, deployment};
use anyhow::Result;
use infer_core::autoscale::controller::{
    Controller, Milli, Observation, Pod, Reading, Sample, Settings, Source, Spec,
};
use infer_tests::autoscaling::{Pass, PlayedMetrics};
use infer_tests::{NodeShape, TestNamespace};
use serde_json::{Value, json};
use std::time::Duration;

/// Generous: thirty rows take half a minute, and a machine that runs other builds is slow.
const DEADLINE: Duration = Duration::from_secs(300);

/// One trace, and the autoscaler that reads it.
struct Case {
    name: &'static str,
    replicas: u32,
    bounds: (u32, u32),
    metrics: Value,
    behavior: Option<Value>,
    rows: Vec<Vec<Option<f64>>>,
}

fn external(name: &str, target: &Value) -> Value {
    json!({ "type": "External", "external": { "metric": { "name": name }, "target": target } })
}

fn average(name: &str, value: &str) -> Value {
    external(name, &json!({ "type": "AverageValue", "averageValue": value }))
}

fn pods(name: &str, value: &str) -> Value {
    let target = json!({ "type": "AverageValue", "averageValue": value });
    json!({ "type": "Pods", "pods": { "metric": { "name": name }, "target": target } })
}

fn object(name: &str, target: &Value) -> Value {
    let described = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "name": "server" });
    json!({
        "type": "Object",
        "object": { "metric": { "name": name }, "describedObject": described, "target": target },
    })
}

fn policy(kind: &str, value: u32, seconds: u32) -> Value {
    json!({ "type": kind, "value": value, "periodSeconds": seconds })
}

/// Values of one metric: each held for so many rows.
fn held(values: &[(f64, usize)]) -> Vec<Vec<Option<f64>>> {
    values.iter().flat_map(|(value, rows)| vec![vec![Some(*value)]; *rows]).collect()
}

/// A rise to twelve times, noise on the way, and a fall.
fn day() -> Vec<Vec<Option<f64>>> {
    let noise = [0.0, 3.0, -4.0, 1.0, 6.0, -2.0];
    let rises = (0..12).map(|hour| 10.0 + f64::from(hour) * 10.0);
    let falls = (0..14).map(|hour| 120.0 - f64::from(hour) * 9.0);
    let loads = rises.chain(falls).zip(noise.into_iter().cycle());
    loads.map(|(load, noise)| vec![Some(load + noise)]).collect()
}

fn cases() -> Vec<Case> {
    let short = || json!({ "scaleDown": { "stabilizationWindowSeconds": 0 } });
    let case = |name, replicas, metrics, behavior, rows| Case {
        name,
        replicas,
        bounds: (1, 12),
        metrics,
        behavior,
        rows,
    };
    let spikes = || held(&[(20.0, 3), (200.0, 2), (20.0, 9), (60.0, 2), (15.0, 10)]);
    vec![
        case("average-default", 1, json!([average("load", "10")]), None, day()),
        case(
            "average-from-four",
            4,
            json!([average("load", "10")]),
            None,
            held(&[(40.0, 2), (15.0, 12), (90.0, 4)]),
        ),
        case("average-spikes", 2, json!([average("load", "10")]), None, spikes()),
        case(
            "average-behavior-default",
            2,
            json!([average("load", "10")]),
            Some(json!({ "scaleUp": {} })),
            spikes(),
        ),
        case(
            "value",
            2,
            json!([external("load", &json!({ "type": "Value", "value": "10" }))]),
            Some(short()),
            held(&[(10.0, 2), (15.0, 2), (10.5, 3), (25.0, 2), (9.5, 2), (4.0, 3), (12.0, 3)]),
        ),
        case(
            "pods-average",
            1,
            json!([pods("prometheus.googleapis.com|vllm:num_requests_running|gauge", "7500m")]),
            Some(short()),
            day(),
        ),
        case("pods-default", 3, json!([pods("running", "10")]), None, spikes()),
        case(
            "object-value",
            2,
            json!([object("load", &json!({ "type": "Value", "value": "10" }))]),
            Some(short()),
            held(&[(10.0, 2), (21.0, 1), (10.0, 2), (30.0, 1), (5.0, 1), (2.0, 2)]),
        ),
        case(
            "object-average",
            2,
            json!([object("load", &json!({ "type": "AverageValue", "averageValue": "10" }))]),
            Some(short()),
            day(),
        ),
        case(
            "tolerances",
            4,
            json!([average("load", "10")]),
            Some(json!({
                "scaleUp": { "tolerance": "0" },
                "scaleDown": { "tolerance": "400m", "stabilizationWindowSeconds": 0 },
            })),
            held(&[(40.0, 2), (40.1, 2), (49.0, 2), (31.0, 2), (29.0, 2), (30.0, 2), (17.0, 2), (20.0, 2)]),
        ),
        case(
            "policies",
            2,
            json!([average("load", "10")]),
            Some(json!({
                "scaleUp": { "policies": [policy("Pods", 1, 3), policy("Percent", 50, 5)] },
                "scaleDown": {
                    "stabilizationWindowSeconds": 0,
                    "selectPolicy": "Min",
                    "policies": [policy("Pods", 2, 4), policy("Percent", 20, 3)],
                },
            })),
            held(&[(20.0, 2), (120.0, 22), (10.0, 26)]),
        ),
        case(
            "windows",
            3,
            json!([average("load", "10")]),
            Some(json!({
                "scaleUp": { "stabilizationWindowSeconds": 3 },
                "scaleDown": { "stabilizationWindowSeconds": 5 },
            })),
            held(&[(30.0, 7), (90.0, 2), (50.0, 3), (95.0, 8), (40.0, 3), (60.0, 2), (10.0, 12)]),
        ),
        case(
            "disabled-down",
            2,
            json!([average("load", "10")]),
            Some(json!({ "scaleDown": { "selectPolicy": "Disabled" } })),
            held(&[(20.0, 2), (50.0, 2), (10.0, 10), (70.0, 2)]),
        ),
        Case {
            bounds: (3, 5),
            ..case(
                "bounds",
                9,
                json!([average("load", "10")]),
                Some(short()),
                held(&[(50.0, 2), (200.0, 3), (5.0, 3)]),
            )
        },
        case(
            "two-metrics",
            2,
            json!([average("load", "10"), pods("queue", "2")]),
            Some(short()),
            [(20.0, 4.0), (20.0, 9.0), (60.0, 9.0), (30.0, 3.0), (10.0, 12.0), (10.0, 1.0)]
                .into_iter()
                .flat_map(|(load, queue)| vec![vec![Some(load), Some(queue)]; 2])
                .collect(),
        ),
        case(
            "one-unreadable",
            4,
            json!([average("load", "10"), average("queue", "5")]),
            Some(short()),
            [
                (Some(40.0), Some(20.0)),
                (Some(10.0), None),
                (Some(70.0), None),
                (None, Some(10.0)),
                (None, Some(60.0)),
                (None, None),
                (Some(20.0), Some(10.0)),
            ]
            .into_iter()
            .flat_map(|(load, queue)| vec![vec![load, queue]; 2])
            .collect(),
        ),
    ]
}

/// How often a trace is played that does not come out alike: a controller that is kept waiting for the API server may
/// have read replicas other than those that were settled when its metrics were given out.
const TURNS: usize = 3;

#[test]
fn replicas_follow_traces_as_the_algorithm_says() -> Result<()> {
    let played = PlayedMetrics::shared()?;
    let cases = cases();
    let mut wrong = Vec::new();
    {
        let namespaces: Vec<TestNamespace<'_>> =
            cases.iter().map(|case| begin(played, case)).collect::<Result<_>>()?;
        for (case, namespace) in cases.iter().zip(&namespaces) {
            wrong.extend(difference(played, case, namespace)?.map(|difference| (case, difference)));
        }
    }
    // Most of them at once and in time, the rest alone.
    assert!(wrong.len() <= cases.len() / 4, "{} of {} traces differ", wrong.len(), cases.len());
    for _ in 1..TURNS {
        let again = std::mem::take(&mut wrong);
        for (case, _) in again {
            let namespace = begin(played, case)?;
            wrong.extend(difference(played, case, &namespace)?.map(|difference| (case, difference)));
        }
    }
    let wrong: Vec<String> = wrong.into_iter().map(|(_, difference)| difference).collect();
    assert!(wrong.is_empty(), "of {} traces differ:\n{}", cases.len(), wrong.join("\n"));
    Ok(())
}

/// What the real controller did otherwise than the algorithm.
fn difference(played: &PlayedMetrics, case: &Case, namespace: &TestNamespace<'_>) -> Result<Option<String>> {
    let (passes, last) = played.played(namespace.name(), DEADLINE)?;
    let real: Vec<u32> = passes.iter().filter_map(|pass| Some(pass.given?.1)).chain([last]).collect();
    let ours = replayed(case, &passes, &real)?;
    // A trace that moves nothing would prove nothing.
    assert!(real.windows(2).any(|pair| pair[0] != pair[1]), "{}: {real:?}", case.name);
    Ok((ours != real).then(|| format!("{}\n  real {real:?}\n  ours {ours:?}\n  {passes:?}", case.name)))
}

fn begin<'a>(played: &'a PlayedMetrics, case: &Case) -> Result<TestNamespace<'a>> {
    let namespace = played.control_plane().namespace(case.name)?;
    namespace.add_node(&NodeShape::new("node"))?;
    namespace.apply(&deployment(case.replicas).to_string())?;
    let ready = usize::try_from(case.replicas)?;
    namespace.wait_until_running("app=server", ready, Duration::from_secs(120))?;
    let spec = spec(case)?;
    let names: Vec<&str> = spec.metrics.iter().map(|metric| metric.name.as_str()).collect();
    played.play(namespace.name(), "server", &names, case.rows.clone());
    namespace.apply(&object_of(case).to_string())?;
    Ok(namespace)
}

fn object_of(case: &Case) -> Value {
    autoscaler(case.bounds.0, case.bounds.1, &case.metrics, case.behavior.as_ref())
}

fn spec(case: &Case) -> Result<Spec> {
    Ok(Spec::of(&object_of(case))?)
}

/// Replicas at each row, and after the last, by the algorithm, at the moments that come nearest to what was real.
///
/// From outside only the bounds of a pass are seen: it decides after it was answered and has changed the replicas
/// before the next asks. Whether a change still counts in the period of a policy may hang on where between the two it
/// was, so moments within the bounds are moved one after another as long as that makes more of the trace come out
/// alike. Where no moments do, the algorithm is wrong.
fn replayed(case: &Case, passes: &[Pass], real: &[u32]) -> Result<Vec<u32>> {
    let spec = spec(case)?;
    let mut moments = vec![Moments::LIKELY; passes.len()];
    let mut sequence = replayed_at(case, &spec, passes, &moments);
    while sequence != real {
        let reached = alike(&sequence, real);
        let Some((index, moved, better)) = moved_nearer(case, &spec, passes, &moments, |replayed| {
            replayed == real || alike(replayed, real) > reached
        }) else {
            break;
        };
        moments[index] = moved;
        sequence = better;
    }
    Ok(sequence)
}

/// The first single pass whose moments can be moved so that what comes out is `nearer`: which, to where, and what.
fn moved_nearer(
    case: &Case,
    spec: &Spec,
    passes: &[Pass],
    moments: &[Moments],
    nearer: impl Fn(&[u32]) -> bool,
) -> Option<(usize, Moments, Vec<u32>)> {
    let mut tried = moments.to_vec();
    for index in 0..passes.len() {
        for moved in Moments::all() {
            tried[index] = moved;
            let sequence = replayed_at(case, spec, passes, &tried);
            if nearer(&sequence) {
                return Some((index, moved, sequence));
            }
        }
        tried[index] = moments[index];
    }
    None
}

/// How many rows of two sequences are the same, from the first on.
fn alike(one: &[u32], other: &[u32]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// When a pass decided and when it had changed the replicas, in quarters of the time between its bounds.
#[derive(Clone, Copy)]
struct Moments {
    decided: u32,
    changed: u32,
}

impl Moments {
    const QUARTERS: u32 = 4;

    /// It decides as soon as it is answered, and on a slow machine the API server takes its time to change replicas.
    const LIKELY: Self = Self { decided: 0, changed: Self::QUARTERS };

    fn all() -> impl Iterator<Item = Self> {
        (0..=Self::QUARTERS)
            .flat_map(|decided| (decided..=Self::QUARTERS).map(move |changed| Self { decided, changed }))
    }

    fn between(self, first: Duration, last: Duration) -> (Duration, Duration) {
        let at = |quarters| first + last.saturating_sub(first) * quarters / Self::QUARTERS;
        (at(self.decided), at(self.changed))
    }
}

/// Replicas at each row, and after the last, by the algorithm, where each pass has its moments.
fn replayed_at(case: &Case, spec: &Spec, passes: &[Pass], moments: &[Moments]) -> Vec<u32> {
    let settings =
        Settings { downscale_stabilization: PlayedMetrics::DOWNSCALE_STABILIZATION, ..Settings::default() };
    let metrics = &spec.metrics;
    let mut controller = Controller::new(spec.clone(), settings);
    let mut replicas = case.replicas;
    let mut sequence = Vec::new();
    // Replicas out of bounds are corrected before anything is read.
    let first = passes.first().map(|pass| pass.at).unwrap_or_default();
    replicas = sync(&mut controller, (first, first), replicas, &[]);
    for (index, (pass, moments)) in passes.iter().zip(moments).enumerate() {
        let readings: Vec<Reading> = match pass.given {
            None => Vec::new(),
            Some((row, _)) => {
                sequence.push(replicas);
                let values = metrics.iter().zip(&case.rows[row]);
                values.map(|(metric, value)| reading(metric.source, *value, replicas)).collect()
            }
        };
        // The next pass begins a period after this one is over.
        let next = passes
            .get(index + 1)
            .map_or(pass.at, |next| next.asked.saturating_sub(PlayedMetrics::SYNC_PERIOD));
        replicas = sync(&mut controller, moments.between(pass.at, next), replicas, &readings);
    }
    sequence.push(replicas);
    sequence
}

/// One pass that decides and changes the replicas at these times.
fn sync(
    controller: &mut Controller,
    (decided, changed): (Duration, Duration),
    replicas: u32,
    readings: &[Reading],
) -> u32 {
    let pods = vec![Pod::ready_since(Duration::ZERO); usize::try_from(replicas).unwrap_or_default()];
    let seen = Observation { spec_replicas: replicas, status_replicas: replicas, pods: &pods, readings };
    let to = controller.decide(decided, &seen).replicas;
    controller.changed(changed, replicas, to);
    to
}

fn reading(source: Source, value: Option<f64>, replicas: u32) -> Reading {
    match (source, value) {
        (_, None) => Reading::Unreadable,
        (Source::Pods, Some(value)) => {
            let share = Sample::of(Milli::from_number(value / f64::from(replicas)));
            Reading::Pods(vec![Some(share); usize::try_from(replicas).unwrap_or_default()])
        }
        (_, Some(value)) => Reading::Values(vec![Milli::from_number(value)]),
    }
}
