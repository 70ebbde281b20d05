//! Every manifest that the catalog can make: the API server takes it, its Pods run on the machine that was
//! recommended and wait on a smaller one.

use crate::variants::{self, Variant};
use anyhow::{Context, Result, bail, ensure};
use infer_core::catalog::{AcceleratorKind, Catalog, Machine};
use infer_tests::{ControlPlane, NodeShape};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(120);
const WORKERS: usize = 4;

/// The least that the walk has to find, so that a catalog that lost its images cannot pass.
const LEAST_VARIANTS: usize = 40;
const LEAST_SMALLER: usize = 20;

#[test]
fn every_variant_is_accepted_and_runs_on_its_machine_and_on_no_smaller_one() -> Result<()> {
    let catalog = Catalog::embedded();
    let variants = variants::all(&catalog)?;
    ensure!(variants.len() >= LEAST_VARIANTS, "the walk found {} variants only", variants.len());
    let control_plane = ControlPlane::shared()?;
    let queue = Mutex::new(variants.iter().enumerate());
    let failures = Mutex::new(Vec::new());
    let smaller = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some((number, variant)) = next else { break };
                    match check(control_plane, &catalog, number, variant) {
                        Ok(checked) => *smaller.lock().unwrap() += usize::from(checked),
                        Err(error) => failures.lock().unwrap().push(format!("{}: {error:#}", variant.name)),
                    }
                }
            });
        }
    });
    let (failures, smaller) = (failures.into_inner()?, smaller.into_inner()?);
    println!("{} variants run on their machines, {smaller} wait on the next smaller one", variants.len());
    ensure!(failures.is_empty(), "{} of {}:\n{}", failures.len(), variants.len(), failures.join("\n"));
    ensure!(smaller >= LEAST_SMALLER, "only {smaller} variants have a smaller machine to wait on");
    Ok(())
}

/// Whether there was a smaller machine to check as well.
fn check(control_plane: &ControlPlane, catalog: &Catalog, number: usize, variant: &Variant) -> Result<bool> {
    let selector = selector(variant)?;
    let ephemeral_gib = variant.ephemeral_gib()?;
    let namespace = control_plane.namespace(&format!("variant-{number}"))?;
    namespace.add_node(&NodeShape::of_machine(&variant.machine, &variant.accelerator, ephemeral_gib))?;
    namespace.apply(&variant.yaml()?)?;
    namespace.wait_until_running(&selector, 1, DEADLINE).context(variant.machine.name.clone())?;

    let Some(smaller) = next_smaller(catalog, &variant.machine)? else { return Ok(false) };
    let namespace = control_plane.namespace(&format!("smaller-{number}"))?;
    namespace.add_node(&NodeShape::of_machine(smaller, &variant.accelerator, ephemeral_gib))?;
    namespace.apply(&variant.yaml()?)?;
    let reason = namespace.stays_pending(&selector).context(smaller.name.clone())?;
    ensure!(reason.contains("Insufficient") || reason.contains("didn't match"), "{reason}");
    Ok(true)
}

fn selector(variant: &Variant) -> Result<String> {
    let labels = variant.deployment()?["spec"]["selector"]["matchLabels"].as_object();
    let labels = labels.context("no matchLabels")?.iter();
    let terms: Option<Vec<String>> =
        labels.map(|(key, value)| Some(format!("{key}={}", value.as_str()?))).collect();
    Ok(terms.context("a label is no string")?.join(","))
}

/// The machine type just below, of those with the same accelerator that can be a node of their own.
fn next_smaller<'a>(catalog: &'a Catalog, machine: &Machine) -> Result<Option<&'a Machine>> {
    let mut machines = catalog.machines_with(&machine.accelerator)?;
    machines.retain(|other| other.whole_accelerators() > 0);
    machines.retain(|other| other.topologies.is_empty() || other.single_host_topology().is_some());
    let size = |machine: &Machine| (machine.whole_accelerators(), machine.vcpus);
    machines.retain(|other| size(other) < size(machine));
    // A machine with more of one and less of the other is not smaller.
    machines.retain(|other| other.memory_gib <= machine.memory_gib);
    Ok(machines.into_iter().max_by_key(|other| size(other)))
}

#[test]
fn the_walk_covers_every_accelerator_and_storage() -> Result<()> {
    let catalog = Catalog::embedded();
    let variants = variants::all(&catalog)?;
    let has = |kind: AcceleratorKind| variants.iter().any(|variant| variant.accelerator.kind == kind);
    ensure!(has(AcceleratorKind::Gpu) && has(AcceleratorKind::Tpu), "GPU or TPU is missing");
    for what in ["hub fixed", "bucket fixed", "hub autoscaled"] {
        ensure!(variants.iter().any(|variant| variant.name.ends_with(what)), "no variant is {what}");
    }
    let covered: BTreeSet<&str> = variants.iter().map(|variant| variant.accelerator.id.as_str()).collect();
    for accelerator in catalog.accelerators()? {
        let offered = !catalog.replica_sizes(accelerator, None)?.is_empty();
        if offered && accelerator.kind == AcceleratorKind::Gpu {
            ensure!(covered.contains(accelerator.id.as_str()), "no variant for {}", accelerator.id);
        }
    }
    Ok(())
}

#[test]
fn no_variant_has_a_flag_that_its_server_lacks() -> Result<()> {
    let known: BTreeSet<&str> = include_str!("../../../shared/tests/data/vllm-0.32.0-flags.txt")
        .lines()
        .filter(|line| line.starts_with("--"))
        .collect();
    let mut checked = 0;
    for variant in variants::all(&Catalog::embedded())? {
        if (variant.server.as_str(), variant.server_version.as_str()) != ("vllm", "v0.32.0") {
            continue;
        }
        let arguments = variant.container()?["args"].as_array().context("no arguments")?;
        let flags =
            arguments.iter().filter_map(|argument| argument.as_str()).filter(|text| text.starts_with("--"));
        for flag in flags.map(|text| text.split('=').next().unwrap_or(text)) {
            if !known.contains(flag) {
                bail!("{}: vLLM v0.32.0 has no {flag}", variant.name);
            }
        }
        checked += 1;
    }
    ensure!(checked > 0, "no variant is of vLLM v0.32.0");
    Ok(())
}
