//! A Pod template in which a container serves a model.

use serde_json::Value;

use super::command_line::CommandLine;
use super::container::containers;
use super::recognise::may_serve;
use super::serve_config::ServeConfig;
use super::settings::ServerSettings;
use super::volume::volumes;
use super::{
    AcceleratorRequest, Arguments, Container, Image, ModelSource, NodeConstraints, PodTemplate, PointerBuf,
    ServerKind, Told, Variables, Volume,
};

/// The part of a Pod in the group that makes one replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// One Pod is one replica.
    Alone,
    /// Leads a LeaderWorkerSet group.
    Leader,
    /// Works for a leader, or is leader and worker by one template.
    Worker,
    /// One of several Pods whose division of labour the object does not say.
    Group,
}

/// How one replica is split, as its arguments say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parallelism {
    /// `--tensor-parallel-size`, or the server's name for it.
    pub tensor: Told<u32>,
    /// `--pipeline-parallel-size`.
    pub pipeline: Told<u32>,
    /// Data-parallel ranks of the whole replica.
    pub data: Told<u32>,
    /// Data-parallel ranks on this Pod.
    pub data_local: Told<u32>,
    /// Machines of one replica (`--nnodes`).
    pub machines: Told<u32>,
    /// Whether experts are spread over the ranks (`--enable-expert-parallel`).
    pub expert: Told<bool>,
}

impl Parallelism {
    fn of(settings: &ServerSettings<'_, '_>) -> Self {
        Self {
            tensor: settings.number(&["tensor-parallel-size", "tp-size", "tp", "num-shard"]),
            pipeline: settings.number(&["pipeline-parallel-size", "pp-size", "pp"]),
            data: settings.number(&["data-parallel-size", "dp-size", "dp"]),
            data_local: settings.number(&["data-parallel-size-local"]),
            machines: settings.number(&["nnodes"]),
            expert: settings.arguments.switch(&["enable-expert-parallel", "enable-ep-moe"]),
        }
    }
}

/// A Pod template in which a container serves a model.
#[derive(Debug, Clone, PartialEq)]
pub struct ServingPod<'a> {
    /// Where the template stands in the object; the root for a Pod.
    pub at: PointerBuf,
    /// The template: `metadata` and `spec`.
    pub template: &'a Value,
    /// Its part in a group of Pods.
    pub role: Role,
    /// Pods of one replica; unknown where the object does not say.
    pub pods_per_replica: Told<u32>,
    /// All containers of the template, init containers too.
    pub containers: Vec<Container<'a>>,
    /// Which of `containers` serves.
    pub(super) serving: usize,
    /// Its image.
    pub image: Image<'a>,
    /// Which server it runs.
    pub server: ServerKind,
    /// Version of the server as far as the image's tag tells: `v0.9.0`.
    pub version: Told<String>,
    /// The server's command line.
    pub arguments: Arguments,
    /// Environment of the serving container, as its process sees it.
    pub variables: Variables<'a>,
    /// Whether the container's script removes what lies in `/dev/shm` when it starts.
    pub empties_shm: bool,
    /// The model it serves.
    pub model: ModelSource,
    /// How one replica is split.
    pub parallelism: Parallelism,
    /// Longest sequence in tokens.
    pub max_context_tokens: Told<u64>,
    /// Sequences scheduled at once.
    pub max_sequences: Told<u32>,
    /// Tokens scheduled in one step.
    pub max_batched_tokens: Told<u32>,
    /// Share of the device's memory that the server may take.
    pub memory_fraction: Told<f64>,
    /// Quantization of the weights at load.
    pub quantization: Told<String>,
    /// Element type of computation.
    pub dtype: Told<String>,
    /// Element type of the KV cache.
    pub cache_dtype: Told<String>,
    /// Accelerators that the serving container asks for.
    pub accelerator: Option<AcceleratorRequest>,
    /// What the template says of the node it may run on.
    pub node: NodeConstraints,
    /// Volumes of the template.
    pub volumes: Vec<Volume<'a>>,
}

impl<'a> ServingPod<'a> {
    /// The container that serves.
    pub fn serving(&self) -> &Container<'a> {
        &self.containers[self.serving]
    }

    /// The template's `spec`.
    pub fn spec(&self) -> &'a Value {
        self.template.get("spec").unwrap_or(&Value::Null)
    }

    /// Pointer to a place below the template: `pod.pointer(["spec", "volumes"])`.
    pub fn pointer<'t>(&self, tokens: impl IntoIterator<Item = &'t str>) -> PointerBuf {
        self.at.concat(&PointerBuf::from_tokens(tokens))
    }

    /// A variable of the serving container, as its process sees it.
    pub fn variable(&self, name: &str) -> Told<&str> {
        self.variables.get(name)
    }

    /// Accelerators that all containers of one Pod ask for together; unset where none does.
    pub fn accelerators_per_pod(&self) -> Told<u32> {
        let asked = self.containers.iter().filter(|container| container.runs_along);
        let counts =
            asked.filter_map(|container| container.accelerator.as_ref()).map(|request| request.count);
        let sum = |sum: Told<u32>, count: Told<u32>| match (sum, count) {
            (Told::Unset, count) => count,
            (Told::Is(sum), Told::Is(count)) => Told::Is(sum.saturating_add(count)),
            _ => Told::Unknown,
        };
        counts.fold(Told::Unset, sum)
    }

    /// Port that the server listens on; unknown where neither its arguments nor its default tell.
    pub fn server_port(&self) -> Told<u16> {
        let settings =
            ServerSettings { server: self.server, arguments: &self.arguments, variables: &self.variables };
        let written = match self.server {
            ServerKind::Triton => settings.number(&["http-port"]),
            ServerKind::KserveHuggingFace => settings.number(&["http-port"]),
            ServerKind::Nim => settings.variable("NIM_SERVER_PORT").and_then(|port| port.parse().ok()),
            _ => settings.number(&["port"]),
        };
        written.or_else(|| self.server.default_port().map_or(Told::Unknown, Told::Is))
    }

    /// `terminationGracePeriodSeconds`; 30 where it is not written.
    pub fn grace_period_seconds(&self) -> u64 {
        const DEFAULT: u64 = 30;
        self.spec().get("terminationGracePeriodSeconds").and_then(Value::as_u64).unwrap_or(DEFAULT)
    }

    /// An annotation of the template.
    pub fn annotation(&self, key: &str) -> Option<&'a str> {
        self.template.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    /// Whether its `/dev/shm` is the node's (`hostIPC`).
    pub fn shares_memory_of_node(&self) -> bool {
        self.spec().get("hostIPC").and_then(Value::as_bool).unwrap_or(false)
    }

    /// The volume that holds `path` in the serving container: that of the mount with the longest matching path.
    pub fn volume_of(&self, path: &str) -> Option<&Volume<'a>> {
        let mount = self.serving().mount_of(path)?;
        self.volumes.iter().find(|volume| volume.name == mount.volume)
    }
}

