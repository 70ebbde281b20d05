//! How a checkpoint's weights are stored: `quantization_config` in `config.json`, and `hf_quant_config.json`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::{CacheElement, Precision};
use super::ConfigError;
use super::config::Config;
use super::fields::Fields;
use super::json;
use super::module::{Layers, Parts, meaning};
use super::shape::Shape;

const DOCUMENT: &str = "hf_quant_config.json";

/// How single weights of some part are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Format {
    pub(super) precision: Precision,
    /// With scales and zero points.
    bytes_per_weight: f64,
}

/// A part of some layers, and how it is stored; later rules win.
#[derive(Debug, Clone, PartialEq)]
struct Rule {
    layers: Layers,
    parts: Parts,
    format: Format,
}

/// How all weights are stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Storage {
    plain: Format,
    rules: Vec<Rule>,
    /// Whether a layer's experts stand beside its `mlp`, not in it (Gemma 4).
    experts_beside_mlp: bool,
    pub(super) cache_element: Option<CacheElement>,
}

/// What a model of some shape takes, stored so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Stored {
    /// Format of most of the weights.
    pub(super) precision: Precision,
    /// All together.
    pub(super) bytes: f64,
}

impl Format {
    /// 16 bits, or any width without scales.
    const fn plain(precision: Precision) -> Self {
        Self { precision, bytes_per_weight: precision.bytes_per_weight() }
    }

    /// 8-bit floats with a scale for every block.
    fn fp8(block: u32, scale_bytes: f64) -> Self {
        Self { precision: Precision::Fp8, bytes_per_weight: 1.0 + scale_bytes / f64::from(block.max(1)) }
    }

    /// 4- or 8-bit integers with a 16-bit scale for every group, and a zero point where they are not symmetric.
    fn integers(bits: u32, group: Option<u32>, symmetric: bool) -> Self {
        let precision = if bits == 4 { Precision::Int4 } else { Precision::Int8 };
        let zero_point = if symmetric { 0.0 } else { f64::from(bits) };
        let of_group = group.map_or(0.0, |group| (16.0 + zero_point) / f64::from(group));
        Self { precision, bytes_per_weight: (f64::from(bits) + of_group) / 8.0 }
    }
}

impl Storage {
    /// What the two documents say; `Precision` of unquantized weights from `torch_dtype`.
    pub(super) fn read(config: &Config<'_>, quantization: Option<&str>) -> Result<Self, ConfigError> {
        let mut storage = Self {
            plain: plain_format(config)?,
            rules: Vec::new(),
            experts_beside_mlp: config.text.has("enable_moe_block"),
            cache_element: None,
        };
        let inside = [&config.root, &config.text];
        let inside = inside.into_iter().find(|fields| fields.has("quantization_config"));
        if let Some(fields) = inside.map(|fields| fields.object("quantization_config")).transpose()?.flatten()
        {
            storage.apply(&fields)?;
        }
        if config.text.text("expert_dtype")? == Some("fp4") {
            // DeepSeek-V4: blocks of 32 with an 8-bit scale.
            storage.add("experts", Format::plain(Precision::Mxfp4));
        }
        if let Some(text) = quantization {
            let value: Value = json::parse(DOCUMENT, text)?;
            let whole = Fields::of(DOCUMENT, &value)?;
            let fields = whole.object("quantization")?.unwrap_or(whole);
            storage.apply_modelopt(&fields)?;
        }
        storage.rules.reverse();
        storage.forget_repeated();
        storage.rules.reverse();
        Ok(storage)
    }

    /// A rule is as good as its last repetition; lists of tens of thousands of experts shrink to a few hundred.
    /// Expects the last rule first.
    fn forget_repeated(&mut self) {
        let mut seen = BTreeSet::new();
        self.rules.retain(|rule| seen.insert((rule.layers, rule.parts)));
    }

    fn add(&mut self, module: &str, format: Format) {
        let (layers, parts) = meaning(module);
        let only_mlp = self.experts_beside_mlp && parts == Parts::FEED_FORWARD;
        let parts = if only_mlp { Parts::DENSE | Parts::SHARED } else { parts };
        if parts != Parts::NONE {
            self.rules.push(Rule { layers, parts, format });
        }
    }

    fn all_linear(&mut self, format: Format, with_head: bool) {
        let parts = if with_head { Parts::OF_A_LAYER | Parts::HEAD } else { Parts::OF_A_LAYER };
        self.rules.push(Rule { layers: Layers::All, parts, format });
    }

