//! One replica as its server starts it: work, chip, and the settings of its engine.

use thiserror::Error;

use super::conditions::Conditions;
use super::memory::{self, DoesNotFit, EngineLimits, MemoryPlan};
use super::protocol::{Launch, Protocol};
use super::scheduler::{EngineSettings, Speculation};
use super::step::{Chip, Constants, ReplicaWork, StepModel, server_index};
use crate::catalog::{
    Accelerator, CacheElement, Catalog, CatalogError, Checkpoint, MemoryScope, Model, Precision, Server,
    ServerVersion,
};
use crate::curve::{Configuration, EngineArguments, Parallelism};
use crate::workload::{LengthError, Traffic};

/// Tokens of one prefill chunk of SGLang (`--chunked-prefill-size`), by the device's memory: its
/// `server_args.py` of 0.5 takes 16384 from 160 GiB, 8192 from 60 GiB, 4096 from 35 GiB, 2048 below.
const SGLANG_CHUNKS: [(f64, u32); 4] = [(160.0, 16_384), (60.0, 8_192), (35.0, 4_096), (0.0, 2_048)];

/// Requests that SGLang runs at once unless told otherwise: 512 for each sequence of the longest length that its cache
/// holds, within these bounds (`max_running_requests` in its `tp_worker.py` and `model_runner.py` of 0.5).
const SGLANG_SEATS: std::ops::RangeInclusive<u64> = 2_048..=4_096;
const SGLANG_SEATS_A_SEQUENCE: u64 = 512;

/// `max_batch_size` and `max_num_tokens` of `trtllm-serve` 1.0.
const TENSORRT_LLM_SEATS: u32 = 2_048;
const TENSORRT_LLM_STEP_TOKENS: u32 = 8_192;

/// Slots of JetStream: it takes as many as were asked for when it was started; 64 is what its recipes ask for.
const JETSTREAM_SLOTS: u32 = 64;

/// Limits of a server of which the catalog knows no version: those that most servers share.
const UNKNOWN_SERVER: EngineLimits = EngineLimits {
    memory_fraction: 0.9,
    memory_scope: MemoryScope::Everything,
    max_sequences: 256,
    max_batched_tokens: 2_048,
    cache_element: None,
};

/// The last minor version of vLLM whose default engine is V0.
const VLLM_LAST_V0_MINOR: u32 = 7;

/// Sequences of the mean length that the cache of a replica holds when memory says that it holds none, although
/// somebody ran it.
const LEAST_RESIDENT: u64 = 2;

