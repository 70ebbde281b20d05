//! The vision tower of a multimodal model, which a server loads beside the language model.

use super::config::Config;
use super::fields::Fields;

/// Parameters of a plain vision transformer of the dimensions in `vision_config`; 0 where there is none, or where
/// its dimensions are not among those that are known: a tower is a small part of a model and no reason to refuse it.
pub(super) fn parameters(config: &Config<'_>) -> u64 {
    let Ok(Some(vision)) = config.root.object("vision_config") else { return 0 };
    tower(&vision).unwrap_or(0)
}

fn tower(vision: &Fields<'_>) -> Option<u64> {
    let first = |names: &[&str], most: u32| {
        names.iter().find_map(|name| vision.maybe_count(name, most).ok().flatten()).map(u64::from)
    };
    let depth = first(&["depth", "num_hidden_layers", "vt_num_hidden_layers"], 1_000)?;
    let hidden = first(&["hidden_size", "vt_hidden_size"], 100_000)?;
    let intermediate = first(&["intermediate_size", "vt_intermediate_size"], 1_000_000)?;
    // Four projections of attention, two matrices of an MLP.
    let layers = depth * (4 * hidden * hidden + 2 * hidden * intermediate);
    // The projector into the language model merges four patches.
    let out = first(&["out_hidden_size", "text_hidden_size"], 1_000_000).unwrap_or(0);
    let merged = 4 * hidden;
    Some(layers + if out > 0 { merged * merged + merged * out } else { 0 })
}