    fn leave_out(&mut self, fields: &Fields<'_>, names: &[&str]) -> Result<(), ConfigError> {
        for name in names {
            for module in fields.texts(name)?.unwrap_or_default() {
                self.add(module, self.plain);
            }
        }
        Ok(())
    }

    /// `quantization_config` of `config.json`.
    fn apply(&mut self, fields: &Fields<'_>) -> Result<(), ConfigError> {
        const ACCEPTED: &str = "one of `fp8`, `fbgemm_fp8`, `compressed-tensors`, `modelopt`, `mxfp4`, `awq`, \
                                `gptq`, `bitsandbytes`";
        let method = fields.text("quant_method")?;
        match method.unwrap_or("modelopt") {
            "fp8" => {
                let block = block_of(fields)?;
                let scale_bytes = if fields.text("scale_fmt")? == Some("ue8m0") { 1.0 } else { 4.0 };
                let format =
                    block.map_or(Format::plain(Precision::Fp8), |block| Format::fp8(block, scale_bytes));
                self.all_linear(format, false);
                if fields.has("quantized_layers") {
                    // Written over by a second quantization; what that leaves out stays as it was.
                    return self.apply_layers(fields);
                }
                self.leave_out(fields, &["modules_to_not_convert", "ignored_layers"])
            }
            "fbgemm_fp8" => {
                self.all_linear(Format::plain(Precision::Fp8), false);
                self.leave_out(fields, &["modules_to_not_convert"])
            }
            "mxfp4" => {
                self.add("experts", Format::plain(Precision::Mxfp4));
                self.leave_out(fields, &["modules_to_not_convert"])
            }
            "awq" | "gptq" | "gptq_marlin" | "awq_marlin" => {
                let bits = bits_of(fields, "bits")?;
                let symmetric = fields.flag("sym", true)? && !fields.flag("zero_point", false)?;
                self.all_linear(Format::integers(bits, group_of(fields)?, symmetric), false);
                self.leave_out(fields, &["modules_to_not_convert"])
            }
            "bitsandbytes" => {
                let four = fields.flag("load_in_4bit", false)?;
                let format =
                    if four { Format::integers(4, Some(64), true) } else { Format::integers(8, None, true) };
                self.all_linear(format, false);
                self.leave_out(fields, &["llm_int8_skip_modules"])
            }
            "compressed-tensors" | "compressed_tensors" => self.apply_groups(fields),
            "modelopt" | "modelopt_fp4" | "modelopt_fp8" | "modelopt_mixed" => self.apply_modelopt(fields),
            _ => Err(fields.refused("quant_method", ACCEPTED)),
        }
    }

    /// ModelOpt's settings, in either document.
    fn apply_modelopt(&mut self, fields: &Fields<'_>) -> Result<(), ConfigError> {
        const ACCEPTED: &str = "one of `FP8`, `FP8_PB_WO`, `NVFP4`, `NVFP4_AWQ`, `W4A16_NVFP4`, `W4A8_AWQ`, `W4A16_AWQ`, `INT4_AWQ`, \
                                `INT8_SQ`, `MXFP4`, `MIXED_PRECISION`";
        self.cache_element = cache_element(fields)?.or(self.cache_element);
        let Some(algorithm) = fields.text("quant_algo")? else {
            return if fields.has("config_groups") { self.apply_groups(fields) } else { Ok(()) };
        };
        if algorithm == "MIXED_PRECISION" {
            return self.apply_layers(fields);
        }
        let format =
            algorithm_format(fields, algorithm)?.ok_or_else(|| fields.refused("quant_algo", ACCEPTED))?;
        // What the other document said of the same weights is said again here.
        self.rules.clear();
        self.all_linear(format, true);
        self.leave_out(fields, &["exclude_modules", "ignore"])
    }

    /// Each module with an algorithm of its own.
    fn apply_layers(&mut self, fields: &Fields<'_>) -> Result<(), ConfigError> {
        let Some(layers) = fields.object("quantized_layers")? else { return self.apply_groups(fields) };
        for (module, of_module) in layers.entries()? {
            let algorithm = of_module.text("quant_algo")?.unwrap_or_default();
            let format = algorithm_format(&of_module, algorithm)?
                .ok_or_else(|| of_module.refused("quant_algo", "the name of an algorithm"))?;
            self.add(module, format);
        }
        Ok(())
    }

