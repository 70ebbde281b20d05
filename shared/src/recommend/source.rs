//! Where curves come from.

use super::RecommendError;
use crate::catalog::{Catalog, Profile};
use crate::curve::Curve;
use crate::workload::Traffic;

/// Which curves are asked for, by the catalog's own names; `None` means any.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Question<'a> {
    /// Id of the model.
    pub model: Option<&'a str>,
    /// Name of the server.
    pub server: Option<&'a str>,
    /// Canonical version of the server.
    pub server_version: Option<&'a str>,
    /// Id of the accelerator.
    pub accelerator: Option<&'a str>,
    /// Lengths of the requests: a source that computes its curves computes them for these, one that measured
    /// answers with what it has.
    pub traffic: Option<Traffic>,
}

/// A source of curves: measurements, or an estimator.
pub trait CurveSource {
    /// Curves of every configuration that the question covers, always in the same order.
    ///
    /// # Errors
    /// A catalog that cannot be read, or an entry that is no curve.
    fn curves(&self, question: &Question<'_>) -> Result<Vec<Curve>, RecommendError>;
}

/// The measured profiles of a catalog.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    catalog: &'a Catalog,
}

impl<'a> Measured<'a> {
    /// The profiles of `catalog`, overlays included.
    pub const fn new(catalog: &'a Catalog) -> Self {
        Self { catalog }
    }
}

impl CurveSource for Measured<'_> {
    fn curves(&self, question: &Question<'_>) -> Result<Vec<Curve>, RecommendError> {
        let profiles = match question.model {
            Some(model) => self.catalog.profiles(model)?,
            None => self.catalog.all_profiles()?,
        };
        let asked = |asked: Option<&str>, is: Option<&str>| asked.is_none_or(|asked| is == Some(asked));
        let covers = |profile: &&Profile| {
            asked(question.server, Some(&profile.server))
                && asked(question.server_version, profile.server_version.as_deref())
                && asked(question.accelerator, Some(&profile.accelerator))
        };
        let curves: Result<Vec<Curve>, RecommendError> =
            profiles.into_iter().filter(covers).map(curve).collect();
        Ok(without_repeated_points(curves?))
    }
}

fn curve(profile: &Profile) -> Result<Curve, RecommendError> {
    Curve::from_profile(profile).map_err(|error| RecommendError::Profile {
        profile: format!(
            "{} on {} × {} ({})",
            profile.model, profile.accelerators, profile.accelerator, profile.source
        ),
        error,
    })
}

/// Leaves out single points of what also has a whole curve, such as the knees that the service publishes of the
/// curves it publishes.
fn without_repeated_points(curves: Vec<Curve>) -> Vec<Curve> {
    let is_whole = |curve: &Curve| curve.points.len() > 1;
    let is_repeated: Vec<bool> = curves
        .iter()
        .map(|point| {
            let same = |curve: &&Curve| {
                curve.configuration == point.configuration
                    && curve.traffic == point.traffic
                    && curve.load_kind == point.load_kind
            };
            !is_whole(point) && curves.iter().filter(same).any(is_whole)
        })
        .collect();
    let kept = curves.into_iter().zip(is_repeated).filter(|(_, repeated)| !repeated);
    kept.map(|(curve, _)| curve).collect()
}
