//! What an autoscaler does, in numbers: which metric it reads, who has to serve it, whether its threshold can be reached,
//! at which load it scales, and what that load means for latency and cost.
//!
//! Reads HorizontalPodAutoscalers of any version and KEDA's ScaledObjects, whoever wrote them. What lint says about the
//! same object is part of it; what cannot be told from the objects is said to be unknown.

mod load;
mod metric;
mod objects;
mod owners;
mod readings;
#[cfg(test)]
mod tests;

use serde::Serialize;
use serde_json::Value;

pub(crate) use load::Loads;
pub use load::ScalesAt;
pub use metric::MetricExplanation;

use crate::catalog::CatalogError;
use crate::estimate::Calibration;
use crate::inspect::{Autoscaler, AutoscalerKind, inspect};
use crate::rules::promise::bill;
use crate::rules::{Background, Facts, Severity, about_autoscaler};

/// How a statement ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// As it should be.
    Good,
    /// It does not work, or not as meant.
    Bad,
    /// Worth knowing.
    Note,
    /// Cannot be told.
    Unknown,
}

/// One thing that is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// How it ends.
    pub verdict: Verdict,
    /// What is the case; a sentence without a full stop.
    pub says: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

impl Statement {
    fn new(verdict: Verdict, says: impl Into<String>) -> Self {
        Self { verdict, says: says.into(), advice: None }
    }

    fn good(says: impl Into<String>) -> Self {
        Self::new(Verdict::Good, says)
    }

    fn note(says: impl Into<String>) -> Self {
        Self::new(Verdict::Note, says)
    }

    fn unknown(says: impl Into<String>) -> Self {
        Self::new(Verdict::Unknown, says)
    }

    fn bad(says: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..Self::new(Verdict::Bad, says) }
    }
}

/// What an autoscaler does.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Explanation {
    /// Kind, namespace and name: `HorizontalPodAutoscaler llm/gemma`.
    pub autoscaler: String,
    /// Kind and name of what it scales: `Deployment gemma`.
    pub target: String,
    /// What runs there, where that is known: `google/gemma-2-27b-it with vLLM v0.7.2 on 4 x nvidia-l4`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serves: Option<String>,
    /// Fewest replicas.
    pub min_replicas: u32,
    /// Most replicas; `None` where it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_replicas: Option<u32>,
    /// What holds of the object as a whole.
    pub statements: Vec<Statement>,
    /// Metric by metric.
    pub metrics: Vec<MetricExplanation>,
    /// What the replicas cost, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<ReplicaCost>,
}

/// What the replicas cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplicaCost {
    /// USD an hour of one replica.
    pub usd_per_hour: f64,
    /// USD an hour of the fewest.
    pub usd_per_hour_min: f64,
    /// USD an hour of the most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd_per_hour_max: Option<f64>,
    /// Machine type, region and pricing model of the price.
    pub price: String,
}

impl Explanation {
    /// Whether something of it does not work.
    pub fn is_bad(&self) -> bool {
        let of_metrics = self.metrics.iter().flat_map(|metric| &metric.statements);
        self.statements.iter().chain(of_metrics).any(|statement| statement.verdict == Verdict::Bad)
    }
}

/// Explains the autoscaler that `object` is; `None` for any other object.
///
/// # Errors
/// The catalog cannot be read.
pub fn explain(
    object: &Value,
    background: &Background<'_>,
    calibration: &Calibration,
) -> Result<Option<Explanation>, CatalogError> {
    let Some(autoscaler) = Autoscaler::of(object) else { return Ok(None) };
    let target = background.neighbours.target_of(&autoscaler);
    let subject = target.map(inspect);
    let (findings, facts) = about_autoscaler(&autoscaler, subject.as_ref(), background)?;
    let facts = facts.target.first();
    let loads = match facts {
        Some(facts) => Loads::of(facts, background.catalog, calibration),
        None => Loads::default(),
    };
    let mut statements = objects::statements(&autoscaler, subject.as_ref(), facts);
    let said_elsewhere = |id: &str| matches!(id, "INF103" | "INF108");
    let of_rules = findings.iter().filter(|finding| !said_elsewhere(finding.rule.id)).map(|finding| {
        let says = format!("{} ({})", finding.what, finding.rule.id);
        match finding.severity {
            Severity::Information => {
                Statement { advice: Some(finding.remedy.clone()), ..Statement::note(says) }
            }
            _ => Statement::bad(says, finding.remedy.clone()),
        }
    });
    statements.extend(of_rules);
    let mut metrics: Vec<MetricExplanation> = autoscaler
        .metrics
        .iter()
        .map(|read| metric::explanation(read, &autoscaler, facts, background.catalog, &loads))
        .collect::<Result<_, _>>()?;
    readings::add(object, &mut metrics);
    statements.extend(objects::together(&autoscaler));
    statements.extend(objects::conditions(object));
    let (least, most) = (objects::least_replicas(&autoscaler), autoscaler.most_replicas());
    Ok(Some(Explanation {
        autoscaler: objects::name_of(&autoscaler),
        target: format!("{} {}", autoscaler.target_kind, autoscaler.target_name),
        serves: facts.and_then(serves),
        min_replicas: least,
        max_replicas: most,
        statements,
        metrics,
        cost: facts.map(|facts| cost(facts, least, most)).transpose()?.flatten(),
    }))
}

/// Model, server and accelerators, as far as the catalog knows them.
fn serves(facts: &Facts<'_>) -> Option<String> {
    let server = facts.server?;
    let version = facts.version.map(|version| format!(" {}", version.version)).unwrap_or_default();
    let mut text = format!("{}{version}", server.display_name);
    if let Some((_, checkpoint)) = facts.model {
        text = format!("{} with {text}", checkpoint.id);
    }
    if let Some((accelerator, count)) = facts.accelerator.zip(facts.accelerators_per_pod()) {
        text.push_str(&format!(" on {count} x {}", accelerator.id));
    }
    Some(text)
}

fn cost(facts: &Facts<'_>, least: u32, most: Option<u32>) -> Result<Option<ReplicaCost>, CatalogError> {
    let Some(bill) = bill::replica(facts)? else { return Ok(None) };
    let of = |replicas: u32| bill.usd_per_hour * f64::from(replicas);
    Ok(Some(ReplicaCost {
        usd_per_hour: bill.usd_per_hour,
        usd_per_hour_min: of(least),
        usd_per_hour_max: most.map(of),
        price: format!("{}, {}, {}", bill.machine, bill.region, bill.pricing_model),
    }))
}
