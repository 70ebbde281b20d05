//! A request with everything decided that the objects depend on.

use super::{ManifestError, ManifestRequest, names, precision};
use crate::catalog::{
    Accelerator, AcceleratorKind, ArgumentNames, Checkpoint, GIB, Machine, Model, Precision, Server,
    ServerImage, ServerVersion, Signal, StartTimes,
};
use crate::curve::{Curve, Parallelism};
use crate::estimate::memory::{EngineLimits, MemoryPlan};
use crate::recommend::Recommendation;

/// What a manifest is of: pure data, nothing left to choose.
#[derive(Debug, Clone)]
pub struct Plan<'a> {
    /// What was asked.
    pub request: &'a ManifestRequest,
    /// Model.
    pub model: &'a Model,
    /// Weights that are loaded.
    pub checkpoint: &'a Checkpoint,
    /// Precision that the server quantizes the weights to while it loads them, where that is not the
    /// checkpoint's own.
    pub quantize_at_load: Option<Precision>,
    /// Server.
    pub server: &'a Server,
    /// Its version.
    pub version: &'a ServerVersion,
    /// Accelerator.
    pub accelerator: &'a Accelerator,
    /// Machine type that the replica is sized for.
    pub machine: &'a Machine,
    /// Accelerators of one replica.
    pub accelerators: u32,
    /// How the replica spreads over them.
    pub parallelism: Parallelism,
    /// Sequences at once, where they are not the version's default: the figures are of a server that was
    /// told so.
    pub max_sequences: Option<u32>,
    /// Longest sequence in tokens that model and memory allow; `None` where the memory model has no answer
    /// though somebody ran it, and the server decides.
    pub max_context_tokens: Option<u64>,
    /// Limits of the server on this accelerator.
    pub limits: EngineLimits,
    /// Device memory of the replica; `None` as for `max_context_tokens`.
    pub memory: Option<MemoryPlan>,
    /// What is known of its performance; `None` where nobody measured it.
    pub recommendation: Option<Recommendation>,
    /// The curve that it was read off.
    pub curve: Option<Curve>,
    /// Metrics that the version of the server exports.
    pub signals: Vec<&'a Signal>,
    /// How long a start takes, where the catalog says.
    pub start_times: Option<&'a StartTimes>,
    /// What a reader has to know of how this was decided, one sentence each.
    pub notes: Vec<String>,
    /// Version of the catalog that all this comes from.
    pub catalog_version: String,
}

impl<'a> Plan<'a> {
    /// Name of the Deployment and of what belongs to it.
    pub fn workload(&self) -> String {
        names::workload_name(&self.checkpoint.id, &self.server.name)
    }

    /// Size of the weights in GiB.
    pub fn weights_gib(&self) -> f64 {
        self.checkpoint.bytes as f64 / GIB
    }

    /// Share of the machine that the replica may use: its accelerators of the machine's.
    pub fn machine_share(&self) -> f64 {
        f64::from(self.accelerators) / f64::from(self.machine.whole_accelerators().max(1))
    }

    /// Slice shape, on TPU machines.
    pub fn topology(&self) -> Option<&'a str> {
        self.machine.single_host_topology().map(|topology| topology.name.as_str())
    }

    /// Whether the replica runs on TPUs.
    pub fn is_tpu(&self) -> bool {
        self.accelerator.kind == AcceleratorKind::Tpu
    }

    /// Image of the server for the accelerator.
    pub fn image(&self) -> Result<&'a ServerImage, ManifestError> {
        self.version.image(self.accelerator.kind).ok_or_else(|| self.not_writable("image"))
    }

    /// How the version spells its arguments.
    pub fn argument_names(&self) -> Result<&'a ArgumentNames, ManifestError> {
        self.version.arguments.as_ref().ok_or_else(|| self.not_writable("argument names"))
    }

    /// Refuses what no set of objects could express.
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        names::check_model_id(&self.checkpoint.id)?;
        if let Some(namespace) = &self.request.namespace {
            names::check_namespace(namespace)?;
        }
        self.image()?;
        self.argument_names()?;
        precision::numerics(self)?;
        self.check_machine()
    }

    fn check_machine(&self) -> Result<(), ManifestError> {
        let whole = self.machine.whole_accelerators();
        let reason = if whole == 0 {
            "it holds a part of one"
        } else if self.accelerators == 0 {
            "a replica has at least one"
        } else if self.accelerators > whole {
            "it has fewer, and a replica over several machines cannot be written yet"
        } else if self.is_tpu() && self.accelerators != whole {
            "TPU machines are taken whole"
        } else if self.is_tpu() && self.topology().is_none() {
            "it is only a part of larger slices"
        } else {
            return Ok(());
        };
        Err(ManifestError::Machine {
            machine: self.machine.name.clone(),
            accelerators: self.accelerators,
            reason,
        })
    }

    fn not_writable(&self, what: &'static str) -> ManifestError {
        let kind = self.accelerator.kind;
        let writable = self.server.versions.iter().filter(|version| is_writable(version, kind));
        ManifestError::ServerNotWritable {
            server: self.server.display_name.clone(),
            version: self.version.version.clone(),
            kind: match kind {
                AcceleratorKind::Gpu => "GPU",
                AcceleratorKind::Tpu => "TPU",
            },
            what,
            writable: writable.map(|version| version.version.clone()).collect(),
        }
    }
}

/// Whether manifests of this version can be written for this kind of accelerator.
pub fn is_writable(version: &ServerVersion, kind: AcceleratorKind) -> bool {
    version.arguments.is_some() && version.image(kind).is_some()
}
