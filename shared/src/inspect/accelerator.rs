//! Accelerators that a container asks for.

use serde_json::Value;

use super::{PointerBuf, Told, parse_quantity};

/// Accelerators that a container asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct AcceleratorRequest {
    /// Extended resource: `nvidia.com/gpu`, `google.com/tpu`, `amd.com/gpu`, `nvidia.com/mig-1g.10gb`.
    pub resource: String,
    /// How many, of this container; unknown for parts of an accelerator and for what cannot be read.
    pub count: Told<u32>,
    /// Where the number stands.
    pub at: PointerBuf,
    /// Whether it asks for whole devices, not for slices or shares of one.
    pub whole: bool,
    /// Whether the number stands in `limits`; the API server refuses extended resources in `requests` alone.
    pub in_limits: bool,
}

/// Resources that stand for whole devices.
const WHOLE: [&str; 3] = ["nvidia.com/gpu", "google.com/tpu", "amd.com/gpu"];

/// How the resources of other vendors and of parts of devices begin.
const OTHERS: [&str; 8] = [
    "nvidia.com/mig-",
    "nvidia.com/gpu.",
    "nvidia.com/gpu-",
    "gpu.intel.com/",
    "habana.ai/",
    "huawei.com/",
    "aws.amazon.com/neuron",
    "amd.com/",
];

impl AcceleratorRequest {
    /// What `container`, which stands at `at`, asks for.
    pub(super) fn of(container: &Value, at: &PointerBuf) -> Option<Self> {
        let resources = container.get("resources")?;
        ["limits", "requests"].iter().find_map(|part| {
            let amounts = resources.get(*part)?.as_object()?;
            let whole = WHOLE.iter().find_map(|resource| Some((*resource, amounts.get(*resource)?)));
            let named = |name: &str| OTHERS.iter().any(|other| name.starts_with(other));
            let other =
                || amounts.iter().find(|(name, _)| named(name)).map(|(name, amount)| (name.as_str(), amount));
            let (resource, amount) = whole.or_else(other)?;
            let is_whole = WHOLE.contains(&resource);
            let at = at.concat(&PointerBuf::from_tokens(["resources", part, resource]));
            let count = if is_whole { count(amount) } else { Told::Unknown };
            // Nought of them is none.
            if count == Told::Is(0) {
                return None;
            }
            Some(Self {
                resource: resource.to_owned(),
                count,
                at,
                whole: is_whole,
                in_limits: *part == "limits",
            })
        })
    }
}

fn count(amount: &Value) -> Told<u32> {
    let number = amount.as_f64().or_else(|| parse_quantity(amount.as_str()?));
    match number {
        Some(number) if number.fract() == 0.0 && (0.0..=f64::from(u16::MAX)).contains(&number) => {
            Told::Is(number as u32)
        }
        _ => Told::Unknown,
    }
}
