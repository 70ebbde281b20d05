//! Chips: memory, bandwidth, peaks.

use serde::{Deserialize, Serialize};

use super::entry::{Entry, Problem, name, positive, positive_if_given};
use super::{Evidence, Precision};

/// What drives the chip, which decides resources, images and labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AcceleratorKind {
    /// Graphics processor.
    Gpu,
    /// Google's tensor processor.
    Tpu,
}

impl AcceleratorKind {
    /// The extended resource that a Pod requests for it.
    pub const fn resource(self) -> &'static str {
        match self {
            Self::Gpu => "nvidia.com/gpu",
            Self::Tpu => "google.com/tpu",
        }
    }

    /// Name as the catalog's files write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gpu => "gpu",
            Self::Tpu => "tpu",
        }
    }

    /// GKE's node label that names it.
    pub const fn gke_label(self) -> &'static str {
        match self {
            Self::Gpu => "cloud.google.com/gke-accelerator",
            Self::Tpu => "cloud.google.com/gke-tpu-accelerator",
        }
    }
}

/// Dense peaks in TFLOP/s (TOP/s for INT8); absent where the chip has no such unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PeakCompute {
    /// bfloat16, or FP16 on chips without it.
    pub bf16_tflops: f64,
    /// FP8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fp8_tflops: Option<f64>,
    /// INT8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub int8_tops: Option<f64>,
    /// FP4.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fp4_tflops: Option<f64>,
}

/// One kind of accelerator chip.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Accelerator {
    /// GKE's label value (`nvidia-l4`, `tpu-v6e-slice`); for chips that GKE lacks, a name of the same form.
    pub id: String,
    /// Other names that find it: `l4`, `h100`, `v6e`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// GPU or TPU.
    pub kind: AcceleratorKind,
    /// Architecture of the chip: `ada`, `hopper`, `trillium`, …
    pub generation: String,
    /// Whether matrix units compute in bfloat16 (T4 and V100 do not: they serve in FP16).
    pub has_bf16: bool,
    /// Nominal device memory in GiB.
    pub memory_gib: f64,
    /// Device memory in GiB that the driver reports to programs, where it differs from the nominal (an L4 keeps
    /// a sixteenth for error correction).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable_memory_gib: Option<f64>,
    /// Memory bandwidth in GB/s (10^9 bytes).
    pub memory_bandwidth_gb_per_s: f64,
    /// Dense peaks.
    pub peak: PeakCompute,
    /// Devices that one chip is to programs; absent: 1. A chip of two devices takes twice the tensor parallelism.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices_per_chip: Option<u32>,
    /// One-way bandwidth to the other chips of the machine in GB/s, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interconnect_one_way_gb_per_s: Option<f64>,
    /// Where the facts come from.
    pub evidence: Evidence,
}

impl Accelerator {
    /// Device memory in bytes that a server finds: the usable figure where known, else the nominal.
    pub fn usable_memory_bytes(&self) -> f64 {
        self.usable_memory_gib.unwrap_or(self.memory_gib) * super::GIB
    }
}

impl Accelerator {
    /// Whether its units, or kernels that unpack into the units it has, run weights of `precision`.
    ///
    /// * FP8 and NVFP4 need units of their own.
    /// * MXFP4 and INT4 are unpacked while they are read (Marlin kernels): every GPU since Ampere has them for
    ///   MXFP4, every GPU since Turing for INT4. No server of the catalog does so on TPU.
    /// * INT8 needs integer units.
    pub fn runs(&self, precision: Precision) -> bool {
        // A peak of zero is how some sources write that there is no such unit.
        let has = |peak: Option<f64>| peak.is_some_and(|peak| peak > 0.0);
        let is_gpu = self.kind == AcceleratorKind::Gpu;
        match precision {
            Precision::Bf16 | Precision::Fp16 => true,
            Precision::Fp8 => has(self.peak.fp8_tflops),
            Precision::Int8 => has(self.peak.int8_tops),
            Precision::Int4 => is_gpu && has(self.peak.int8_tops),
            Precision::Nvfp4 => has(self.peak.fp4_tflops),
            Precision::Mxfp4 => is_gpu && self.has_bf16,
        }
    }
}

impl Entry for Accelerator {
    const KIND: &'static str = "accelerator";

    fn key(&self) -> String {
        self.id.clone()
    }

    fn validate(&self) -> Result<(), Problem> {
        name("id", &self.id)?;
        positive("memoryGib", self.memory_gib, 10_000.0)?;
        positive_if_given("usableMemoryGib", self.usable_memory_gib, self.memory_gib)?;
        positive("memoryBandwidthGbPerS", self.memory_bandwidth_gb_per_s, 1e6)?;
        positive("peak.bf16Tflops", self.peak.bf16_tflops, 1e6)?;
        positive_if_given("peak.fp8Tflops", self.peak.fp8_tflops, 1e6)?;
        positive_if_given("peak.int8Tops", self.peak.int8_tops, 1e6)?;
        positive_if_given("peak.fp4Tflops", self.peak.fp4_tflops, 1e6)?;
        positive_if_given("interconnectOneWayGbPerS", self.interconnect_one_way_gb_per_s, 1e6)?;
        self.evidence.validate()
    }
}