/// Why a configuration cannot be estimated.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CannotEstimate {
    /// A name that the catalog does not have.
    #[error(transparent)]
    Unknown(#[from] CatalogError),
    /// It does not fit in memory.
    #[error("{0}")]
    DoesNotFit(DoesNotFit),
    /// The requests cannot run in it.
    #[error("{0}")]
    CannotRun(#[from] super::scheduler::SimulationError),
    /// Lengths that no request has.
    #[error("{0}")]
    Lengths(#[from] LengthError),
}

/// What decides the curve of one replica but the traffic's load.
#[derive(Debug, Clone, PartialEq)]
pub struct Replica {
    /// What one accelerator has to do in a step.
    pub work: ReplicaWork,
    /// The chip that it does it on.
    pub chip: Chip,
    /// Index of the server's constants.
    pub server: usize,
    /// Whether the server is of a generation before today's engines.
    pub is_old: bool,
    /// Scheduler of all attention-data-parallel ranks together.
    pub settings: EngineSettings,
    /// Memory of one accelerator; `None` where it ran although our account says that it does not fit.
    pub memory: Option<MemoryPlan>,
    /// Steps that a prompt waits for others to come, in engines that collect prompts.
    pub collect_steps: u32,
    /// Draft tokens a step and sequence that its arguments ask for; 0: none.
    pub draft_tokens: u32,
    /// Whether its arguments leave prefix caching on.
    pub may_cache_prefixes: bool,
}

/// Names of a configuration, found in the catalog.
struct Found<'a> {
    model: &'a Model,
    checkpoint: Checkpoint,
    accelerator: &'a Accelerator,
    server: &'a Server,
    version: Option<&'a ServerVersion>,
}

impl Replica {
    /// The replica of `configuration` for requests of `traffic`, started as `protocol` starts servers.
    ///
    /// With `must_fit` a configuration that does not fit in memory is an error; without it the replica was run by
    /// somebody, so it did fit.
    ///
    /// # Errors
    /// Names that the catalog lacks, and what does not fit.
    pub fn of(
        catalog: &Catalog,
        configuration: &Configuration,
        traffic: &Traffic,
        protocol: Protocol,
        must_fit: bool,
    ) -> Result<Self, CannotEstimate> {
        let found = find(catalog, configuration)?;
        let chip = Chip::of(found.accelerator);
        let arguments = EngineArguments::read(&configuration.engine_arguments);
        let parallelism = parallelism(configuration);
        let launch = protocol.launch(&found.server.name, found.model, &found.checkpoint, &chip, traffic);
        let mut limits = limits(&found, &arguments, &launch);
        let element = limits.cache_element_of(&found.checkpoint);
        let context = (traffic.mean_input_tokens() + traffic.mean_output_tokens()).ceil() as u64;
        let planned =
            memory::fit(found.model, &found.checkpoint, found.accelerator, parallelism, limits, context);
        let memory = match planned {
            Ok(plan) => Some(plan),
            Err(why) if must_fit => return Err(CannotEstimate::DoesNotFit(why)),
            Err(_) => None,
        };
        let held = memory.as_ref().map_or(0, |plan| plan.cache_tokens_at(context));
        let cache_tokens = held.max(LEAST_RESIDENT * context);
        if found.server.name == "sglang" && arguments.max_sequences.or(launch.seats).is_none() {
            limits.max_sequences = sglang_seats(cache_tokens, found.model.max_context_tokens);
        }
        let is_old = is_old(&found.server.name, configuration.server_version.as_deref());
        let mut settings = settings(&found, &arguments, limits, cache_tokens, parallelism.data, is_old);
        settings.receive_interval_steps = launch.receive_interval_steps.max(1);
        if !settings.chunked_prefill && arguments.max_batched_tokens.is_none() {
            // An engine that computes prompts whole is started for those that it is to serve. The cast saturates.
            settings.step_tokens = settings.step_tokens.max(traffic.input_tokens.ceil() as u32);
        }
        Ok(Self {
            work: ReplicaWork::new(found.model, found.checkpoint.precision, element, &chip, parallelism),
            chip,
            server: server_index(&found.server.name),
            is_old,
            settings,
            memory,
            collect_steps: launch.collect_steps,
            // Who asks for drafts without a number has a model that predicts one token ahead.
            draft_tokens: arguments.speculation.map_or(0, |drafts| drafts.draft_tokens.unwrap_or(1)),
            may_cache_prefixes: arguments.prefix_caching != Some(false),
        })
    }

    /// The same replica under traffic that shares prefixes, and with drafts that are accepted at a known rate. The draft
    /// model's own time is not counted: it is small against the model's for heads that predict ahead.
    pub(super) fn under(mut self, conditions: &Conditions) -> Self {
        self.settings.prefix_caching = self.may_cache_prefixes && conditions.common_prefix_share > 0.0;
        self.settings.speculation = conditions
            .draft_acceptance
            .filter(|_| self.draft_tokens > 0)
            .map(|acceptance_rate| Speculation { draft_tokens: self.draft_tokens, acceptance_rate });
        self
    }

    /// Whether `configuration` holds requests of `traffic`.
    ///
    /// # Errors
    /// Why it does not.
    pub fn fits(
        catalog: &Catalog,
        configuration: &Configuration,
        traffic: &Traffic,
    ) -> Result<(), CannotEstimate> {
        Self::of(catalog, configuration, traffic, Protocol::Defaults, true).map(|_| ())
    }

    /// The clock of this replica under some constants.
    pub fn clock<'c>(&'c self, constants: &'c Constants) -> StepModel<'c> {
        StepModel::new(&self.work, &self.chip, constants, self.server, self.is_old)
    }
}

fn find<'a>(catalog: &'a Catalog, configuration: &Configuration) -> Result<Found<'a>, CannotEstimate> {
    let found = catalog.find_model(&configuration.model)?;
    let server = catalog.find_server(&configuration.server)?;
    let version = configuration.server_version.as_deref();
    let checkpoint = match configuration.precision {
        None => found.checkpoint.clone(),
        Some(precision) if found.checkpoint.precision == precision => found.checkpoint.clone(),
        Some(precision) => {
            let published = found.model.checkpoint_of(precision).cloned();
            published.unwrap_or_else(|| unpublished(found.model, precision))
        }
    };
    Ok(Found {
        model: found.model,
        checkpoint,
        accelerator: catalog.find_accelerator(&configuration.accelerator)?,
        server,
        version: version.and_then(|version| server.known_version(version)),
    })
}

/// Weights of a precision that nobody published by themselves: quantized while they are loaded.
fn unpublished(model: &Model, precision: Precision) -> Checkpoint {
    Checkpoint {
        id: model.id.clone(),
        precision,
        // Below 2^53: parameters are at most some 10^13.
        bytes: (model.parameters as f64 * precision.bytes_per_weight()) as u64,
        loaded_bytes: None,
        cache_element: None,
        evidence: None,
    }
}

