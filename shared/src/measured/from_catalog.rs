//! The catalog's own measurements as rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Experiment, Figures, MeasuredRow, OfferedLoad, RowPlace, Tag};
use crate::catalog::{Catalog, CatalogError, Ceiling, CeilingPoint, Profile, ProfilePoint};
use crate::curve::{Configuration, EngineArguments, LoadKind, Parallelism};
use crate::workload::{Itl, Lengths, Ntpot, Statistic, Traffic, Ttft};

/// Every measured point of the catalog: of its profiles by model, configuration and traffic, then of its ceilings. What
/// calibrates the estimator.
///
/// The catalog has no mark for saturation: it is found again by [`Tag::Saturated`]'s own definition, over the points of
/// each configuration and traffic.
///
/// # Errors
/// The catalog cannot be read.
pub fn from_catalog(catalog: &Catalog) -> Result<Vec<MeasuredRow>, CatalogError> {
    let document: Arc<str> = "catalog".into();
    let mut rows = Vec::new();
    for profile in catalog.all_profiles()? {
        let configuration = Configuration::of_profile(profile);
        for point in &profile.points {
            let at = RowPlace { document: document.clone(), row: rows.len() + 1, line: None };
            rows.extend(row(profile, &configuration, point, at));
        }
    }
    for ceiling in catalog.ceilings()? {
        for point in &ceiling.points {
            let at = RowPlace { document: document.clone(), row: rows.len() + 1, line: None };
            rows.push(offline(ceiling, point, at));
        }
    }
    mark_saturated(&mut rows);
    Ok(rows)
}

/// `None` for a point whose load nothing tells.
fn row(
    profile: &Profile,
    configuration: &Configuration,
    point: &ProfilePoint,
    at: RowPlace,
) -> Option<MeasuredRow> {
    let ProfilePoint(load, ttft, itl, ntpot, output_tokens_per_second) = *point;
    let load = match profile.load_kind {
        LoadKind::Closed => OfferedLoad::InFlight(load?),
        LoadKind::Poisson => OfferedLoad::Poisson(load?),
        LoadKind::Constant => OfferedLoad::Constant(load?),
        LoadKind::Burst => OfferedLoad::Burst(load?),
        LoadKind::AtThroughput => OfferedLoad::AtThroughput(output_tokens_per_second?),
    };
    Some(MeasuredRow {
        at,
        experiment: Experiment {
            configuration: configuration.clone(),
            engine: EngineArguments::read(&profile.engine_arguments),
            traffic: profile.traffic,
            load,
            ttft_statistic: profile.ttft_statistic,
            itl_statistic: profile.itl_statistic,
        },
        figures: Figures {
            ttft: ttft.map(Ttft::from_milliseconds),
            itl: itl.map(Itl::from_milliseconds),
            ntpot: ntpot.map(Ntpot::from_milliseconds),
            output_tokens_per_second,
        },
        tags: profile.tags.iter().map(|name| Tag::of(name)).collect(),
        source: profile.source.clone(),
    })
}

/// What was sent at once.
fn offline(ceiling: &Ceiling, point: &CeilingPoint, at: RowPlace) -> MeasuredRow {
    let CeilingPoint(input_tokens, output_tokens, output_tokens_per_second) = *point;
    MeasuredRow {
        at,
        experiment: Experiment {
            configuration: Configuration {
                model: ceiling.model.clone(),
                precision: ceiling.precision,
                server: ceiling.server.clone(),
                server_version: ceiling.server_version.clone(),
                accelerator: ceiling.accelerator.clone(),
                accelerators: ceiling.accelerators,
                parallelism: ceiling.parallelism.unwrap_or(Parallelism::tensor(ceiling.accelerators)),
                engine_arguments: String::new(),
            },
            engine: EngineArguments::default(),
            traffic: Traffic { input_tokens, output_tokens, lengths: Lengths::Fixed },
            load: OfferedLoad::Offline,
            ttft_statistic: Statistic::P50,
            itl_statistic: Statistic::P50,
        },
        figures: Figures { output_tokens_per_second: Some(output_tokens_per_second), ..Figures::default() },
        tags: ceiling.tags.iter().map(|name| Tag::of(name)).collect(),
        source: ceiling.source.clone(),
    }
}

/// Share of the highest throughput of a curve from which on a point lies on its plateau.
const PLATEAU: f64 = 0.97;

/// Share of the offered load below which what is served says that the server cannot follow.
const FOLLOWS: f64 = 0.80;