impl<'a> ServingPod<'a> {
    pub(super) fn of(object: &'a Value, template: PodTemplate<'a>) -> Option<Self> {
        let application = ServeConfig::of(object);
        if application.is_none() && !may_serve(template.value) {
            return None;
        }
        let containers = containers(&template);
        let (serving, image, variables, line) = find_serving(&containers, application.is_some())?;
        let container = &containers[serving];
        let CommandLine { server, arguments, environment, empties_shm } = line;
        let variables = variables.with_scripted(environment);
        let application = application.filter(|_| server == ServerKind::Ray);
        let settings = ServerSettings { server, arguments: &arguments, variables: &variables };
        Some(Self {
            role: template.role,
            pods_per_replica: pods_per_replica(object, template.role),
            version: image.version(),
            model: application.map_or_else(|| ModelSource::of(&settings), |application| application.model()),
            parallelism: application
                .map_or_else(|| Parallelism::of(&settings), |application| application.parallelism()),
            max_context_tokens: settings.number(&[
                "max-model-len",
                "context-length",
                "max-total-tokens",
                "max-seq-len",
                "ctx-size",
            ]),
            max_sequences: settings.number(&[
                "max-num-seqs",
                "max-running-requests",
                "max-concurrent-requests",
            ]),
            max_batched_tokens: settings.number(&["max-num-batched-tokens", "max-batch-total-tokens"]),
            memory_fraction: settings.number(&[
                "gpu-memory-utilization",
                "mem-fraction-static",
                "cuda-memory-fraction",
                "kv-cache-free-gpu-memory-fraction",
            ]),
            quantization: settings.text(&["quantization", "quantize"]),
            dtype: settings.text(&["dtype"]),
            cache_dtype: settings.text(&["kv-cache-dtype"]),
            accelerator: container.accelerator.clone(),
            node: NodeConstraints::of(template.value),
            volumes: volumes(object, &template),
            at: template.at,
            template: template.value,
            serving,
            image,
            server,
            arguments,
            variables,
            empties_shm,
            containers,
        })
    }
}

/// The container that serves, with what it starts. Where Ray serves an application, it is the one with accelerators.
fn find_serving<'a>(
    containers: &[Container<'a>],
    has_application: bool,
) -> Option<(usize, Image<'a>, Variables<'a>, CommandLine)> {
    let starts = |(index, container): (usize, &Container<'a>)| {
        let image = Image::parse(container.image.unwrap_or_default());
        let variables = Variables::of(container);
        let line = CommandLine::of(container, image, &variables)?;
        Some((index, image, variables, line))
    };
    let running = || containers.iter().enumerate().filter(|(_, container)| container.runs_along);
    running().find_map(starts).or_else(|| {
        let (index, container) = running().find(|(_, container)| container.accelerator.is_some())?;
        let line = CommandLine::plain(ServerKind::Ray, Arguments::default());
        let image = Image::parse(container.image.unwrap_or_default());
        has_application.then(|| (index, image, Variables::of(container), line))
    })
}

/// Pods of one replica, as far as the object tells.
fn pods_per_replica(object: &Value, role: Role) -> Told<u32> {
    let number = |value: Option<&Value>| match value {
        // The API server fills in 1.
        None => Told::Is(1),
        Some(value) => {
            value.as_u64().and_then(|size| u32::try_from(size).ok()).map_or(Told::Unknown, Told::Is)
        }
    };
    match role {
        Role::Alone => Told::Is(1),
        Role::Leader | Role::Worker => number(object.pointer("/spec/leaderWorkerTemplate/size")),
        Role::Group => {
            let jobs = object.pointer("/spec/replicatedJobs").and_then(Value::as_array);
            let Some([job]) = jobs.map(Vec::as_slice) else { return Told::Unknown };
            match (number(job.get("replicas")), number(job.pointer("/template/spec/parallelism"))) {
                (Told::Is(replicas), Told::Is(pods)) => Told::Is(replicas.saturating_mul(pods)),
                _ => Told::Unknown,
            }
        }
    }
}
