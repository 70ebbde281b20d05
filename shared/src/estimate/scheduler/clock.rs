//! What one engine step does, and who says how long it takes.

/// What one engine step does: all sequences of one attention-data-parallel rank.
///
/// Counts are per rank; "attended" tokens include the token itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StepShape {
    /// Sequences that decode. Engines with fixed slots compute all of them, idle ones included.
    pub decode_sequences: u32,
    /// Tokens that the decoding sequences compute: one each, with speculation the drafts to verify as well.
    pub decode_tokens: u64,
    /// Σ over decoding sequences of the tokens that their new token attends to (their context, itself included).
    pub decode_context_tokens: u64,
    /// Sequences of which a chunk of the prompt is computed.
    pub prefill_sequences: u32,
    /// Σ over chunks of the tokens computed (what the prefix cache holds is not computed).
    pub prefill_tokens: u64,
    /// Σ over chunks of Σ over their tokens of the tokens attended: `n·c + n(n + 1)/2` for a chunk of n tokens
    /// after c computed ones. Causal attention computes exactly these pairs.
    pub prefill_attention_pairs: u64,
    /// Σ over chunks of the tokens whose keys and values they read: those before the chunk and its own.
    pub prefill_context_tokens: u64,
    /// Sequences that emit a token after the step: the decoding ones, and the chunks that complete a prompt.
    pub sampled_sequences: u32,
}

impl StepShape {
    /// Whether nothing is computed.
    pub fn is_empty(&self) -> bool {
        self.decode_tokens == 0 && self.prefill_tokens == 0
    }

    /// All tokens that pass through the layers.
    pub fn tokens(&self) -> u64 {
        self.decode_tokens + self.prefill_tokens
    }

    /// The same step `steps` decode steps later: every decoding sequence has one token more for each.
    pub fn after(&self, steps: u32) -> Self {
        let grown = u64::from(self.decode_sequences) * u64::from(steps);
        Self { decode_context_tokens: self.decode_context_tokens + grown, ..*self }
    }

    /// Adds a chunk of `tokens` after `computed` ones.
    pub(super) fn add_chunk(&mut self, computed: u32, tokens: u32) {
        let (computed, tokens) = (u64::from(computed), u64::from(tokens));
        self.prefill_sequences += 1;
        self.prefill_tokens += tokens;
        self.prefill_attention_pairs += tokens * computed + tokens * (tokens + 1) / 2;
        self.prefill_context_tokens += computed + tokens;
    }
}

/// How long steps take on some accelerators with some model.
pub trait StepClock {
    /// Whether it wants to be told of the steps that were taken.
    const KEEPS_RECORD: bool = false;

    /// Seconds of one step; finite and positive for a step that computes something.
    fn seconds(&self, step: &StepShape) -> f64;

    /// Told of `steps` equal steps, of which `first` is the first, once they have been taken: while `decoding`
    /// sequences waited for their next token and `unanswered` requests for their first. Only a clock that
    /// [keeps a record](Self::KEEPS_RECORD) is told.
    fn passed(&self, first: &StepShape, steps: u32, decoding: u64, unanswered: u64) {
        let _ = (first, steps, decoding, unanswered);
    }
}
