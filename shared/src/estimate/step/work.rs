//! What one accelerator of a replica has to move and multiply, whatever the chip.

use crate::catalog::{Architecture, AttentionKind, CacheElement, FeedForwardKind, Model, Precision};
use crate::curve::Parallelism;

use super::Chip;

/// Bytes of one element of activations and of weights that are not quantized: BF16.
const HALF_BYTES: f64 = 2.0;

/// Bytes of one element of recurrent state: FP32.
const STATE_BYTES: f64 = 4.0;

/// Residual-width vectors read and written around one layer outside its matrices: input and output of two norms and
/// two residual additions.
const RESIDUAL_PASSES: f64 = 8.0;

/// Passes over the inner vector of a feed-forward layer: written by gate and up projection, read and written by their
/// product, read by the down projection.
const INNER_PASSES: f64 = 4.0;

/// Passes over the residual vector for every expert a token is sent to: gathered, written by the expert, summed up.
const ROUTED_PASSES: f64 = 3.0;

/// Passes over queries, keys, values and the attention's result together, in units of their width.
const ATTENTION_PASSES: f64 = 3.0;

/// Matrices whose weights are read once a step and multiplied with every token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MatrixWork {
    /// Bytes of the weights on one accelerator.
    pub bytes: f64,
    /// Operations of one token on one accelerator.
    pub flop_per_token: f64,
    /// Width of the operands in bits.
    pub bits: u32,
    /// Whether narrow weights are unpacked to wider ones on the way.
    pub is_unpacked: bool,
    /// Peak operations a second at that width.
    pub peak_flops: f64,
}

/// Routed experts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExpertWork {
    /// One expert of every layer: the bytes are those that one accelerator holds on average.
    pub expert: MatrixWork,
    /// Experts of a layer.
    pub experts: f64,
    /// Experts that a token passes through.
    pub active: f64,
    /// Layers with experts.
    pub layers: f64,
    /// Whether whole experts are spread over accelerators, so that the busiest one decides.
    pub is_expert_parallel: bool,
}

/// A group of attention layers on one accelerator, all layers together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AttentionWork {
    /// Keys and values of every token, of the last `window` tokens where there is one.
    KeyValue {
        /// Bytes of one token's keys and values.
        bytes_per_token: f64,
        /// Operations of one pair of tokens: scores and weighted values.
        flop_per_pair: f64,
        /// Latest tokens attended.
        window: Option<f64>,
    },
    /// One compressed vector for every `ratio` tokens, and of the last `window` one by one.
    Latent {
        /// Bytes of one vector.
        bytes_per_vector: f64,
        /// Operations of one pair while decoding, where queries are projected into the compressed space.
        decode_flop_per_pair: f64,
        /// Operations of one pair of a prompt, where keys and values are expanded.
        prefill_flop_per_pair: f64,
        /// Tokens that share a vector.
        ratio: f64,
        /// Latest tokens attended one by one, beyond the shared vectors.
        window: f64,
        /// Most vectors attended, those that the index chose.
        most_vectors: Option<f64>,
        /// Bytes of the index key of one vector.
        index_bytes_per_vector: f64,
        /// Operations of the index for one pair.
        index_flop_per_pair: f64,
    },
    /// State that is read and written once a sequence and step.
    State {
        /// Bytes of one sequence's state.
        bytes_per_sequence: f64,
    },
}

/// All that one accelerator of a replica has to do in a step.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplicaWork {
    /// Layers of the model.
    pub layers: f64,
    /// Layers with latent or compressed attention.
    pub latent_layers: f64,
    /// Layers whose attention has an index of its own.
    pub index_layers: f64,
    /// Recurrent layers.
    pub recurrent_layers: f64,
    /// Attention projections.
    pub projections: MatrixWork,
    /// Dense feed-forward layers and shared experts.
    pub feed_forward: MatrixWork,
    /// Routed experts, where the model has them.
    pub experts: Option<ExpertWork>,
    /// Output head.
    pub head: MatrixWork,
    /// Attention by group of layers.
    pub attention: Vec<AttentionWork>,
    /// Bytes read and written between matrices for one token.
    pub activation_bytes_per_token: f64,
    /// Bytes of one token's residual vector.
    pub residual_bytes: f64,
    /// Accelerators of the replica.
    pub accelerators: f64,
    /// Attention-data-parallel ranks: the experts see the tokens of all of them.
    pub data_ranks: f64,
}

