//! What a chip does at most, as the estimator sees it.

use crate::catalog::{Accelerator, AcceleratorKind, Precision};

/// One-way bandwidth in GB/s of a chip whose source names none: PCIe 4.0 with 16 lanes.
const PCIE_ONE_WAY_GB_PER_S: f64 = 32.0;

/// Links below this many GB/s one way are PCIe: the slowest NVLink of a data-centre chip has 300, the fastest PCIe 64.
const PCIE_AT_MOST_GB_PER_S: f64 = 100.0;

/// Peaks of a chip in bytes and operations a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chip {
    /// Bytes a second from and to device memory.
    pub bytes_per_second: f64,
    /// Operations a second with BF16 (FP16) operands.
    pub half_flops: f64,
    fp8_flops: Option<f64>,
    int8_ops: Option<f64>,
    fp4_flops: Option<f64>,
    /// Bytes a second to the other chips of the machine, one way.
    pub link_bytes_per_second: f64,
    /// Whether exchanges cross PCIe instead of a link between the chips.
    pub is_pcie: bool,
    /// What programs see: GPU or TPU.
    pub kind: AcceleratorKind,
    /// Which family of efficiencies the chip takes.
    pub family: Family,
}

/// Chips that share efficiencies because they share an instruction set and its libraries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// NVIDIA up to Hopper and Ada.
    Nvidia,
    /// NVIDIA Blackwell.
    Blackwell,
    /// AMD CDNA.
    Amd,
    /// Google TPU.
    Tpu,
    /// Any other: priors only.
    Other,
}

impl Chip {
    /// Peaks of `accelerator`.
    pub fn of(accelerator: &Accelerator) -> Self {
        let tera = |peak: f64| peak * 1e12;
        // A peak of zero is how some sources write that there is no such unit.
        let some = |peak: Option<f64>| peak.filter(|peak| *peak > 0.0).map(tera);
        let link = accelerator.interconnect_one_way_gb_per_s.unwrap_or(PCIE_ONE_WAY_GB_PER_S);
        Self {
            bytes_per_second: accelerator.memory_bandwidth_gb_per_s * 1e9,
            half_flops: tera(accelerator.peak.bf16_tflops),
            fp8_flops: some(accelerator.peak.fp8_tflops),
            int8_ops: some(accelerator.peak.int8_tops),
            fp4_flops: some(accelerator.peak.fp4_tflops),
            link_bytes_per_second: link * 1e9,
            is_pcie: accelerator.kind == AcceleratorKind::Gpu && link < PCIE_AT_MOST_GB_PER_S,
            kind: accelerator.kind,
            family: family(accelerator),
        }
    }

    /// Width in bits in which the chip multiplies weights of `precision`: 4, 8 or 16.
    ///
    /// * INT4 weights are unpacked to BF16 (Marlin kernels), on every chip.
    /// * MXFP4 is multiplied with FP8 activations where FP4 units exist, in BF16 elsewhere (Marlin, Triton).
    /// * FP8 on a chip without such units is unpacked to BF16.
    pub fn compute_bits(&self, precision: Precision) -> u32 {
        let narrow = |peak: Option<f64>, bits: u32| if peak.is_some() { bits } else { 16 };
        match precision {
            Precision::Bf16 | Precision::Fp16 | Precision::Int4 => 16,
            Precision::Fp8 => narrow(self.fp8_flops, 8),
            Precision::Int8 => narrow(self.int8_ops, 8),
            Precision::Nvfp4 => narrow(self.fp4_flops, 4),
            Precision::Mxfp4 => narrow(self.fp4_flops.and(self.fp8_flops), 8),
        }
    }

    /// Peak operations a second with operands of 4, 8 or 16 bits.
    pub fn peak(&self, bits: u32, precision: Precision) -> f64 {
        let narrow = match (bits, precision) {
            (4, _) => self.fp4_flops,
            (8, Precision::Int8) => self.int8_ops,
            (8, _) => self.fp8_flops,
            _ => None,
        };
        narrow.unwrap_or(self.half_flops)
    }
}

fn family(accelerator: &Accelerator) -> Family {
    match (accelerator.kind, accelerator.generation.as_str()) {
        (AcceleratorKind::Tpu, _) => Family::Tpu,
        (_, generation) if generation.contains("blackwell") => Family::Blackwell,
        (_, generation) if generation.starts_with("cdna") => Family::Amd,
        _ if accelerator.id.starts_with("nvidia-") => Family::Nvidia,
        _ => Family::Other,
    }
}
