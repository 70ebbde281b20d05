//! The way from requirements to recommendations, on the embedded catalog.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::catalog::{Catalog, PricingModel};
use crate::curve::{MaximumReason, NoKnee, OperatingKind, Zone};
use crate::workload::{Itl, LatencyMetric, Lengths, Ntpot, Targets, Traffic, Ttft};

/// Read once: every question of these tests goes to the same catalog.
static CATALOG: LazyLock<Catalog> = LazyLock::new(Catalog::embedded);

const GEMMA: &str = "google/gemma-2-27b-it";

fn of_model(model: &str) -> Requirements {
    Requirements { model: Some(model.to_owned()), ..Requirements::default() }
}

fn gemma() -> Requirements {
    of_model(GEMMA)
}

fn ntpot(milliseconds: f64) -> Targets {
    Targets { ntpot: Some(Ntpot::from_milliseconds(milliseconds)), ..Targets::default() }
}

fn ask(requirements: &Requirements) -> Recommendations {
    recommend(&CATALOG, &Measured::new(&CATALOG), requirements).unwrap()
}

fn refused(requirements: &Requirements) -> String {
    recommend(&CATALOG, &Measured::new(&CATALOG), requirements).unwrap_err().to_string()
}

fn machines(answer: &Recommendations) -> Vec<&str> {
    answer.ranked.iter().map(|row| row.placement.machine.name.as_str()).collect()
}

fn on<'a>(answer: &'a Recommendations, machine: &str) -> &'a Recommendation {
    answer.ranked.iter().find(|row| row.placement.machine.name == machine).unwrap()
}

fn fixed(input_tokens: f64, output_tokens: f64) -> Traffic {
    Traffic { input_tokens, output_tokens, lengths: Lengths::Fixed }
}

#[test]
fn every_profile_is_a_curve() {
    let curves = Measured::new(&CATALOG).curves(&Question::default()).unwrap();
    assert!(curves.len() > 400, "{} curves", curves.len());
}

#[test]
fn without_targets_every_measured_configuration_stands_at_its_knee() {
    let answer = ask(&gemma());
    let l4 = on(&answer, "g2-standard-48");
    assert_eq!(l4.operating.kind, OperatingKind::Knee);
    assert_eq!(l4.operating.point.output_tokens_per_second, 425.1);
    let h100 = on(&answer, "a3-highgpu-1g");
    assert_eq!(h100.operating.kind, OperatingKind::Knee);
    assert_eq!(h100.operating.point.output_tokens_per_second, 2051.0);
    let a100 = on(&answer, "a2-highgpu-2g");
    assert_eq!(a100.operating.kind, OperatingKind::Knee, "of this one only the knee was published");
    assert_eq!(answer.ranked.len(), 3, "the service's published knees of both curves are not listed again");
    assert!(answer.rejected.is_empty());
    assert_eq!(answer.infeasible, None);
}

#[test]
fn the_price_of_a_row_is_the_machines_by_the_services_equation() {
    let answer = ask(&gemma());
    let row = on(&answer, "g2-standard-48");
    let price = CATALOG.price("g2-standard-48", "us-east5", PricingModel::Spot).unwrap().unwrap();
    let cost = row.cost.priced().unwrap();
    assert_eq!(cost.usd_per_hour, price.usd_per_hour);
    let input_tokens_per_second = 425.1 * 226.0 / 195.0;
    let by_hand = price.usd_per_hour / 3600.0 / (input_tokens_per_second / 4.0 + 425.1) * 1e6;
    assert!((cost.usd_per_million_output_tokens - by_hand).abs() < 1e-9);
    assert!((cost.usd_per_million_input_tokens - by_hand / 4.0).abs() < 1e-9);
    assert_eq!(on(&answer, "a3-highgpu-1g").cost.priced().unwrap().price.region, "us-central1");
    assert!(answer.notes.iter().any(|note| note.contains("us-central1 and us-east5")), "{:?}", answer.notes);
}

#[test]
fn a_region_prices_every_row_within_it() {
    let answer = ask(&Requirements { region: Some("us-central1".to_owned()), ..gemma() });
    for row in &answer.ranked {
        assert_eq!(row.cost.priced().unwrap().price.region, "us-central1");
    }
    assert!(!answer.notes.iter().any(|note| note.contains("prices are of")));
}

