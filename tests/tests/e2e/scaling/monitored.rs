//! The real loop: servers under load → Prometheus → prometheus-adapter → controller → scheduler → more servers, with
//! what our commands write for the adapter, the collector and the controller.

use super::scaled::{Pace, Scaled};
use anyhow::{Context, Result};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

const IN_FLIGHT: &str = "vllm_requests_in_flight";

#[test]
fn replicas_rise_to_the_computed_number_and_fall_by_the_policy() -> Result<()> {
    let scaled = Scaled::gemma("loop-one", 1)?;
    let threshold = scaled.threshold()?;
    scaled.start(3.4 * threshold, Pace::Hurried)?;
    // ⌈3.4⌉, doubling.
    assert_eq!(scaled.until(4)?, [1, 2, 4]);
    let (status, said) = scaled.explain()?;
    assert_eq!(status, Some(0), "{said}");
    assert!(said.contains("external.metrics.k8s.io is served by kube-system/"), "{said}");
    assert!(said.contains("scales    when a replica has 1.61 requests/s"), "{said}");
    scaled.load(0.3 * threshold);
    assert_eq!(scaled.until(1)?, [4, 3, 2, 1]);
    Ok(())
}

#[test]
fn four_replicas_at_their_target_stay_and_more_load_adds_what_it_needs() -> Result<()> {
    let scaled = Scaled::gemma("loop-four", 4)?;
    let threshold = scaled.threshold()?;
    scaled.start(4.0 * threshold, Pace::AtOnce)?;
    scaled.is_active()?;
    // A query that averages would ask for one replica here.
    scaled.stays(4, 4)?;
    scaled.load(5.8 * threshold);
    assert_eq!(scaled.until(6)?, [4, 6]);
    Ok(())
}

#[test]
fn running_requests_alone_do_not_see_a_queue() -> Result<()> {
    let scaled = Scaled::gemma("loop-running", 1)?.by("vllm_num_requests_running", "250");
    scaled.start(2000.0, Pace::AtOnce)?;
    scaled.is_active()?;
    // 256 seats over a threshold of 250 are within the tolerance, whatever waits.
    scaled.stays(1, 4)?;
    let (status, said) = scaled.explain()?;
    assert_eq!(status, Some(1), "{said}");
    assert!(
        said.contains("it never scales: a replica runs at most 135 requests at once (a KV cache"),
        "{said}"
    );
    Ok(())
}

#[test]
fn of_jetstream_s_backlog_and_slots_the_larger_proposal_wins() -> Result<()> {
    let scaled = Scaled::jetstream("jetstream-two", 1, "--signal waiting=10 --signal slots-used=0.5")?;
    scaled.start(14.0, Pace::AtOnce)?;
    scaled.is_active()?;
    // 32 of 32 slots ask for two, and 30 requests that wait for three.
    scaled.load(62.0);
    // Then nothing waits any more, and 62 requests in three replicas' slots ask for four.
    assert_eq!(scaled.until(4)?, [1, 3, 4]);
    scaled.stays(4, 3)
}

#[test]
fn the_memory_of_tpus_scales_as_a_value() -> Result<()> {
    let scaled = Scaled::jetstream("jetstream-memory", 2, "--signal memory-share=0.5")?;
    // 48 requests in two replicas of 32 slots: three quarters of the memory against a half. A ratio that is seen late is
    // multiplied with what was added already, so more may come until the policy's period is over, but no more than double.
    scaled.start(48.0, Pace::Hurried)?;
    assert_eq!(scaled.until(3)?, [2, 3]);
    Ok(())
}

#[test]
fn while_one_metric_cannot_be_read_no_replica_goes() -> Result<()> {
    const CACHE: &str = "vllm_gpu_cache_usage_perc";
    let scaled = Scaled::gemma("loop-unreadable", 4)?.instead("--signal in-flight=50 --signal kv-use=0.5")?;
    scaled.start(200.0, Pace::AtOnce)?;
    scaled.is_active()?;
    scaled.monitored.hide(scaled.namespace.name(), &["vllm:gpu_cache_usage_perc"]);
    scaled.until_served(CACHE, 0)?;
    scaled.load(20.0);
    let message = scaled.condition("ScalingActive", "False", "FailedGetExternalMetric")?;
    assert!(message.contains("no metrics returned from external metrics API"), "{message}");
    scaled.stays(4, 4)?;
    // The cause stands with the one, and the other is read.
    let of = |said: &str, metric: &str, what: &str| {
        let part = said.split("\n\n").find(|part| part.trim_start().starts_with(metric));
        part.is_some_and(|part| part.contains(what))
    };
    let said = scaled.explain_until(|said| {
        of(said, CACHE, "wrong     the controller cannot read it")
            && of(said, CACHE, "the adapter has no value")
            && of(said, IN_FLIGHT, "ok        the controller reads 5 a replica")
    })?;
    assert!(said.contains("while one of them cannot be read, no replica goes"), "{said}");
    assert_eq!(scaled.replicas()?, 4);
    scaled.monitored.hide(scaled.namespace.name(), &[]);
    assert_eq!(scaled.until(1)?, [4, 3, 2, 1]);
    Ok(())
}

