//! Which machine a replica runs on.

use crate::catalog::{Catalog, CatalogError, GIB, Machine, Topology};

/// Processors that a server needs beside one for each accelerator: one for the API, one for the engine (vLLM's
/// documentation asks for `2 + accelerators` cores).
const SERVER_VCPUS: f64 = 2.0;

/// Host memory in GiB without which a server does not start on this many accelerators of one machine: 4 for
/// interpreter, libraries, tokenizer and API, and 3 for each accelerator's worker process (PyTorch or JAX with
/// the driver's pinned buffers take 2 to 3).
pub fn server_host_gib(accelerators: u32) -> f64 {
    const SERVER_GIB: f64 = 4.0;
    const WORKER_GIB: f64 = 3.0;
    SERVER_GIB + WORKER_GIB * f64::from(accelerators)
}

/// The machines of one replica, and how much of them it uses.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Machine type.
    pub machine: Machine,
    /// Machines of this type that the replica spans; more than one is a multi-host replica.
    pub machines: u32,
    /// Share of those machines that the replica pays for, above 0 and up to 1: its accelerators of theirs. TPU
    /// machines are taken whole, since a Pod has to request all their chips.
    pub share: f64,
    /// Slice shape, on TPU machines.
    pub topology: Option<Topology>,
    /// How the machine was chosen, for the provenance.
    pub note: String,
}

/// What needs a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Replica<'a> {
    /// Catalog id of the accelerator.
    pub accelerator: &'a str,
    /// How many.
    pub accelerators: u32,
    /// Size of the weights in bytes; 0 where it is unknown.
    pub weights_bytes: u64,
}

impl Placement {
    /// The place of a replica: the machine type `named` where one is named and holds it, otherwise the smallest
    /// of `only`, or of all, that does. The error says why there is none.
    ///
    /// The smallest is a single machine before several, then the one with the fewest accelerators, then
    /// processors, whose share of memory holds the weights beside the server, so that they are read from disk
    /// once, and whose processors suffice.
    pub fn of(
        catalog: &Catalog,
        replica: Replica<'_>,
        named: Option<&str>,
        only: Option<&str>,
    ) -> Result<Result<Self, String>, CatalogError> {
        let candidates = catalog.machines_with(replica.accelerator)?;
        if candidates.is_empty() {
            return Ok(Err(format!("no GKE machine has {}", replica.accelerator)));
        }
        let allowed = |machine: &&&Machine| only.is_none_or(|only| machine.name == only);
        let allowed: Vec<&Machine> = candidates.iter().filter(allowed).copied().collect();
        let mut places: Vec<Self> = allowed.iter().filter_map(|machine| replica.on(machine)).collect();
        places.sort_by_key(|place| place.machines);
        let of_source = named.and_then(|named| places.iter().find(|place| place.machine.name == named));
        if let Some(place) = of_source {
            let note = format!("machine {} as the source names it", place.machine.name);
            return Ok(Ok(Self { note, ..place.clone() }));
        }
        let smallest = places.iter().find(|place| replica.is_served_by(place));
        // No machine gives the host memory that we would like: the most memory among the smallest is next best.
        let roomiest = || {
            let machines = places.first().map(|place| place.machines)?;
            let fewest = places.first().map(|place| place.machine.accelerators)?;
            let alike = places
                .iter()
                .filter(|place| place.machines == machines && place.machine.accelerators == fewest);
            alike.max_by(|a, b| a.machine.memory_gib.total_cmp(&b.machine.memory_gib))
        };
        let place = smallest.or_else(roomiest);
        Ok(place.cloned().ok_or_else(|| {
            let Replica { accelerator, accelerators, .. } = replica;
            match only {
                Some(only) => format!("{only} does not hold {accelerators} × {accelerator}"),
                None => format!("no GKE machine or slice holds {accelerators} × {accelerator}"),
            }
        }))
    }

    /// Accelerators of all its machines.
    pub fn accelerators(&self) -> f64 {
        self.machine.accelerators * f64::from(self.machines)
    }
}

impl Replica<'_> {
    /// This replica on machines of one type, if they hold it.
    fn on(&self, machine: &Machine) -> Option<Placement> {
        let each = machine.whole_accelerators();
        if each == 0 || self.accelerators == 0 {
            return None;
        }
        let is_tpu = !machine.topologies.is_empty();
        let machines = match (self.accelerators <= each, self.accelerators.is_multiple_of(each)) {
            (true, _) => 1,
            (false, true) => self.accelerators / each,
            (false, false) => return None,
        };
        let slice = machine.topologies.iter().find(|topology| topology.machines == machines);
        if is_tpu && slice.is_none() {
            return None;
        }
        let used = f64::from(self.accelerators) / f64::from(each * machines);
        let share = if is_tpu { 1.0 } else { used };
        Some(Placement {
            note: self.note(machine, machines, used, is_tpu),
            machine: machine.clone(),
            machines,
            share,
            topology: slice.cloned(),
        })
    }

    fn note(&self, machine: &Machine, machines: u32, used: f64, is_tpu: bool) -> String {
        let Self { accelerator, accelerators, .. } = self;
        let name = &machine.name;
        let mut note = format!("{accelerators} × {accelerator} mapped to ");
        match machines {
            1 => note.push_str(name),
            _ => note.push_str(&format!("{machines} × {name}")),
        }
        if used < 1.0 {
            let rest = if is_tpu { "the rest stays empty" } else { "the rest is free for others" };
            note.push_str(&format!(", of which it uses {:.0} %: {rest}", used * 100.0));
        }
        note
    }

    /// Whether memory and processors of the host suffice.
    fn is_served_by(&self, place: &Placement) -> bool {
        // A replica over several machines takes all their accelerators.
        let here = self.accelerators.div_ceil(place.machines.max(1));
        let weights_gib = self.weights_bytes as f64 / GIB / f64::from(place.machines);
        place.machine.pod_memory_gib() * place.share >= weights_gib + server_host_gib(here)
            && place.machine.pod_vcpus() * place.share >= f64::from(here) + SERVER_VCPUS
    }
}
