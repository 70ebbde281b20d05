//! Every kind of manifest that the catalog can make, found by walking it.

use anyhow::{Context, Result, anyhow};
use infer_core::autoscale::AutoscaleError;
use infer_core::catalog::{Accelerator, Catalog, Machine, Model, Server};
use infer_core::manifest::{
    ManifestError, ManifestRequest, Plan, Storage, Surroundings, generate, is_writable, plan,
};
use infer_core::recommend::{Measured, Requirements, recommend};
use infer_core::workload::{LatencyMetric, Targets};
use serde_json::Value;
use std::collections::BTreeSet;

/// One manifest and what it is for.
pub(crate) struct Variant {
    /// Model, server, accelerator, storage, autoscaling.
    pub(crate) name: String,
    pub(crate) server: String,
    pub(crate) server_version: String,
    pub(crate) machine: Machine,
    pub(crate) accelerator: Accelerator,
    pub(crate) objects: Vec<Value>,
}

impl Variant {
    fn new(catalog: &Catalog, request: &ManifestRequest) -> Result<Self> {
        let plan = plan(catalog, &Measured::new(catalog), request)?;
        let set = generate(catalog, &Measured::new(catalog), request, &Surroundings::default())?;
        let objects: Vec<Value> =
            set.objects.iter().map(|object| object.to_json()).collect::<Result<_, _>>()?;
        let autoscaler = if request.targets().is_empty() { "fixed" } else { "autoscaled" };
        let storage = match request.storage {
            Storage::HuggingFace { .. } => "hub",
            Storage::Bucket { .. } => "bucket",
        };
        let Plan { server, version, machine, accelerator, checkpoint, .. } = &plan;
        Ok(Self {
            name: format!("{} {} {} {storage} {autoscaler}", checkpoint.id, server.name, machine.name),
            server: server.name.clone(),
            server_version: version.version.clone(),
            machine: (*machine).clone(),
            accelerator: (*accelerator).clone(),
            objects,
        })
    }

    /// The text that a user would apply.
    pub(crate) fn yaml(&self) -> Result<String> {
        let documents: Vec<String> = self.objects.iter().map(Value::to_string).collect();
        // JSON is YAML: what is tested here are the objects, their rendering has tests of its own.
        Ok(documents.join("\n---\n"))
    }

    pub(crate) fn object(&self, kind: &str) -> Option<&Value> {
        self.objects.iter().find(|object| object["kind"] == kind)
    }

    pub(crate) fn deployment(&self) -> Result<&Value> {
        self.object("Deployment").ok_or_else(|| anyhow!("{}: no Deployment", self.name))
    }

    pub(crate) fn container(&self) -> Result<&Value> {
        Ok(&self.deployment()?["spec"]["template"]["spec"]["containers"][0])
    }

    /// GiB of ephemeral storage that the Pod asks for.
    pub(crate) fn ephemeral_gib(&self) -> Result<Option<u64>> {
        let Some(text) = self.container()?["resources"]["requests"]["ephemeral-storage"].as_str() else {
            return Ok(None);
        };
        let gib = text.strip_suffix("Gi").with_context(|| format!("{text} is not in Gi"))?;
        Ok(Some(gib.parse()?))
    }
}

/// For each server and accelerator that it can be written for the smallest and the largest model that fits, from
/// the Hub and from a bucket; and each measured configuration once with a target that it meets.
pub(crate) fn all(catalog: &Catalog) -> Result<Vec<Variant>> {
    let mut models: Vec<&Model> = catalog.models()?.iter().collect();
    models.sort_by_key(|model| model.checkpoints.first().map(|checkpoint| checkpoint.bytes));
    let mut variants = Vec::new();
    for server in catalog.servers()? {
        for accelerator in catalog.accelerators()? {
            if !server.versions.iter().any(|version| is_writable(version, accelerator.kind)) {
                continue;
            }
            let fits = |model: &&&Model| {
                let request = request(model, server, accelerator);
                plan(catalog, &Measured::new(catalog), &request).is_ok()
            };
            let smallest = models.iter().find(fits);
            let largest = models.iter().rev().find(fits);
            let ids: BTreeSet<&str> =
                smallest.iter().chain(&largest).map(|model| model.id.as_str()).collect();
            for model in models.iter().filter(|model| ids.contains(model.id.as_str())) {
                variants.extend(storages(catalog, &request(model, server, accelerator))?);
            }
        }
    }
    for model in &models {
        variants.extend(autoscaled(catalog, model)?);
    }
    Ok(variants)
}

fn request(model: &Model, server: &Server, accelerator: &Accelerator) -> ManifestRequest {
    ManifestRequest::new(&model.id, &server.name, &accelerator.id)
}

fn storages(catalog: &Catalog, hub: &ManifestRequest) -> Result<[Variant; 2]> {
    let storage = Storage::Bucket {
        model_bucket_uri: "gs://models/of/the-team".to_owned(),
        xla_cache_bucket_uri: None,
        service_account: None,
    };
    let bucket = ManifestRequest { storage, ..hub.clone() };
    Ok([Variant::new(catalog, hub)?, Variant::new(catalog, &bucket)?])
}

/// The best measured configuration of each server and accelerator, with a target a fifth above what it reaches.
fn autoscaled(catalog: &Catalog, model: &Model) -> Result<Vec<Variant>> {
    let requirements = Requirements { model: Some(model.id.clone()), ..Requirements::default() };
    let answers = recommend(catalog, &Measured::new(catalog), &requirements)?;
    let mut seen = BTreeSet::new();
    let mut variants = Vec::new();
    for found in answers.ranked {
        let configuration = &found.configuration;
        let server = catalog.find_server(&configuration.server)?;
        let accelerator = catalog.find_accelerator(&configuration.accelerator)?;
        let Some(ntpot) = found.operating.point.latency_milliseconds(LatencyMetric::Ntpot) else { continue };
        let new = seen.insert((configuration.server.clone(), configuration.accelerator.clone()));
        let mut asked = request(model, server, accelerator);
        asked.target_ntpot_milliseconds = Some(ntpot * 1.2);
        if !new || asked.targets() == Targets::default() {
            continue;
        }
        match generate(catalog, &Measured::new(catalog), &asked, &Surroundings::default()) {
            Ok(_) => variants.push(Variant::new(catalog, &asked)?),
            // Measured, but of a server, on machines, or with weights that no manifest can be written for.
            Err(
                ManifestError::ServerNotWritable { .. }
                | ManifestError::Autoscale(AutoscaleError::NoSignal { .. })
                | ManifestError::NoCurve { .. }
                | ManifestError::CurvesUnusable { .. }
                | ManifestError::NoMachine(_),
            ) => {}
            Err(error) => return Err(anyhow!(error).context(format!("{asked:?}"))),
        }
    }
    Ok(variants)
}
