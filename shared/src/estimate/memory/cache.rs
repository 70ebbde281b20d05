//! KV cache of one accelerator as a function of a sequence's length.

use crate::catalog::{AttentionKind, CacheElement, Model};

/// Bytes of one element of recurrent state: kept in FP32 (`mamba_ssm_dtype` of the published hybrid configs).
const STATE_ELEMENT_BYTES: f64 = 4.0;

/// Bytes of one element of the convolution's memory: in the model's own format, of 16 bits.
const CONV_ELEMENT_BYTES: f64 = 2.0;

/// Bytes that a sparse-attention index key takes beyond its FP8 elements: one FP32 scale a token and layer.
const INDEX_SCALE_BYTES: f64 = 4.0;

/// Latent elements that share an FP32 scale where sparse attention keeps them in FP8; the rotary part stays in 16
/// bits (`fp8_ds_mla` of vLLM: 512 + 16 + 128 = 656 bytes for DeepSeek-V3.2).
const LATENT_SCALE_BLOCK: f64 = 128.0;

/// Bytes that a compressed vector takes beyond one for each element where it is kept in FP8: a rotary part of 64
/// elements in 16 bits, and 8 bytes of scales (`fp8_ds_mla` for DeepSeek-V4: 584 bytes for 512 elements).
const COMPRESSED_FP8_EXTRA_BYTES: f64 = 72.0;

/// What one sequence takes on one accelerator.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct CacheShape {
    /// Of every token, whatever its age.
    pub(super) bytes_per_token: f64,
    /// Of the tokens inside a sliding window.
    window_bytes_per_token: f64,
    /// The window; models with windows have one size for all such layers.
    window_tokens: u64,
    /// Of a sequence, whatever its length.
    bytes_per_sequence: f64,
}

impl CacheShape {
    pub(super) fn of(model: &Model, tensor: u32, element: CacheElement) -> Self {
        let mut shape = Self::default();
        for group in &model.architecture.attention {
            shape.add(&group.kind, f64::from(group.layers), tensor, element);
        }
        shape
    }

    fn add(&mut self, kind: &AttentionKind, layers: f64, tensor: u32, element: CacheElement) {
        match *kind {
            AttentionKind::Full { shares_cache: true, .. }
            | AttentionKind::Sliding { shares_cache: true, .. } => {}
            AttentionKind::Full { kv_heads, head_dim, .. } => {
                self.bytes_per_token += layers * key_value_bytes(kv_heads, head_dim, tensor, element);
            }
            AttentionKind::Sliding { window, kv_heads, head_dim, .. } => {
                self.window_bytes_per_token += layers * key_value_bytes(kv_heads, head_dim, tensor, element);
                self.window_tokens = self.window_tokens.max(u64::from(window));
            }
            AttentionKind::Latent { kv_lora_rank, qk_rope_head_dim, index_head_dim, index_top_k, .. } => {
                let latent = latent_bytes(kv_lora_rank, qk_rope_head_dim, index_top_k.is_some(), element);
                // Every tensor-parallel rank keeps the whole latent vector.
                self.bytes_per_token += layers * (latent + index_bytes(index_head_dim));
            }
            AttentionKind::Compressed { ratio, window, head_dim, index_head_dim, .. } => {
                let vector = compressed_bytes(head_dim, element);
                let shared = vector + index_bytes(index_head_dim);
                self.bytes_per_token += ratio.map_or(0.0, |ratio| layers * shared / f64::from(ratio));
                self.window_bytes_per_token += layers * vector;
                self.window_tokens = self.window_tokens.max(u64::from(window));
            }
            AttentionKind::Recurrent { .. } => {
                let state = kind.state_elements() as f64 * STATE_ELEMENT_BYTES
                    + kind.conv_elements() as f64 * CONV_ELEMENT_BYTES;
                self.bytes_per_sequence += layers * state / f64::from(tensor);
            }
        }
    }

    pub(super) fn sequence_bytes(&self, tokens: u64) -> f64 {
        let windowed = tokens.min(self.window_tokens) as f64;
        tokens as f64 * self.bytes_per_token
            + windowed * self.window_bytes_per_token
            + self.bytes_per_sequence
    }

    /// Longest sequence within `bytes`, at most `limit` tokens.
    pub(super) fn longest_within(&self, bytes: f64, limit: u64) -> u64 {
        if self.sequence_bytes(limit) <= bytes {
            return limit;
        }
        let (mut holds, mut exceeds) = (0, limit);
        while exceeds - holds > 1 {
            let middle = holds + (exceeds - holds) / 2;
            if self.sequence_bytes(middle) <= bytes {
                holds = middle;
            } else {
                exceeds = middle;
            }
        }
        holds
    }
}

/// Keys and values of one token and layer on one rank; heads that do not suffice for all ranks are repeated.
fn key_value_bytes(kv_heads: u32, head_dim: u32, tensor: u32, element: CacheElement) -> f64 {
    2.0 * f64::from(kv_heads.div_ceil(tensor)) * f64::from(head_dim) * element.bytes()
}

/// The latent vector of one token and layer. Dense attention keeps it in FP8 without scales of its own.
fn latent_bytes(rank: u32, rotary: u32, sparse: bool, element: CacheElement) -> f64 {
    let (rank, rotary) = (f64::from(rank), f64::from(rotary));
    match element {
        CacheElement::Fp8 if sparse => {
            rank + 4.0 * (rank / LATENT_SCALE_BLOCK).ceil() + rotary * CacheElement::Bf16.bytes()
        }
        element => (rank + rotary) * element.bytes(),
    }
}

fn compressed_bytes(head_dim: u32, element: CacheElement) -> f64 {
    match element {
        CacheElement::Fp8 => f64::from(head_dim) + COMPRESSED_FP8_EXTRA_BYTES,
        CacheElement::Bf16 => f64::from(head_dim) * element.bytes(),
    }
}

fn index_bytes(width: Option<u32>) -> f64 {
    width.map_or(0.0, |width| f64::from(width) + INDEX_SCALE_BYTES)
}
