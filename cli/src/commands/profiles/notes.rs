//! What has to be said below the table.

use std::collections::BTreeMap;

use infer_core::catalog::PriceBasis;
use infer_core::curve::{MaximumReason, OperatingKind};
use infer_core::recommend::{self, Recommendation, Requirements};

/// Sentences, each without a full stop, as the core writes its own.
pub(super) fn of(rows: &[Recommendation], not_measured: usize, asked: &Requirements) -> Vec<String> {
    let mut notes = recommend::notes(rows, asked);
    notes.extend(shared_machines(rows));
    notes.extend(derived_prices(rows));
    notes.extend(above_all_loads(rows));
    notes.extend(unmeasured(not_measured, asked));
    notes
}

/// Machines of which a replica takes a part, and what they cost when the rest stays empty.
fn shared_machines(rows: &[Recommendation]) -> Option<String> {
    let mut machines: BTreeMap<(&str, u32), String> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.placement.share < 1.0) {
        let machine = row.placement.machine.name.as_str();
        let accelerators = row.configuration.accelerators;
        if let Some(cost) = row.cost.priced() {
            machines.entry((machine, accelerators)).or_insert_with(|| {
                format!(
                    "{machine} ({accelerators} of {:.0}) ${:.2} instead of ${:.2} an hour",
                    row.placement.accelerators(),
                    cost.usd_per_hour_whole,
                    cost.usd_per_hour
                )
            });
        }
    }
    (!machines.is_empty()).then(|| {
        format!(
            "costs are of the accelerators that a replica uses; where the rest of the machine stays empty it costs \
             {}",
            machines.into_values().collect::<Vec<_>>().join(", ")
        )
    })
}

fn derived_prices(rows: &[Recommendation]) -> Option<String> {
    let mut derived: BTreeMap<&str, &str> = BTreeMap::new();
    for row in rows {
        if let Some(PriceBasis::Derived(how)) = row.cost.priced().map(|cost| &cost.price.basis) {
            derived.insert(&row.placement.machine.name, how);
        }
    }
    let each: Vec<String> = derived.iter().map(|(machine, how)| format!("{machine} ({how})")).collect();
    (!each.is_empty()).then(|| format!("prices that the book does not list but gives: {}", each.join(", ")))
}

/// Rows whose targets are met at every load, so that they stand at the highest.
fn above_all_loads(rows: &[Recommendation]) -> Option<String> {
    let at_maximum = |row: &&Recommendation| {
        matches!(row.operating.kind, OperatingKind::MaximumThroughput(MaximumReason::TargetsLoose))
    };
    let count = rows.iter().filter(at_maximum).count();
    (count > 0).then(|| {
        format!(
            "{count} of {} rows meet the targets at every load that was measured: they are shown at the \
             highest throughput that was measured",
            rows.len()
        )
    })
}

fn unmeasured(count: usize, asked: &Requirements) -> Option<String> {
    let model = asked.model.as_deref()?;
    (count > 0).then(|| {
        format!(
            "{count} more configurations hold the model but are not measured: \
             `kubectl infer accelerators list --model {model}`"
        )
    })
}
