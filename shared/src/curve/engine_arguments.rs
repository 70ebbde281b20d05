//! What a server's arguments say about how it schedules, caches and speculates.

use serde_json::Value;

/// The arguments of a model server that change its curve, read from a command line as sources write them down.
///
/// `None` where nothing is said: the version's default holds. Reading never fails: what is unknown, or has a value that
/// means nothing, is kept in [`Self::other`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EngineArguments {
    /// Sequences in a batch at most: `--max-num-seqs`, `--max-running-requests`, `--max-batch-size`.
    pub max_sequences: Option<u32>,
    /// Tokens of a step at most: `--max-num-batched-tokens`, `--max-num-tokens`, `--chunked-prefill-size`.
    pub max_batched_tokens: Option<u32>,
    /// Longest sequence in tokens: `--max-model-len`, `--context-length`, `--max-seq-len`.
    pub max_model_tokens: Option<u32>,
    /// Share of the device's memory for weights, activations and KV cache, above 0 and up to 1:
    /// `--gpu-memory-utilization`, `--mem-fraction-static`.
    pub memory_fraction: Option<f64>,
    /// Whether prefixes are cached across requests.
    pub prefix_caching: Option<bool>,
    /// Whether a prompt may be spread over several steps.
    pub chunked_prefill: Option<bool>,
    /// Format of the KV cache, in lower case: `fp8`, `fp8_e5m2`, `auto`.
    pub kv_cache_type: Option<String>,
    /// Quantization of the weights at load time, in lower case: `fp8`, `bitsandbytes`.
    pub quantization: Option<String>,
    /// Speculative decoding; `None`: off.
    pub speculation: Option<Speculation>,
    /// Steps that the scheduler plans at once: `--num-scheduler-steps`, `--num-continuous-decode-steps`.
    pub scheduler_steps: Option<u32>,
    /// Tokens that are streamed together: `--stream-interval`.
    pub stream_interval: Option<u32>,
    /// Tokens of a block of the KV cache: `--block-size`, `--page-size`, `--tokens-per-block`.
    pub block_tokens: Option<u32>,
    /// Whether the model runs without CUDA graphs: `--enforce-eager`, `--disable-cuda-graph`.
    pub eager: Option<bool>,
    /// Whether the next step is scheduled while the current one runs: `--async-scheduling`, and off with
    /// `--disable-overlap-schedule`.
    pub asynchronous_scheduling: Option<bool>,
    /// Every other argument as written, with its value, in the order written.
    pub other: Vec<String>,
}

/// Speculative decoding.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Speculation {
    /// Method or draft model as written, in lower case; `None` where the source does not say.
    pub method: Option<String>,
    /// Tokens proposed a step; `None` where the source does not say.
    pub draft_tokens: Option<u32>,
}