#[test]
fn a_target_leaves_what_meets_it_with_its_throughput_there() {
    let answer = ask(&Requirements { targets: ntpot(100.0), ..gemma() });
    assert_eq!(machines(&answer), ["a2-highgpu-2g", "a3-highgpu-1g"]);
    let h100 = on(&answer, "a3-highgpu-1g");
    assert_eq!(h100.operating.kind, OperatingKind::AtTarget { binding: LatencyMetric::Ntpot });
    assert_eq!(h100.operating.zone, Zone::Saturated);
    assert!((h100.operating.point.ntpot.unwrap().milliseconds() - 100.0).abs() < 1e-9);
    let [l4] = answer.rejected.as_slice() else { panic!("{:?}", answer.rejected) };
    assert_eq!(l4.why.to_string(), "NTPOT of 100 ms is out of reach, the nearest is 118.4 ms");
    assert_eq!(answer.reachable.ntpot.unwrap().lowest, 34.2);
}

#[test]
fn a_target_above_the_worst_latency_is_maximum_throughput() {
    let answer = ask(&Requirements { targets: ntpot(10_000.0), ..gemma() });
    let kind = OperatingKind::MaximumThroughput(MaximumReason::TargetsLoose);
    assert_eq!(on(&answer, "g2-standard-48").operating.kind, kind);
    assert_eq!(on(&answer, "g2-standard-48").operating.point.output_tokens_per_second, 442.1);
}

#[test]
fn out_of_reach_says_what_is_nearest_and_the_least_change() {
    let answer = ask(&Requirements { targets: ntpot(20.0), ..gemma() });
    assert!(answer.ranked.is_empty());
    let infeasible = answer.infeasible.unwrap();
    let [nearest] = infeasible.nearest.as_slice() else { panic!("{:?}", infeasible.nearest) };
    assert_eq!(nearest.configuration.accelerator, "nvidia-h100-80gb");
    let change = infeasible.least_change.as_ref().unwrap();
    assert_eq!(change.targets.len(), 1);
    assert_eq!(change.targets[0].nearest, 34.2);
    assert_eq!(change.recommendation.placement.machine.name, "a3-highgpu-1g");
    let relaxed = ask(&Requirements { targets: ntpot(34.2), ..gemma() });
    assert_eq!(relaxed.ranked, [*change.recommendation.clone()]);
    assert_eq!(infeasible.elsewhere, None, "the question left nothing out");
}

#[test]
fn out_of_reach_of_one_accelerator_names_the_cheapest_other() {
    let requirements = Requirements { accelerator: Some("l4".to_owned()), targets: ntpot(100.0), ..gemma() };
    let infeasible = ask(&requirements).infeasible.unwrap();
    let all = ask(&Requirements { accelerator: None, ..requirements });
    assert_eq!(*infeasible.elsewhere.unwrap(), all.ranked[0]);
}

#[test]
fn a_latency_that_nobody_measured_is_said_and_not_guessed() {
    let targets = Targets { ttft: Some(Ttft::from_milliseconds(500.0)), ..Targets::default() };
    let infeasible = ask(&Requirements { targets, ..gemma() }).infeasible.unwrap();
    assert_eq!(infeasible.never_measured, [(LatencyMetric::Ttft, 3)]);
    assert!(infeasible.to_string().contains("TTFT was never measured for 3 of the candidates"));
}

#[test]
fn a_cost_target_leaves_what_is_cheap_enough_at_its_operating_point() {
    let all = ask(&gemma());
    let costs: Vec<f64> =
        all.ranked.iter().map(|row| row.cost.priced().unwrap().usd_per_million_output_tokens).collect();
    let with = |usd: f64| Requirements {
        targets: Targets { usd_per_million_output_tokens: Some(usd), ..Targets::default() },
        ..gemma()
    };
    assert_eq!(ask(&with(costs[1])).ranked, all.ranked[..2]);
    let infeasible = ask(&with(costs[0] / 2.0)).infeasible.unwrap();
    let change = infeasible.least_change.unwrap();
    assert_eq!(change.targets[0].kind, TargetKind::OutputCost);
    assert!((change.targets[0].excess() - 2.0).abs() < 1e-9);
    assert_eq!(*change.recommendation, all.ranked[0]);
}

#[test]
fn other_lengths_are_not_silently_reused() {
    let near = Requirements { traffic: Some(fixed(250.0, 170.0)), ..gemma() };
    assert_eq!(ask(&near).ranked.len(), 3);
    let far = ask(&Requirements { traffic: Some(fixed(1024.0, 195.0)), ..gemma() });
    assert!(far.ranked.is_empty());
    assert_eq!(far.rejected.len(), 3);
    assert_eq!(
        far.rejected[0].why.to_string(),
        "measured with other lengths than 1024/195 tokens (more than 20 % off)"
    );
    assert_eq!(far.reachable, Reachable::default());
    let is_l4 = |row: &&NotMeasured| row.configuration.accelerator == "nvidia-l4";
    assert!(far.not_measured.iter().any(|row| is_l4(&row)), "nobody measured 4 × L4 with these lengths");
}