/// Accelerators that tensor parallelism does not use serve other requests: data parallel ranks.
fn parallelism(configuration: &Configuration) -> Parallelism {
    let Parallelism { tensor, data, expert } = configuration.parallelism;
    let tensor = tensor.clamp(1, configuration.accelerators.max(1));
    let fills = tensor * data.max(1) == configuration.accelerators;
    let data = if fills { data.max(1) } else { (configuration.accelerators / tensor).max(1) };
    Parallelism { tensor, data, expert: expert.max(1) }
}

/// What an argument says of the cache's elements, or the protocol. TensorRT-LLM's own checkpoints of FP8 and NVFP4
/// weights ask for an FP8 cache (`kv_cache_quant_algo` of their `hf_quant_config.json`).
fn cache_element(found: &Found<'_>, arguments: &EngineArguments, launch: &Launch) -> Option<CacheElement> {
    let told = arguments.kv_cache_type.as_deref().filter(|told| *told != "auto");
    let told = told.map(|told| if told.contains("fp8") { CacheElement::Fp8 } else { CacheElement::Bf16 });
    let by_server = found.server.name == "trtllm"
        && matches!(found.checkpoint.precision, Precision::Fp8 | Precision::Nvfp4);
    told.or(launch.cache_element).or(by_server.then_some(CacheElement::Fp8))
}

fn limits(found: &Found<'_>, arguments: &EngineArguments, launch: &Launch) -> EngineLimits {
    let version = found.version.or_else(|| found.server.default_version(found.accelerator.kind));
    let version = version.or_else(|| found.server.versions.last());
    let of_version = version.map(|version| EngineLimits::of(version, found.accelerator));
    let mut limits = of_version.unwrap_or(UNKNOWN_SERVER);
    match found.server.name.as_str() {
        "sglang" => {
            let chunk = SGLANG_CHUNKS.iter().find(|(least, _)| found.accelerator.memory_gib >= *least);
            limits.max_sequences = *SGLANG_SEATS.end() as u32;
            limits.max_batched_tokens = chunk.map_or(2_048, |(_, chunk)| *chunk);
        }
        "trtllm" => {
            limits.max_sequences = TENSORRT_LLM_SEATS;
            limits.max_batched_tokens = TENSORRT_LLM_STEP_TOKENS;
        }
        _ => {}
    }
    EngineLimits {
        memory_fraction: arguments
            .memory_fraction
            .or(launch.memory_fraction)
            .unwrap_or(limits.memory_fraction),
        max_sequences: arguments.max_sequences.or(launch.seats).unwrap_or(limits.max_sequences),
        max_batched_tokens: arguments
            .max_batched_tokens
            .or(launch.step_tokens)
            .unwrap_or(limits.max_batched_tokens),
        cache_element: cache_element(found, arguments, launch),
        ..limits
    }
}

/// All ranks as one engine: requests go to the rank with the fewest.
fn settings(
    found: &Found<'_>,
    arguments: &EngineArguments,
    limits: EngineLimits,
    cache_tokens: u64,
    ranks: u32,
    is_v0: bool,
) -> EngineSettings {
    let seats = limits.max_sequences.saturating_mul(ranks);
    let step_tokens = limits.max_batched_tokens.saturating_mul(ranks);
    let longest = found.model.max_context_tokens.min(u64::from(u32::MAX)) as u32;
    let longest = arguments.max_model_tokens.unwrap_or(longest).max(2);
    let mut settings = match found.server.name.as_str() {
        "sglang" => EngineSettings::sglang(seats, step_tokens, cache_tokens, longest),
        "trtllm" => EngineSettings::tensorrt_llm(seats, step_tokens, cache_tokens, longest),
        "jetstream" => EngineSettings::jetstream(JETSTREAM_SLOTS, longest),
        "vllm" if is_v0 => EngineSettings { seats, ..EngineSettings::vllm_v0(cache_tokens, longest) },
        _ => EngineSettings::vllm_v1(seats, step_tokens, cache_tokens, longest),
    };
    // Requests of measured traffic share nothing: without the cache the simulation is the same, and faster.
    settings.prefix_caching = false;
    if let Some(chunked) = arguments.chunked_prefill {
        settings.chunked_prefill = chunked;
    }
    settings
}

fn sglang_seats(cache_tokens: u64, longest: u64) -> u32 {
    let asked = cache_tokens.saturating_mul(SGLANG_SEATS_A_SEQUENCE) / longest.max(1);
    // Within bounds that 32 bits hold.
    asked.clamp(*SGLANG_SEATS.start(), *SGLANG_SEATS.end()) as u32
}

/// vLLM's V0 engine, by its version number; names without a number are taken for today's.
fn is_old(server: &str, version: Option<&str>) -> bool {
    if server != "vllm" {
        return false;
    }
    let number = version.and_then(|version| version.rsplit([':', ' ']).next()).unwrap_or_default();
    let mut parts = number.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next(), parts.next().and_then(|minor| minor.parse::<u32>().ok()));
    major == Some("0") && minor.is_some_and(|minor| minor <= VLLM_LAST_V0_MINOR)
}