/// What an argument is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Setting {
    Sequences,
    BatchedTokens,
    PrefillChunk,
    ModelTokens,
    MemoryFraction,
    KvCacheType,
    Quantization,
    SpeculationSettings,
    SpeculationMethod,
    DraftTokens,
    SchedulerSteps,
    StreamInterval,
    BlockTokens,
    Switch(Switch, bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Switch {
    PrefixCaching,
    ChunkedPrefill,
    Eager,
    AsynchronousScheduling,
}

impl Setting {
    /// Of an argument without leading dashes, words joined by dashes. Names of vLLM, SGLang, TensorRT-LLM, TGI and
    /// JetStream that mean the same in each of them that has them; SGLang's and TGI's `max-total-tokens` do not.
    fn of(name: &str) -> Option<Self> {
        use Switch::{AsynchronousScheduling, ChunkedPrefill, Eager, PrefixCaching};
        Some(match name {
            "max-num-seqs" | "max-running-requests" | "max-batch-size" | "max-concurrent-decodes" => {
                Self::Sequences
            }
            "max-num-batched-tokens" | "max-num-tokens" => Self::BatchedTokens,
            "chunked-prefill-size" => Self::PrefillChunk,
            "max-model-len" | "context-length" | "max-seq-len" => Self::ModelTokens,
            "gpu-memory-utilization" | "mem-fraction-static" => Self::MemoryFraction,
            "kv-cache-dtype" => Self::KvCacheType,
            "quantization" | "quantize" => Self::Quantization,
            "speculative-config" => Self::SpeculationSettings,
            "speculative-model"
            | "speculative-algorithm"
            | "speculative-algo"
            | "speculative-draft-model-path" => Self::SpeculationMethod,
            "num-speculative-tokens" | "speculative-num-draft-tokens" | "speculate" => Self::DraftTokens,
            "num-scheduler-steps" | "num-continuous-decode-steps" => Self::SchedulerSteps,
            "stream-interval" => Self::StreamInterval,
            "block-size" | "page-size" | "tokens-per-block" => Self::BlockTokens,
            "enable-prefix-caching" => Self::Switch(PrefixCaching, true),
            "no-enable-prefix-caching" | "disable-radix-cache" => Self::Switch(PrefixCaching, false),
            "enable-chunked-prefill" => Self::Switch(ChunkedPrefill, true),
            "no-enable-chunked-prefill" => Self::Switch(ChunkedPrefill, false),
            "enforce-eager" | "disable-cuda-graph" => Self::Switch(Eager, true),
            "no-enforce-eager" => Self::Switch(Eager, false),
            "async-scheduling" => Self::Switch(AsynchronousScheduling, true),
            "no-async-scheduling" | "disable-overlap-schedule" => Self::Switch(AsynchronousScheduling, false),
            _ => return None,
        })
    }
}

impl EngineArguments {
    /// Reads `--name=value`, `--name value` and `name=value`, with `_` or `-` between words, quotes around values. The
    /// last of two arguments about the same counts, as it does for the servers.
    pub fn read(text: &str) -> Self {
        let mut read = Self::default();
        let words = words(text);
        let mut next = words.iter().map(String::as_str).peekable();
        while let Some(word) = next.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word, None),
            };
            let is_argument = word.starts_with('-') || inline.is_some();
            let setting = is_argument.then(|| Setting::of(&full_name(name))).flatten();
            let separate = || next.next_if(|word| is_value_of(setting, word));
            let value = if is_argument { inline.or_else(separate) } else { None };
            let taken = setting.is_some_and(|setting| read.take(setting, value.map(str::trim)));
            if !taken {
                read.other.push(match value.filter(|_| inline.is_none()) {
                    Some(value) => format!("{word} {value}"),
                    None => word.to_owned(),
                });
            }
        }
        read
    }

    /// Whether the value of a setting could be read and was kept.
    fn take(&mut self, setting: Setting, value: Option<&str>) -> bool {
        let count = || value.and_then(count);
        let text = || value.filter(|value| !value.is_empty()).map(str::to_lowercase);
        match setting {
            Setting::Sequences => keep(&mut self.max_sequences, count()),
            Setting::BatchedTokens => keep(&mut self.max_batched_tokens, count()),
            Setting::PrefillChunk => self.take_chunk(value),
            Setting::ModelTokens => keep(&mut self.max_model_tokens, count()),
            Setting::MemoryFraction => keep(&mut self.memory_fraction, value.and_then(fraction)),
            Setting::KvCacheType => keep(&mut self.kv_cache_type, text()),
            Setting::Quantization => keep(&mut self.quantization, text()),
            Setting::SchedulerSteps => keep(&mut self.scheduler_steps, count()),
            Setting::StreamInterval => keep(&mut self.stream_interval, count()),
            Setting::BlockTokens => keep(&mut self.block_tokens, count()),
            Setting::SpeculationSettings => self.take_speculation(value.unwrap_or_default()),
            Setting::SpeculationMethod => keep(&mut self.speculation.get_or_insert_default().method, text()),
            Setting::DraftTokens => match count() {
                Some(tokens) => {
                    keep(&mut self.speculation.get_or_insert_default().draft_tokens, Some(tokens))
                }
                None => false,
            },
            Setting::Switch(switch, written) => {
                let on = value.map_or(Some(true), truth).map(|on| on == written);
                keep(self.switch(switch), on)
            }
        }
    }

    fn switch(&mut self, switch: Switch) -> &mut Option<bool> {
        match switch {
            Switch::PrefixCaching => &mut self.prefix_caching,
            Switch::ChunkedPrefill => &mut self.chunked_prefill,
            Switch::Eager => &mut self.eager,
            Switch::AsynchronousScheduling => &mut self.asynchronous_scheduling,
        }
    }

    /// SGLang's chunk is its budget of prompt tokens a step; -1 turns chunking off.
    fn take_chunk(&mut self, value: Option<&str>) -> bool {
        if value == Some("-1") {
            return keep(&mut self.chunked_prefill, Some(false));
        }
        let tokens = value.and_then(count);
        keep(&mut self.max_batched_tokens, tokens) && keep(&mut self.chunked_prefill, tokens.map(|_| true))
    }

    /// vLLM's JSON object. Sources cut it off or leave it out: that there is speculation is still known.
    fn take_speculation(&mut self, value: &str) -> bool {
        let settings: Value = serde_json::from_str(value).unwrap_or_default();
        let text = |key: &str| settings.get(key).and_then(Value::as_str).map(str::to_lowercase);
        let tokens = settings.get("num_speculative_tokens").and_then(Value::as_u64);
        self.speculation = Some(Speculation {
            method: text("method").or_else(|| text("model")),
            draft_tokens: tokens.and_then(|tokens| u32::try_from(tokens).ok()),
        });
        true
    }
}