#[test]
fn rows_of_unlike_traffic_and_load_come_with_a_warning() {
    let answer = ask(&of_model("meta-llama/Llama-3.1-8B-Instruct"));
    assert!(answer.notes.iter().any(|note| note.contains("different input and output lengths")));
    assert!(answer.notes.iter().any(|note| note.contains("closed loop")));
    let none = ask(&gemma());
    assert!(!none.notes.iter().any(|note| note.contains("lengths") || note.contains("closed loop")));
}

#[test]
fn what_has_no_price_comes_last_and_is_never_free() {
    let answer = ask(&of_model("openai/gpt-oss-120b"));
    let is_priced: Vec<bool> = answer.ranked.iter().map(|row| row.cost.priced().is_some()).collect();
    assert!(is_priced.contains(&true) && is_priced.contains(&false));
    assert!(is_priced.is_sorted_by(|a, b| a >= b));
    let unpriced = answer.ranked.iter().filter(|row| row.cost.priced().is_none());
    let each = |row: &Recommendation| {
        row.operating.point.output_tokens_per_second / f64::from(row.configuration.accelerators)
    };
    assert!(unpriced.map(each).is_sorted_by(|a, b| a >= b), "by throughput of an accelerator");
    for row in &answer.ranked {
        if let Some(cost) = row.cost.priced() {
            assert!(cost.usd_per_hour > 0.0 && cost.usd_per_million_input_tokens > 0.0);
        }
    }
}

#[test]
fn accelerators_that_gke_lacks_are_left_out_and_said() {
    let answer =
        ask(&Requirements { accelerator: Some("nvidia-b300".to_owned()), ..Requirements::default() });
    assert!(answer.ranked.is_empty() && !answer.rejected.is_empty());
    assert_eq!(answer.rejected[0].why.to_string(), "no GKE machine has nvidia-b300");
    assert_eq!(answer.infeasible, None);
}

#[test]
fn a_server_version_or_precision_narrows_the_answer() {
    let v072 =
        Requirements { server: Some("vLLM".to_owned()), server_version: Some("0.7.2".to_owned()), ..gemma() };
    assert_eq!(ask(&v072).ranked.len(), 3);
    let answer = ask(&of_model("meta-llama/Llama-3.1-70B-Instruct"));
    let mut precisions: Vec<_> = answer.ranked.iter().map(|row| row.configuration.precision).collect();
    precisions.sort_unstable();
    precisions.dedup();
    assert!(precisions.len() > 1, "the model's own id covers all its checkpoints");
}

#[test]
fn other_weights_of_the_same_dimensions_are_ranked_under_their_own_name() {
    let stock = ask(&of_model("deepseek-ai/DeepSeek-R1"));
    let later = ask(&of_model("deepseek-ai/DeepSeek-R1-0528"));
    // No curve tells them apart, but NVFP4 was made of the first ones alone.
    assert!(!later.ranked.is_empty() && later.ranked.len() < stock.ranked.len());
    let own = |checkpoint: &str| checkpoint == "deepseek-ai/DeepSeek-R1-0528";
    assert!(later.ranked.iter().all(|row| own(&row.checkpoint)));
    assert!(later.not_measured.iter().all(|row| own(&row.checkpoint)));
    assert_eq!(
        later.notes[0],
        "rows serve the weights deepseek-ai/DeepSeek-R1-0528, which have the dimensions of deepseek-ai/DeepSeek-R1 \
         and so its curves"
    );
    let others = |checkpoint: &str| checkpoint.contains("R1-");
    assert!(!stock.ranked.iter().any(|row| others(&row.checkpoint) && !row.checkpoint.ends_with("NVFP4")));
}