#[test]
fn a_metric_that_nobody_serves_is_said_to_be_missing() -> Result<()> {
    let scaled = Scaled::gemma("loop-missing", 2)?.by("vllm_no_such_metric", "50");
    scaled.start(100.0, Pace::AtOnce)?;
    let message = scaled.condition("ScalingActive", "False", "FailedGetExternalMetric")?;
    assert!(message.contains("vllm_no_such_metric"), "{message}");
    scaled.stays(2, 3)?;
    let (status, said) = scaled.explain()?;
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("wrong     the controller cannot read it"), "{said}");
    assert!(said.contains("the adapter knows no such metric: none of its rules makes it"), "{said}");
    assert!(said.contains("the catalog knows no metric of this name"), "{said}");
    Ok(())
}

#[test]
fn a_server_that_nobody_scrapes_is_named_and_scales_once_it_is_scraped() -> Result<()> {
    let scaled = Scaled::gemma("loop-unscraped", 1)?;
    scaled.load(2.0 * scaled.threshold()?);
    scaled.scale(Pace::AtOnce)?;
    scaled.condition("ScalingActive", "False", "FailedGetExternalMetric")?;
    let (status, said) = scaled.explain()?;
    assert_eq!(status, Some(1), "{said}");
    assert!(said.contains("nothing beside it scrapes the Pods of `gemma-2-27b-it-vllm`"), "{said}");
    scaled.surround()?;
    assert_eq!(scaled.until(2)?, [1, 2]);
    Ok(())
}

#[test]
fn a_burst_of_requests_adds_replicas_and_both_commands_tell_it() -> Result<()> {
    let scaled = Scaled::gemma("loop-burst", 1)?;
    scaled.start(0.0, Pace::AtOnce)?;
    scaled.is_active()?;
    let watch = format!("autoscaling watch {} --interval 1s", scaled.name);
    let mut watch = scaled.command(&watch)?.stdout(Stdio::piped()).spawn()?;
    let mut lines = BufReader::new(watch.stdout.take().context("no standard output")?).lines();
    let first = lines.next().context("nothing was printed")??;
    assert!(
        first.ends_with(&format!("replicas 1 (1 ready, 1 wanted, 1 to 10); {IN_FLIGHT} 0 of 49 a replica")),
        "{first}"
    );

    let burst =
        format!("autoscaling test {0}-service --autoscaler {0} --requests 120 --wait 3s", scaled.name);
    let burst = scaled.infer(&burst)?;
    let (report, progress) = (String::from_utf8(burst.stdout)?, String::from_utf8(burst.stderr)?);
    assert!(burst.status.success(), "{report}{progress}");
    assert!(report.contains("requests  120 sent, 120 answered, 0 failed\n"), "{report}{progress}");
    assert!(report.contains("TTFT      P50 "), "{report}");
    // ⌈120 / 49⌉, perhaps after a look at the first of them.
    assert!(report.contains("3 wanted") && report.contains(" → 3"), "{report}");
    assert!(progress.contains("sent 120 of 120, answered 0, failed 0, replicas "), "{progress}");

    let mut seen = String::new();
    for replicas in [3, 1] {
        let settled = format!("replicas {replicas} ({replicas} ready, {replicas} wanted, 1 to 10)");
        loop {
            let line = lines.next().context("it ended")??;
            seen += &format!("{line}\n");
            if line.contains(&settled) {
                break;
            }
        }
    }
    watch.kill()?;
    watch.wait()?;
    assert!(seen.contains("SuccessfulRescale: New size: 3; reason: external metric"), "{seen}");
    assert!(seen.contains("SuccessfulRescale: New size: 1; reason: All metrics below target"), "{seen}");
    Ok(())
}