    /// Groups of modules with the same numbers.
    fn apply_groups(&mut self, fields: &Fields<'_>) -> Result<(), ConfigError> {
        self.cache_element = cache_element(fields)?.or(self.cache_element);
        let groups = fields
            .object("config_groups")?
            .ok_or_else(|| fields.missing("config_groups", "an object of groups"))?;
        for (_, group) in groups.entries()? {
            let Some(weights) = group.object("weights")? else { continue };
            let format = numbers_format(fields, &weights)?;
            match group.texts("targets")? {
                Some(targets) => targets.iter().for_each(|target| self.add(target, format)),
                None => self.all_linear(format, true),
            }
        }
        self.leave_out(fields, &["ignore"])
    }

    fn format(&self, layer: u32, part: Parts) -> Format {
        let rule = self.rules.iter().rev().find(|rule| rule.parts.has(part) && rule.layers.has(layer));
        rule.map_or(self.plain, |rule| rule.format)
    }

    /// Sums up what each part of each layer takes.
    pub(super) fn of(&self, shape: &Shape) -> Stored {
        let mut by_precision = [0.0; Precision::ALL.len()];
        let mut bytes = 0.0;
        let mut store = |format: Format, parameters: u64| {
            bytes += format.bytes_per_weight * parameters as f64;
            let slot = Precision::ALL.iter().position(|precision| *precision == format.precision);
            if let Some(sum) = slot.and_then(|slot| by_precision.get_mut(slot)) {
                *sum += parameters as f64;
            }
        };
        for (index, layer) in shape.layers.iter().enumerate() {
            let index = index as u32;
            if let Some(attention) = &layer.attention {
                let of = attention.parameters(shape.hidden);
                store(self.format(index, Parts::QUERY), of.query);
                store(self.format(index, Parts::KEY_VALUE), of.key_value);
                store(self.format(index, Parts::OUTPUT), of.output);
                store(self.format(index, Parts::INDEX), of.index);
                store(self.format(index, Parts::MIXER), of.mixer);
            }
            if let Some(feed_forward) = &layer.feed_forward {
                let of = feed_forward.parameters(shape.hidden);
                store(self.format(index, Parts::DENSE), of.dense);
                store(self.format(index, Parts::SHARED), of.shared);
                store(self.format(index, Parts::EXPERTS), of.routed());
                store(self.plain, of.router);
            }
        }
        // Names of embedding and head carry no layer.
        let whole = shape.architecture("");
        store(self.format(0, Parts::EMBEDDING), whole.embedding_parameters());
        store(self.format(0, Parts::EMBEDDING), whole.per_layer_embedding_parameters());
        store(self.format(0, Parts::HEAD), whole.head_parameters());
        let most = Precision::ALL.iter().zip(by_precision).max_by(|(_, a), (_, b)| a.total_cmp(b));
        Stored { precision: most.map_or(self.plain.precision, |(precision, _)| *precision), bytes }
    }
}

/// Weights without quantization. FP32 checkpoints are loaded in 16 bits.
fn plain_format(config: &Config<'_>) -> Result<Format, ConfigError> {
    let named = [&config.text, &config.root].into_iter().find_map(|fields| {
        ["torch_dtype", "dtype"].into_iter().find(|name| fields.has(name)).map(|name| (fields, name))
    });
    let Some((fields, name)) = named else { return Ok(Format::plain(Precision::Bf16)) };
    let precision = match fields.text(name)?.unwrap_or_default().trim_start_matches("torch.") {
        "bfloat16" | "float32" | "auto" => Precision::Bf16,
        "float16" | "half" => Precision::Fp16,
        "float8_e4m3fn" => Precision::Fp8,
        _ => return Err(fields.refused(name, "one of `bfloat16`, `float16`, `float32`, `float8_e4m3fn`")),
    };
    Ok(Format::plain(precision))
}

fn bits_of(fields: &Fields<'_>, name: &str) -> Result<u32, ConfigError> {
    let bits = fields.count(name, 64)?;
    if bits == 4 || bits == 8 { Ok(bits) } else { Err(fields.refused(name, "4 or 8")) }
}

/// Weights that share a scale; -1 is one scale for each output.
fn group_of(fields: &Fields<'_>) -> Result<Option<u32>, ConfigError> {
    let for_each_output = fields.value("group_size").is_some_and(|value| value.as_i64() == Some(-1));
    if for_each_output { Ok(None) } else { fields.maybe_count("group_size", 1_000_000) }
}