#[test]
fn what_fits_but_was_never_measured_is_listed_with_its_machine() {
    let answer = ask(&gemma());
    let unmeasured = |accelerator: &str| {
        let is = |row: &&NotMeasured| {
            row.configuration.server == "vllm" && row.configuration.accelerator == accelerator
        };
        answer.not_measured.iter().find(is)
    };
    // 55 GB of BF16 weights: one 80 GB device holds them, one chip of 32 GB does not.
    assert_eq!(unmeasured("nvidia-a100-80gb").unwrap().placement.machine.name, "a2-ultragpu-1g");
    assert_eq!(unmeasured("tpu-v6e-slice").unwrap().placement.machine.name, "ct6e-standard-4t");
    assert_eq!(unmeasured("nvidia-l4"), None, "it was measured");
    assert_eq!(unmeasured("nvidia-b300"), None, "GKE has no such machine");
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let unknown = refused(&of_model("google/gemma-2-27b"));
    assert!(unknown.contains("did you mean") && unknown.contains(GEMMA), "{unknown}");
    assert_eq!(
        refused(&Requirements { targets: ntpot(f64::NAN), ..gemma() }),
        "target NTPOT is NaN: it must be a positive, finite number"
    );
    assert_eq!(
        refused(&Requirements { output_input_cost_ratio: 0.0, ..gemma() }),
        "output to input cost ratio is 0: it must be a positive, finite number"
    );
    assert_eq!(
        refused(&Requirements { traffic: Some(fixed(-1.0, 5.0)), ..gemma() }),
        "input length is -1 tokens: it must be a positive, finite number"
    );
    assert_eq!(
        refused(&Requirements { server_version: Some("v1".to_owned()), ..gemma() }),
        "server version `v1` needs the server that it is a version of"
    );
    let region = refused(&Requirements { region: Some("atlantis-north1".to_owned()), ..gemma() });
    assert!(region.starts_with("the price book has no region `atlantis-north1`; it has africa-south1"));
}

#[test]
fn one_point_without_a_published_knee_is_maximum_throughput() {
    let curves = Measured::new(&CATALOG).curves(&Question::default()).unwrap();
    let alone =
        curves.iter().find(|curve| curve.points.len() == 1 && curve.provenance.tags.is_empty()).unwrap();
    let kind = alone.operating_point(&Targets::default()).unwrap().kind;
    assert_eq!(kind, OperatingKind::MaximumThroughput(MaximumReason::NoKnee(NoKnee::SinglePoint)));
}

mod placement {
    use super::super::Replica;
    use super::*;

    fn placed(accelerator: &str, accelerators: u32, weights_gb: u64) -> Result<Placement, String> {
        let replica = Replica { accelerator, accelerators, weights_bytes: weights_gb * 1_000_000_000 };
        Placement::of(&CATALOG, replica, None, None).unwrap()
    }

    fn machine(accelerator: &str, accelerators: u32, weights_gb: u64) -> (String, u32, f64) {
        let Placement { machine, machines, share, .. } =
            placed(accelerator, accelerators, weights_gb).unwrap();
        (machine.name, machines, share)
    }

    #[test]
    fn the_smallest_machine_with_enough_host_memory_is_taken() {
        assert_eq!(machine("nvidia-l4", 1, 2), ("g2-standard-4".to_owned(), 1, 1.0));
        assert_eq!(machine("nvidia-l4", 1, 16), ("g2-standard-8".to_owned(), 1, 1.0));
        assert_eq!(machine("nvidia-l4", 1, 23), ("g2-standard-12".to_owned(), 1, 1.0));
        assert_eq!(machine("nvidia-l4", 4, 55), ("g2-standard-48".to_owned(), 1, 1.0));
    }

    #[test]
    fn the_count_decides_the_machine() {
        assert_eq!(machine("nvidia-h100-80gb", 1, 60), ("a3-highgpu-1g".to_owned(), 1, 1.0));
        assert_eq!(machine("nvidia-h100-80gb", 4, 141), ("a3-highgpu-4g".to_owned(), 1, 1.0));
        assert_eq!(machine("nvidia-h100-80gb", 8, 141), ("a3-highgpu-8g".to_owned(), 1, 1.0));
    }

    #[test]
    fn a_part_of_a_gpu_machine_is_a_share_of_it() {
        let half = placed("nvidia-h200-141gb", 4, 141).unwrap();
        assert_eq!((half.machine.name.as_str(), half.share), ("a3-ultragpu-8g", 0.5));
        assert_eq!(
            half.note,
            "4 × nvidia-h200-141gb mapped to a3-ultragpu-8g, of which it uses 50 %: the rest is free for others"
        );
    }

    #[test]
    fn tpu_machines_are_taken_whole_with_their_topology() {
        let eight = placed("tpu-v6e-slice", 8, 141).unwrap();
        assert_eq!((eight.machine.name.as_str(), eight.share), ("ct6e-standard-8t", 1.0));
        assert_eq!(eight.topology.unwrap().name, "2x4");
        let two = placed("tpu-v6e-slice", 2, 16).unwrap();
        assert_eq!((two.machine.name.as_str(), two.share), ("ct6e-standard-4t", 1.0));
        assert!(two.note.ends_with("of which it uses 50 %: the rest stays empty"));
        let sixteen = placed("tpu-v6e-slice", 16, 300).unwrap();
        assert_eq!((sixteen.machine.name.as_str(), sixteen.machines), ("ct6e-standard-4t", 4));
        assert_eq!(sixteen.topology.unwrap().name, "4x4");
    }

