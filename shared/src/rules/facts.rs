//! What a rule can look at.

use serde_json::Value;

use super::{Neighbours, Settings};
use crate::catalog::{
    Accelerator, AcceleratorKind, Catalog, CatalogError, Checkpoint, FlagTable, Machine, Meaning, Model,
    Server, ServerVersion, Signal,
};
use crate::inspect::{Autoscaler, ModelSource, ServingPod, Subject, Told, Workload};

/// What is known beside the object itself.
#[derive(Debug, Clone, Copy)]
pub struct Background<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// What the policy says.
    pub settings: &'a Settings,
    /// The other objects.
    pub neighbours: &'a Neighbours,
}

/// One serving Pod, and what the catalog knows about what it names.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The workload.
    pub workload: &'a Workload<'a>,
    /// Its serving Pod.
    pub pod: &'a ServingPod<'a>,
    /// What is known beside the object.
    pub background: &'a Background<'a>,
    /// The model that it serves and the checkpoint that it loads, where the catalog has them.
    pub model: Option<(&'a Model, &'a Checkpoint)>,
    /// The server in the catalog.
    pub server: Option<&'a Server>,
    /// Its version in the catalog.
    pub version: Option<&'a ServerVersion>,
    /// What versions of the server export, each in its own range of versions.
    pub signals: Vec<&'a Signal>,
    /// The options that its versions take.
    pub flags: Option<&'a FlagTable>,
    /// The accelerator, where the template names exactly one that the catalog has.
    pub accelerator: Option<&'a Accelerator>,
    /// Machines of the catalog on which the Pod may run; empty where the template does not tell.
    pub machines: Vec<&'a Machine>,
}

impl<'a> Facts<'a> {
    /// What is known of a serving Pod of a workload.
    ///
    /// # Errors
    /// The catalog cannot be read.
    pub fn of_workload(
        workload: &'a Workload<'a>,
        pod: &'a ServingPod<'a>,
        background: &'a Background<'a>,
    ) -> Result<Self, CatalogError> {
        Self::of(workload, pod, background)
    }

    pub(super) fn of(
        workload: &'a Workload<'a>,
        pod: &'a ServingPod<'a>,
        background: &'a Background<'a>,
    ) -> Result<Self, CatalogError> {
        let catalog = background.catalog;
        let model = match &pod.model {
            ModelSource::Hub(id) => catalog.known_model(id)?.map(|found| (found.model, found.checkpoint)),
            _ => None,
        };
        let server = match pod.server.catalog_name() {
            Some(name) => catalog.known_server(name)?,
            None => None,
        };
        let version = match (&server, &pod.version) {
            (Some(server), Told::Is(version)) => server.known_version(version),
            _ => None,
        };
        let signals = match &server {
            Some(server) => {
                let all = catalog.signals()?.iter();
                all.filter(|signal| signal.exporter == server.name).collect()
            }
            None => Vec::new(),
        };
        let flags = match &server {
            Some(server) => catalog.flags()?.iter().find(|table| table.server == server.name),
            None => None,
        };
        let accelerator = match pod.node.accelerators.as_slice() {
            [one] => catalog.known_accelerator(one)?,
            _ => None,
        };
        let machines = match accelerator {
            Some(accelerator) => machines(catalog, accelerator, pod)?,
            None => Vec::new(),
        };
        Ok(Self { workload, pod, background, model, server, version, signals, flags, accelerator, machines })
    }

    /// Accelerators of one Pod, where that is told.
    pub fn accelerators_per_pod(&self) -> Option<u32> {
        self.pod.accelerator.as_ref()?.count.known().copied()
    }