/// Weights that share a scale of block-quantized FP8; none: one scale for each matrix.
fn block_of(fields: &Fields<'_>) -> Result<Option<u32>, ConfigError> {
    const NAME: &str = "weight_block_size";
    const MOST: u32 = 65_536;
    let Some(block) = fields.numbers(NAME, MOST)? else { return Ok(None) };
    match block.as_slice() {
        [rows, columns] if *rows > 0 && *columns > 0 => Ok(Some(rows.saturating_mul(*columns))),
        _ => Err(fields.refused(NAME, "a list of two whole numbers above 0")),
    }
}

/// The format of one of ModelOpt's algorithms; `None` for an unknown one.
fn algorithm_format(fields: &Fields<'_>, algorithm: &str) -> Result<Option<Format>, ConfigError> {
    Ok(Some(match algorithm {
        "FP8" | "FP8_PER_CHANNEL_PER_TOKEN" => Format::plain(Precision::Fp8),
        "FP8_PB_WO" | "FP8_PB_REAL" | "FP8_BLOCK_SCALES" => Format::fp8(128 * 128, 4.0),
        "NVFP4" | "NVFP4_AWQ" | "W4A16_NVFP4" | "NVFP4_SVDQUANT" => Format::plain(Precision::Nvfp4),
        "MXFP4" | "W4A8_MXFP4_FP8" => Format::plain(Precision::Mxfp4),
        "W4A16_AWQ" | "W4A8_AWQ" | "INT4_AWQ" | "W4A16" => {
            Format::integers(4, Some(group_of(fields)?.unwrap_or(128)), true)
        }
        "INT8_SQ" | "W8A8_SQ_PER_CHANNEL" | "INT8" => Format::integers(8, None, true),
        _ => return Ok(None),
    }))
}

/// The format of weights that are described by bits and kind of number.
fn numbers_format(whole: &Fields<'_>, weights: &Fields<'_>) -> Result<Format, ConfigError> {
    let bits = bits_of(weights, "num_bits")?;
    let group = group_of(weights)?;
    let kind = weights.text("type")?.unwrap_or("int");
    match (kind, bits) {
        ("float", 8) => Ok(match block_of_group(weights)? {
            Some(block) => Format::fp8(block, 4.0),
            None => Format::plain(Precision::Fp8),
        }),
        ("float", _) => {
            let is_mx = whole.text("format")?.is_some_and(|format| format.starts_with("mxfp4"));
            Ok(Format::plain(if is_mx || group == Some(32) { Precision::Mxfp4 } else { Precision::Nvfp4 }))
        }
        ("int", bits) => Ok(Format::integers(bits, group, weights.flag("symmetric", true)?)),
        _ => Err(weights.refused("type", "`float` or `int`")),
    }
}

fn block_of_group(weights: &Fields<'_>) -> Result<Option<u32>, ConfigError> {
    let Some(block) = weights.numbers("block_structure", 65_536).ok().flatten() else {
        return group_of(weights);
    };
    Ok(Some(block.into_iter().fold(1, u32::saturating_mul)))
}

/// The KV cache that the settings ask for.
fn cache_element(fields: &Fields<'_>) -> Result<Option<CacheElement>, ConfigError> {
    if let Some(algorithm) = fields.text("kv_cache_quant_algo")? {
        return named_cache(fields, "kv_cache_quant_algo", algorithm).map(Some);
    }
    let Some(scheme) = fields.value("kv_cache_scheme") else { return Ok(None) };
    if let Some(algorithm) = scheme.as_str() {
        return named_cache(fields, "kv_cache_scheme", algorithm).map(Some);
    }
    let Some(scheme) = fields.object("kv_cache_scheme")? else { return Ok(None) };
    match scheme.count("num_bits", 64)? {
        8 => Ok(Some(CacheElement::Fp8)),
        16 => Ok(Some(CacheElement::Bf16)),
        _ => Err(scheme.refused("num_bits", "8 or 16")),
    }
}

fn named_cache(fields: &Fields<'_>, field: &str, algorithm: &str) -> Result<CacheElement, ConfigError> {
    match algorithm.to_uppercase().as_str() {
        "FP8" => Ok(CacheElement::Fp8),
        "NONE" | "BF16" | "FP16" => Ok(CacheElement::Bf16),
        _ => Err(fields.refused(field, "`FP8`")),
    }
}