    #[test]
    fn what_no_machine_holds_is_an_error() {
        let three = placed("tpu-v6e-slice", 9, 16).unwrap_err();
        assert_eq!(three, "no GKE machine or slice holds 9 × tpu-v6e-slice");
        assert_eq!(placed("amd-mi300x", 8, 16).unwrap_err(), "no GKE machine has amd-mi300x");
    }
}

/// Cheapest output tokens of an answer.
fn cheapest(answer: &Recommendations) -> Option<f64> {
    let row = answer.ranked.first()?;
    row.cost.priced().map(|cost| cost.usd_per_million_output_tokens)
}

fn asked_targets() -> impl Strategy<Value = Targets> {
    let milliseconds = |most: f64| prop::option::of(1.0..most);
    (milliseconds(5000.0), milliseconds(100.0), milliseconds(200.0)).prop_map(|(ttft, itl, ntpot)| Targets {
        ttft: ttft.map(Ttft::from_milliseconds),
        itl: itl.map(Itl::from_milliseconds),
        ntpot: ntpot.map(Ntpot::from_milliseconds),
        ..Targets::default()
    })
}

fn loosened(targets: Targets, by: f64) -> Targets {
    Targets {
        ttft: targets.ttft.map(|value| Ttft::from_milliseconds(value.milliseconds() * by)),
        itl: targets.itl.map(|value| Itl::from_milliseconds(value.milliseconds() * by)),
        ntpot: targets.ntpot.map(|value| Ntpot::from_milliseconds(value.milliseconds() * by)),
        ..targets
    }
}

fn measured_model() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        GEMMA,
        "openai/gpt-oss-120b",
        "meta-llama/Llama-3.1-8B-Instruct",
        "Qwen/Qwen3-32B",
        "deepseek-ai/DeepSeek-R1",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_looser_target_never_gives_a_dearer_recommendation(
        model in measured_model(),
        targets in asked_targets(),
        by in 1.0_f64..10.0,
    ) {
        prop_assume!(targets.latencies().next().is_some());
        let tight = ask(&Requirements { targets, ..of_model(model) });
        let loose = ask(&Requirements { targets: loosened(targets, by), ..of_model(model) });
        prop_assert!(loose.ranked.len() >= tight.ranked.len());
        if let Some(tight) = cheapest(&tight) {
            let loose = cheapest(&loose).unwrap();
            prop_assert!(loose <= tight * (1.0 + 1e-9), "{tight} became {loose}");
        }
    }

    #[test]
    fn every_row_meets_what_was_asked(model in measured_model(), targets in asked_targets()) {
        for row in ask(&Requirements { targets, ..of_model(model) }).ranked {
            for (metric, target) in targets.latencies() {
                let latency = row.operating.point.latency_milliseconds(metric).unwrap();
                prop_assert!(latency <= target * (1.0 + 1e-9), "{metric} {latency} of {target}");
            }
        }
    }

    #[test]
    fn the_least_change_has_an_answer(model in measured_model(), targets in asked_targets(), cost in 0.001_f64..1.0) {
        let targets = Targets { usd_per_million_output_tokens: Some(cost), ..targets };
        let answer = ask(&Requirements { targets, ..of_model(model) });
        if let Some(change) = answer.infeasible.and_then(|infeasible| infeasible.least_change) {
            let mut relaxed = targets;
            for unmet in &change.targets {
                prop_assert!(unmet.nearest > unmet.target);
                match unmet.kind {
                    TargetKind::Latency(LatencyMetric::Ttft) => {
                        relaxed.ttft = Some(Ttft::from_milliseconds(unmet.nearest));
                    }
                    TargetKind::Latency(LatencyMetric::Itl) => {
                        relaxed.itl = Some(Itl::from_milliseconds(unmet.nearest));
                    }
                    TargetKind::Latency(LatencyMetric::Ntpot) => {
                        relaxed.ntpot = Some(Ntpot::from_milliseconds(unmet.nearest));
                    }
                    TargetKind::InputCost => relaxed.usd_per_million_input_tokens = Some(unmet.nearest),
                    TargetKind::OutputCost => relaxed.usd_per_million_output_tokens = Some(unmet.nearest),
                }
            }
            let answer = ask(&Requirements { targets: relaxed, ..of_model(model) });
            prop_assert!(answer.ranked.contains(&change.recommendation));
        }
    }
}