    /// What the server's version exports of this meaning, the newest name first; `None` where the version is unknown.
    pub fn signal(&self, meaning: Meaning) -> Option<&'a Signal> {
        let (server, version) = (self.server?, self.version?);
        let exported =
            |signal: &&&Signal| signal.meaning == meaning && signal.is_exported_by(server, version);
        let found: Vec<&&'a Signal> = self.signals.iter().filter(exported).collect();
        found.iter().find(|signal| signal.since.is_some()).or(found.first()).map(|signal| **signal)
    }

    /// Whether the server's version exports a metric of this name, as far as the catalog knows.
    pub fn exports(&self, metric: &str) -> bool {
        let versions = self.server.zip(self.version);
        versions.is_some_and(|(server, version)| {
            let is = |signal: &&Signal| signal.metric == metric && signal.is_exported_by(server, version);
            self.signals.iter().copied().any(|signal| is(&signal))
        })
    }

    /// What some version of the server exports under this name.
    pub fn signal_named(&self, metric: &str) -> Option<&'a Signal> {
        self.signals.iter().copied().find(|signal| signal.metric == metric)
    }

    /// Whether this is the first serving Pod of the workload: what a rule says of the workload as a whole it says once.
    pub fn is_first_pod(&self) -> bool {
        self.workload.pods.first().is_some_and(|first| first.at == self.pod.at)
    }

    /// Whether the object is a patch, as of a Kustomize overlay, and not whole: without the selector that its kind must
    /// have, and without resources. What it lacks stands elsewhere.
    pub fn is_patch(&self) -> bool {
        let selects = ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"];
        let spec = self.workload.object.get("spec");
        selects.contains(&self.workload.identity.kind)
            && spec.is_some_and(|spec| spec.get("selector").is_none())
            && self.pod.serving().value.get("resources").is_none()
    }

    /// Whether the Pod carries something that only GKE reads: an annotation, a volume, a label of its nodes.
    pub fn has_mark_of_gke(&self) -> bool {
        const MARKS: [&str; 4] = ["gke-gcsfuse/", "cloud.google.com/", "autopilot.gke.io/", "iam.gke.io/"];
        let keys = |object: &'a Value, pointer: &str| {
            let fields = object.pointer(pointer).and_then(Value::as_object);
            fields.into_iter().flatten().map(|(key, _)| key.as_str())
        };
        let annotations = keys(self.pod.template, "/metadata/annotations");
        let labels = keys(self.pod.template, "/spec/nodeSelector");
        let mut keys = annotations.chain(labels);
        let volumes = self.pod.volumes.iter();
        let mut drivers = volumes.filter_map(|volume| volume.value.pointer("/csi/driver")?.as_str());
        keys.any(|key| MARKS.iter().any(|mark| key.starts_with(mark)))
            || drivers.any(|driver| driver.ends_with(".gke.io"))
    }

    /// Whether the Pod runs on TPUs.
    pub fn is_tpu(&self) -> bool {
        let resource = self.pod.accelerator.as_ref().map(|request| request.resource.as_str());
        resource == Some(AcceleratorKind::Tpu.resource())
    }
}

/// Machines with the accelerator that hold as many as the Pod asks for, of the types that the template accepts.
fn machines<'a>(
    catalog: &'a Catalog,
    accelerator: &Accelerator,
    pod: &ServingPod<'_>,
) -> Result<Vec<&'a Machine>, CatalogError> {
    let asked = pod.accelerator.as_ref().and_then(|request| request.count.known().copied()).unwrap_or(1);
    let accepted = &pod.node.machines;
    let machines = catalog.machines_with(&accelerator.id)?.into_iter();
    let held = machines.filter(|machine| machine.whole_accelerators() >= asked);
    Ok(held.filter(|machine| accepted.is_empty() || accepted.contains(&machine.name)).collect())
}

/// An autoscaler and what it scales.
#[derive(Debug)]
pub struct AutoscalerFacts<'a> {
    /// The autoscaler.
    pub autoscaler: &'a Autoscaler<'a>,
    /// What is known beside the object.
    pub background: &'a Background<'a>,
    /// Its target, where that is known and serves a model; empty otherwise. One entry a serving Pod.
    pub target: Vec<Facts<'a>>,
}

impl<'a> AutoscalerFacts<'a> {
    pub(super) fn of(
        autoscaler: &'a Autoscaler<'a>,
        target: Option<&'a Subject<'a>>,
        background: &'a Background<'a>,
    ) -> Result<Self, CatalogError> {
        let target = match target {
            Some(Subject::Workload(workload)) => {
                let facts = workload.pods.iter().map(|pod| Facts::of(workload, pod, background));
                facts.collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        Ok(Self { autoscaler, background, target })
    }
}
