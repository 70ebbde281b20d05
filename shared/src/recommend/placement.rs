//! Which machine a replica runs on.

use crate::catalog::{Machine, Topology};

/// The machines of one replica, and how much of them it uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Machine type.
    pub machine: Machine,
    /// Machines of this type that the replica spans; more than one is a multi-host replica.
    pub machines: u32,
    /// Share of those machines that the replica pays for, 0 to 1: its accelerators of theirs. TPU slices are
    /// taken whole.
    pub share: f64,
    /// Slice shape, on TPU machines.
    pub topology: Option<Topology>,
    /// How the machine was chosen, for the provenance.
    pub note: String,
}