/// Puts `value` where it belongs; `false` where there is none, and what was there stays.
fn keep<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    let is_given = value.is_some();
    if is_given {
        *place = value;
    }
    is_given
}

fn full_name(name: &str) -> String {
    name.trim_start_matches('-').replace('_', "-")
}

/// Whether a word after an argument is its value: a switch takes only a truth, and a negative number is a value.
fn is_value_of(setting: Option<Setting>, word: &str) -> bool {
    let is_argument = word.starts_with('-') && word.parse::<f64>().is_err();
    match setting {
        Some(Setting::Switch(..)) => truth(word).is_some(),
        Some(Setting::SpeculationSettings) => word.starts_with('{'),
        _ => !is_argument && !word.is_empty(),
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// A number from 1 on, also in vLLM's short form: `8k` is 8000 and `8K` is 8192.
fn count(text: &str) -> Option<u32> {
    const LARGEST: f64 = 4e9;
    let (digits, unit) = match text.char_indices().last()? {
        (end, 'k') => (text.get(..end)?, 1e3),
        (end, 'K') => (text.get(..end)?, 1024.0),
        (end, 'm') => (text.get(..end)?, 1e6),
        (end, 'M') => (text.get(..end)?, 1024.0 * 1024.0),
        _ => return text.parse().ok().filter(|count| *count > 0),
    };
    let number = digits.parse::<f64>().ok()? * unit;
    // In range, and whole but for what a unit makes of a decimal.
    (1.0..=LARGEST).contains(&number).then_some(number as u32)
}

fn fraction(text: &str) -> Option<f64> {
    text.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0)
}

/// Words between spaces, quotes taken off; a quotation mark inside a word, as in JSON, belongs to it.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in text.chars() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => word.push(letter),
            None if matches!(letter, '\'' | '"') && (word.is_empty() || word.ends_with('=')) => {
                quote = Some(letter);
            }
            None if letter.is_whitespace() => words.push(std::mem::take(&mut word)),
            None => word.push(letter),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_of_a_value_and_both_ways_to_join_words_are_read() {
        let written = "--gpu_memory_utilization=0.9 --max-model-len=512 --max-num-seqs 128 \
                       --max_num_batched_tokens 2048 --no-enable-prefix-caching --enable_chunked_prefill";
        let read = EngineArguments::read(written);
        assert_eq!(read.memory_fraction, Some(0.9));
        assert_eq!(read.max_model_tokens, Some(512));
        assert_eq!(read.max_sequences, Some(128));
        assert_eq!(read.max_batched_tokens, Some(2048));
        assert_eq!(read.prefix_caching, Some(false));
        assert_eq!(read.chunked_prefill, Some(true));
        assert_eq!(read.other, Vec::<String>::new());
        assert_eq!(EngineArguments::read(""), EngineArguments::default());
    }

    #[test]
    fn switches_take_a_truth_where_one_follows() {
        let prefix = |text: &str| EngineArguments::read(text).prefix_caching;
        assert_eq!(prefix("--enable-prefix-caching"), Some(true));
        assert_eq!(prefix("--enable-prefix-caching=False"), Some(false));
        assert_eq!(prefix("--enable-prefix-caching false"), Some(false));
        assert_eq!(prefix("--no-enable-prefix-caching=false"), Some(true));
        assert_eq!(prefix("--disable-radix-cache"), Some(false));
        let read = EngineArguments::read("--enforce-eager 16 --async-scheduling --disable-overlap-schedule");
        assert_eq!(read.eager, Some(true));
        assert_eq!(read.asynchronous_scheduling, Some(false), "the last one counts");
        assert_eq!(read.other, ["16"]);
    }

    #[test]
    fn speculation_is_known_even_where_its_settings_are_not() {
        let speculation = |text: &str| EngineArguments::read(text).speculation;
        assert_eq!(speculation("--max-num-seqs=128 --speculative_config"), Some(Speculation::default()));
        let eagle = r#"--speculative-config '{"method": "eagle3", "num_speculative_tokens": 3}' --x"#;
        let wanted = Speculation { method: Some("eagle3".to_owned()), draft_tokens: Some(3) };
        assert_eq!(speculation(eagle), Some(wanted.clone()));
        assert_eq!(speculation(&eagle.replace("config ", "config=")), Some(wanted));
        let sglang = "--speculative-algorithm EAGLE --speculative-num-draft-tokens 4";
        let wanted = Speculation { method: Some("eagle".to_owned()), draft_tokens: Some(4) };
        assert_eq!(speculation(sglang), Some(wanted));
        assert_eq!(speculation("--max-num-seqs 4"), None);
    }

    #[test]
    fn sglangs_chunk_is_its_budget_and_minus_one_is_none() {
        let read = EngineArguments::read("--chunked-prefill-size 8192 --max-running-requests 64");
        assert_eq!((read.max_batched_tokens, read.chunked_prefill), (Some(8192), Some(true)));
        assert_eq!(read.max_sequences, Some(64));
        let read = EngineArguments::read("--chunked-prefill-size -1");
        assert_eq!((read.max_batched_tokens, read.chunked_prefill), (None, Some(false)));
    }

    #[test]
    fn what_means_nothing_here_is_kept_as_written() {
        let read = EngineArguments::read(
            "--trust-remote-code --max-num-seqs many --dtype bfloat16 -tp 8 --max-model-len=auto \
             --gpu-memory-utilization 1.5 stray max_batch_size=32",
        );
        assert_eq!(read.max_sequences, Some(32));
        assert_eq!(read.max_model_tokens, None);
        assert_eq!(read.memory_fraction, None);
        let kept = [
            "--trust-remote-code",
            "--max-num-seqs many",
            "--dtype bfloat16",
            "-tp 8",
            "--max-model-len=auto",
            "--gpu-memory-utilization 1.5",
            "stray",
        ];
        assert_eq!(read.other, kept);
    }

    #[test]
    fn short_numbers_are_vllms() {
        assert_eq!(count("8k"), Some(8000));
        assert_eq!(count("8K"), Some(8192));
        assert_eq!(count("25.6k"), Some(25_600));
        assert_eq!(count("1M"), Some(1_048_576));
        for text in ["", "0", "-1", "k", "1e3", "99999999M", "NaNk", "infM"] {
            assert_eq!(count(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_written_is_an_error_or_lost(text in r"[-a-z0-9_=' \x22{}:,é]{0,80}") {
            let read = EngineArguments::read(&text);
            let letters = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).count();
            let kept: usize = read.other.iter().map(|word| letters(word)).sum();
            prop_assert!(kept <= letters(&text));
            if read == (EngineArguments { other: read.other.clone(), ..EngineArguments::default() }) {
                prop_assert_eq!(kept, letters(&text));
            }
        }
    }
}
