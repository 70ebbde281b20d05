//! `autoscaling simulate`.

mod figure;
mod fleets;
mod replica;
mod rows;

use std::time::Duration;

use anyhow::Context;
use infer_core::autoscale::controller::Settings;
use infer_core::autoscale::simulation::{self, Delays, NotSimulated, Outcome as Simulated, Scenario, Trace};
use infer_core::catalog::Catalog;

use self::replica::Replica;
use self::rows::FleetRow;
use crate::arguments::{Format, SimulateAutoscaling};
use crate::commands::files;
use crate::failure::Failure;
use crate::output::{Destination, Listing, Outcome, Plot};
use crate::requirements;
use crate::select::select;

/// `autoscaling simulate`.
pub(crate) fn simulate(catalog: &Catalog, options: &SimulateAutoscaling) -> Result<Outcome, Failure> {
    let trace = trace(options)?;
    let timing = options.times.to_core();
    timing.check().map_err(Failure::argument)?;
    let replica = Replica::of(catalog, &options.profiles, &timing)?;
    let reaction = replica.reaction;
    let time = Duration::from_secs_f64;
    let scenario = Scenario {
        trace,
        curve: replica.curve.clone(),
        targets: requirements::of_list(catalog, &options.profiles)?.targets,
        delays: Delays {
            pending: time(reaction.node_seconds + reaction.image_seconds),
            loading: time(reaction.weights_seconds + reaction.engine_seconds),
            scrape: time(reaction.scrape_seconds),
            ingestion: time(reaction.ingestion_seconds),
        },
        settings: Settings { sync_period: time(reaction.sync_seconds), ..Settings::default() },
        usd_per_replica_hour: replica.usd_per_hour,
        seed: options.seed.0,
    };
    let fleets = fleets::of(options, &replica, &scenario)?;
    let outcomes: Vec<Simulated> = fleets
        .iter()
        .map(|fleet| simulation::simulate(&scenario, fleet))
        .collect::<Result<_, _>>()
        .map_err(not_simulated)?;
    let figure = || figure::of(&replica, &scenario, &outcomes);
    let plot = options.plot.as_ref().map(|file| Plot::of(&figure(), file)).transpose()?;
    let course = options.course.as_ref().map(|path| (Destination::of(Some(path)), rows::course(&outcomes)));
    let outcome = print(options, &replica, &scenario, outcomes)?;
    if let Some(plot) = plot {
        plot.write()?;
    }
    if let Some((destination, course)) = course {
        destination.write(&course)?;
    }
    Ok(outcome)
}

fn trace(options: &SimulateAutoscaling) -> Result<Trace, Failure> {
    if let Some(path) = &options.trace {
        let name = path.display();
        let text =
            files::text(path).with_context(|| format!("cannot read `{name}`")).map_err(Failure::user)?;
        return Trace::read(&text)
            .with_context(|| format!("cannot read trace `{name}`"))
            .map_err(Failure::user);
    }
    let (Some(pattern), Some(high)) = (options.pattern, options.peak_request_rate) else {
        return Err(Failure::argument(anyhow::anyhow!("`--trace` or `--pattern` is needed")));
    };
    const QUIET: f64 = 0.1;
    let low = options.lowest_request_rate.unwrap_or(high * QUIET);
    let seconds = options.duration.map_or(pattern.natural_seconds(), |duration| duration.as_secs());
    Trace::of_pattern(pattern, low, high, seconds).map_err(Failure::argument)
}

fn not_simulated(why: NotSimulated) -> Failure {
    Failure::user(why)
}

fn print(
    options: &SimulateAutoscaling,
    replica: &Replica,
    scenario: &Scenario,
    outcomes: Vec<Simulated>,
) -> Result<Outcome, Failure> {
    let tokens = replica.output_tokens;
    let rows = outcomes.into_iter().map(|outcome| FleetRow { outcome, output_tokens: tokens }).collect();
    let rows = select(rows, &options.profiles.list)?;
    let listing = Listing {
        kind: "SimulationList",
        rows: &rows,
        shown: rows::SHOWN,
        csv: None,
        items: &|rows| Box::new(rows.iter().map(rows::item)),
        notes: notes(replica, scenario),
    };
    listing.outcome(&options.profiles.list, Format::Table)
}

fn notes(replica: &Replica, scenario: &Scenario) -> Vec<String> {
    let mut notes = vec![
        format!("a replica is {}, at most {:.2} requests a second", replica.name, scenario.curve.capacity()),
        format!("its curve is {}", replica.provenance),
        format!("from a change of the load to a replica that serves it: {}", replica.reaction),
        format!(
            "{:.1} hours of traffic, {:.2} requests a second in the mean and {:.2} at the peak",
            scenario.trace.seconds() as f64 / 3600.0,
            scenario.trace.mean(),
            scenario.trace.peak()
        ),
    ];
    if scenario.usd_per_replica_hour.is_none() {
        notes.push("the machine has no price, so there is no cost".to_owned());
    }
    notes
}