impl ReplicaWork {
    /// Work of `model` with weights of `precision` and a cache of `element`s, spread by `parallelism` over chips.
    pub fn new(
        model: &Model,
        precision: Precision,
        element: CacheElement,
        chip: &Chip,
        parallelism: Parallelism,
    ) -> Self {
        let spread = Spread::of(parallelism);
        let architecture = &model.architecture;
        let formats = Formats::of(architecture, precision);
        let (projections, feed_forward) =
            (projection_parameters(architecture), dense_parameters(architecture));
        let layers_where = |holds: fn(&AttentionKind) -> bool| -> f64 {
            let groups = architecture.attention.iter().filter(|group| holds(&group.kind));
            groups.map(|group| f64::from(group.layers)).sum()
        };
        let head = architecture.embedding_parameters() as f64 / spread.tensor;
        Self {
            layers: layers_where(|_| true),
            latent_layers: layers_where(is_latent),
            index_layers: layers_where(has_index),
            recurrent_layers: layers_where(|kind| matches!(kind, AttentionKind::Recurrent { .. })),
            projections: matrix(projections / spread.tensor, formats.rest, chip),
            feed_forward: matrix(feed_forward / spread.tensor, formats.rest, chip),
            experts: experts(architecture, formats.experts, chip, &spread),
            head: matrix(head, Precision::Bf16, chip),
            attention: attention(architecture, element, &spread),
            activation_bytes_per_token: activation_bytes(architecture, &spread),
            residual_bytes: f64::from(architecture.hidden) * HALF_BYTES,
            accelerators: spread.accelerators,
            data_ranks: spread.data,
        }
    }
}

/// Sizes of the groups that share work.
struct Spread {
    tensor: f64,
    data: f64,
    accelerators: f64,
    is_expert_parallel: bool,
}

impl Spread {
    fn of(parallelism: Parallelism) -> Self {
        let Parallelism { tensor, data, expert } = parallelism;
        Self {
            tensor: f64::from(tensor.max(1)),
            data: f64::from(data.max(1)),
            accelerators: f64::from(tensor.max(1)) * f64::from(data.max(1)),
            is_expert_parallel: expert > 1,
        }
    }
}

/// Formats of a checkpoint's parts: 4-bit checkpoints of mixtures keep everything but the experts in BF16.
struct Formats {
    rest: Precision,
    experts: Precision,
}

impl Formats {
    fn of(architecture: &Architecture, precision: Precision) -> Self {
        let is_mixture = architecture
            .feed_forward
            .iter()
            .any(|group| matches!(group.kind, FeedForwardKind::Experts { .. }));
        let is_narrow = matches!(precision, Precision::Int4 | Precision::Nvfp4 | Precision::Mxfp4);
        Self { rest: if is_mixture && is_narrow { Precision::Bf16 } else { precision }, experts: precision }
    }
}

fn matrix(parameters: f64, precision: Precision, chip: &Chip) -> MatrixWork {
    let bits = chip.compute_bits(precision);
    MatrixWork {
        bytes: parameters * precision.bytes_per_weight(),
        flop_per_token: 2.0 * parameters,
        bits,
        is_unpacked: f64::from(bits) > 8.0 * precision.bytes_per_weight().ceil(),
        peak_flops: chip.peak(bits, precision),
    }
}

fn is_latent(kind: &AttentionKind) -> bool {
    matches!(kind, AttentionKind::Latent { .. } | AttentionKind::Compressed { .. })
}

fn has_index(kind: &AttentionKind) -> bool {
    match kind {
        AttentionKind::Latent { index_heads, .. } | AttentionKind::Compressed { index_heads, .. } => {
            index_heads.is_some()
        }
        _ => false,
    }
}

fn projection_parameters(architecture: &Architecture) -> f64 {
    let groups = architecture.attention.iter();
    groups
        .map(|group| f64::from(group.layers) * group.kind.parameters(architecture.hidden).total() as f64)
        .sum()
}

fn dense_parameters(architecture: &Architecture) -> f64 {
    let groups = architecture.feed_forward.iter();
    groups
        .map(|group| {
            let of_layer = group.kind.parameters(architecture.hidden);
            f64::from(group.layers) * (of_layer.dense + of_layer.shared + of_layer.router) as f64
        })
        .sum()
}

/// Experts of all layers together; a model has one kind of them.
fn experts(
    architecture: &Architecture,
    precision: Precision,
    chip: &Chip,
    spread: &Spread,
) -> Option<ExpertWork> {
    let groups = architecture.feed_forward.iter();
    let mut mixtures = groups.filter_map(|group| {
        let of_layer = group.kind.parameters(architecture.hidden);
        (of_layer.experts > 0).then(|| (f64::from(group.layers), of_layer))
    });
    let (first_layers, first) = mixtures.next()?;
    let (mut layers, mut parameters) = (first_layers, first_layers * first.expert as f64);
    for (more, of_layer) in mixtures {
        layers += more;
        parameters += more * of_layer.expert as f64;
    }
    Some(ExpertWork {
        expert: matrix(parameters / spread.accelerators, precision, chip),
        experts: first.experts as f64,
        active: first.experts_active as f64,
        layers,
        is_expert_parallel: spread.is_expert_parallel,
    })
}

fn attention(architecture: &Architecture, element: CacheElement, spread: &Spread) -> Vec<AttentionWork> {
    let groups = architecture.attention.iter();
    groups.map(|group| attention_of(&group.kind, f64::from(group.layers), element, spread)).collect()
}