fn mark_saturated(rows: &mut [MeasuredRow]) {
    let mut curves: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, row) in rows.iter().enumerate() {
        let experiment = &row.experiment;
        let is_open = matches!(
            experiment.load,
            OfferedLoad::Poisson(_) | OfferedLoad::Constant(_) | OfferedLoad::AtThroughput(_)
        );
        if is_open && row.figures.output_tokens_per_second.is_some() {
            let key =
                format!("{:?} {:?} {}", experiment.configuration, experiment.traffic, experiment.load.kind());
            curves.entry(key).or_default().push(index);
        }
    }
    for curve in curves.values() {
        let served = |index: &usize| rows[*index].figures.output_tokens_per_second.unwrap_or(0.0);
        let highest = curve.iter().map(served).fold(0.0, f64::max);
        let is_high = |index: &&usize| served(index) >= PLATEAU * highest;
        // The highest point alone is no plateau.
        let on_plateau = curve.iter().filter(is_high).count() > 1;
        let saturated: Vec<usize> = curve
            .iter()
            .filter(|index| on_plateau && is_high(index) || falls_behind(&rows[**index], served(index)))
            .copied()
            .collect();
        for index in saturated {
            rows[index].tags.insert(Tag::Saturated);
        }
    }
}

fn falls_behind(row: &MeasuredRow, served: f64) -> bool {
    match row.experiment.load {
        OfferedLoad::Poisson(rate) | OfferedLoad::Constant(rate) => {
            served < FOLLOWS * rate * row.experiment.traffic.mean_output_tokens()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_model(rows: &[MeasuredRow], model: &str) -> Vec<MeasuredRow> {
        rows.iter().filter(|row| row.experiment.configuration.model == model).cloned().collect()
    }

    #[test]
    fn every_point_of_the_catalog_is_a_row() {
        let catalog = Catalog::embedded();
        let points: usize = catalog.all_profiles().unwrap().iter().map(|profile| profile.points.len()).sum();
        let ceilings: usize = catalog.ceilings().unwrap().iter().map(|ceiling| ceiling.points.len()).sum();
        let rows = from_catalog(&catalog).unwrap();
        assert_eq!(rows.len(), points + ceilings);
        assert_eq!(rows.iter().filter(|row| row.experiment.load == OfferedLoad::Offline).count(), ceilings);
        assert!(rows.iter().all(|row| row.figures != Figures::default() && !row.publisher().is_empty()));
    }

    #[test]
    fn points_past_the_plateau_of_an_open_loop_are_marked() {
        let rows = from_catalog(&Catalog::embedded()).unwrap();
        let gemma = of_model(&rows, "google/gemma-2-27b-it");
        let marks = |accelerator: &str| -> Vec<(f64, bool)> {
            let of = gemma.iter().filter(|row| row.experiment.configuration.accelerator == accelerator);
            of.map(|row| (row.figures.output_tokens_per_second.unwrap(), row.is_saturated())).collect()
        };
        // The throughput of the service's own curve falls back to 425.1 once, below the plateau of 442.1.
        let l4 = marks("nvidia-l4");
        assert!(l4.iter().all(|(throughput, saturated)| *saturated == (*throughput > 430.0)), "{l4:?}");
        let h100 = marks("nvidia-h100-80gb");
        assert!(h100.iter().all(|(throughput, saturated)| *saturated == (*throughput > 2000.0)), "{h100:?}");
        assert_eq!(marks("nvidia-tesla-a100"), [(1243.0, false)], "one point is no plateau");
    }

    #[test]
    fn an_open_loop_that_falls_behind_is_marked_below_its_plateau_too() {
        let rows = from_catalog(&Catalog::embedded()).unwrap();
        let poisson: Vec<_> = rows
            .iter()
            .filter(|row| matches!(row.experiment.load, OfferedLoad::Poisson(rate) if rate >= 16.0))
            .collect();
        assert!(poisson.len() >= 15, "{}", poisson.len());
        assert!(poisson.iter().all(|row| row.is_saturated()));
    }

    #[test]
    fn closed_loops_are_never_marked() {
        let rows = from_catalog(&Catalog::embedded()).unwrap();
        let closed = rows.iter().filter(|row| matches!(row.experiment.load, OfferedLoad::InFlight(_)));
        assert!(closed.clone().count() > 2000);
        assert!(closed.clone().all(|row| !row.is_saturated()));
    }
}