fn attention_of(kind: &AttentionKind, layers: f64, element: CacheElement, spread: &Spread) -> AttentionWork {
    let tensor = spread.tensor;
    let key_value = |heads: u32, kv_heads: u32, head_dim: u32, window: Option<u32>| {
        // Heads that do not suffice for all ranks are repeated.
        let kv_heads_here = (f64::from(kv_heads) / tensor).ceil().max(1.0);
        AttentionWork::KeyValue {
            bytes_per_token: layers * 2.0 * kv_heads_here * f64::from(head_dim) * element.bytes(),
            flop_per_pair: layers * 4.0 * f64::from(heads) * f64::from(head_dim) / tensor,
            window: window.map(f64::from),
        }
    };
    match *kind {
        AttentionKind::Full { heads, kv_heads, head_dim, .. } => key_value(heads, kv_heads, head_dim, None),
        AttentionKind::Sliding { heads, kv_heads, head_dim, window, .. } => {
            key_value(heads, kv_heads, head_dim, Some(window))
        }
        AttentionKind::Latent { .. } | AttentionKind::Compressed { .. } => {
            latent(kind, layers, element, tensor)
        }
        AttentionKind::Recurrent { .. } => AttentionWork::State {
            bytes_per_sequence: layers * STATE_BYTES * kind.state_elements() as f64 / tensor,
        },
    }
}

fn latent(kind: &AttentionKind, layers: f64, element: CacheElement, tensor: f64) -> AttentionWork {
    // FP8 keys of the index with an FP32 scale each.
    let index_bytes = |width: Option<u32>| width.map_or(0.0, |width| layers * (f64::from(width) + 4.0));
    let index_flop = |heads: Option<u32>, width: Option<u32>| {
        layers * 2.0 * f64::from(heads.unwrap_or(0)) * f64::from(width.unwrap_or(0))
    };
    match *kind {
        AttentionKind::Latent {
            heads,
            kv_lora_rank,
            qk_nope_head_dim,
            qk_rope_head_dim,
            v_head_dim,
            index_head_dim,
            index_heads,
            index_top_k,
            ..
        } => {
            let [heads, rank, nope, rope, value] =
                [heads, kv_lora_rank, qk_nope_head_dim, qk_rope_head_dim, v_head_dim].map(f64::from);
            AttentionWork::Latent {
                bytes_per_vector: layers * (rank + rope) * element.bytes(),
                decode_flop_per_pair: layers * 2.0 * heads * (2.0 * rank + rope) / tensor,
                prefill_flop_per_pair: layers * 2.0 * heads * (nope + rope + value) / tensor,
                ratio: 1.0,
                window: 0.0,
                most_vectors: index_top_k.map(f64::from),
                index_bytes_per_vector: index_bytes(index_head_dim),
                index_flop_per_pair: index_flop(index_heads, index_head_dim),
            }
        }
        AttentionKind::Compressed {
            ratio,
            window,
            heads,
            head_dim,
            index_head_dim,
            index_heads,
            index_top_k,
            ..
        } => {
            let flop_per_pair = layers * 4.0 * f64::from(heads) * f64::from(head_dim) / tensor;
            AttentionWork::Latent {
                bytes_per_vector: layers * f64::from(head_dim) * element.bytes(),
                decode_flop_per_pair: flop_per_pair,
                prefill_flop_per_pair: flop_per_pair,
                ratio: ratio.map_or(f64::INFINITY, f64::from),
                window: f64::from(window),
                most_vectors: index_top_k.map(f64::from),
                index_bytes_per_vector: index_bytes(index_head_dim),
                index_flop_per_pair: index_flop(index_heads, index_head_dim),
            }
        }
        _ => AttentionWork::State { bytes_per_sequence: 0.0 },
    }
}

/// Residual vectors whole on every rank; inner vectors split as their matrices are.
fn activation_bytes(architecture: &Architecture, spread: &Spread) -> f64 {
    let hidden = f64::from(architecture.hidden);
    let attention = architecture.attention.iter().map(|group| {
        let widths = group.kind.parameters(architecture.hidden).total() as f64 / hidden.max(1.0);
        f64::from(group.layers) * (RESIDUAL_PASSES * hidden + ATTENTION_PASSES * widths / spread.tensor)
    });
    let feed_forward = architecture
        .feed_forward
        .iter()
        .map(|group| f64::from(group.layers) * feed_forward_elements(&group.kind, hidden, spread));
    HALF_BYTES * (attention.sum::<f64>() + feed_forward.sum::<f64>())
}

fn feed_forward_elements(kind: &FeedForwardKind, hidden: f64, spread: &Spread) -> f64 {
    match *kind {
        FeedForwardKind::Dense { intermediate, .. } => INNER_PASSES * f64::from(intermediate) / spread.tensor,
        FeedForwardKind::Experts { experts_active, intermediate, shared_intermediate, .. } => {
            let (active, inner) = (f64::from(experts_active), f64::from(intermediate));
            let routed = if spread.is_expert_parallel || spread.data > 1.0 {
                // Each token visits its experts' accelerators only.
                active * (ROUTED_PASSES * hidden + INNER_PASSES * inner) * spread.data / spread.accelerators
            } else {
                active * (ROUTED_PASSES * hidden + INNER_PASSES * inner / spread.tensor)
            };
            routed + INNER_PASSES * f64::from(shared_intermediate) / spread.tensor
        }
    }
}
