//! Label selectors: Kubernetes' own form, compiled and matched.

use std::collections::{BTreeMap, BTreeSet};

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::PolicyError;

/// Labels that an object must have; an empty selector selects everything.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelSelector {
    /// Labels and their values; all must be there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 64))]
    pub match_labels: BTreeMap<String, String>,
    /// Requirements; all must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub match_expressions: Vec<LabelRequirement>,
}

/// A requirement on one label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("self.operator in ['In', 'NotIn'] ? has(self.values) && size(self.values) > 0 : !has(self.values) || size(self.values) == 0")
        .message("`In` and `NotIn` need values, `Exists` and `DoesNotExist` have none")
)]
pub struct LabelRequirement {
    /// Label.
    #[schemars(length(min = 1, max = 317))]
    pub key: String,
    /// How the label is compared.
    pub operator: LabelOperator,
    /// Values for `In` and `NotIn`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 63)))]
    pub values: Vec<String>,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum LabelOperator {
    /// The label has one of the values.
    In,
    /// The label is absent or has none of the values.
    NotIn,
    /// The label is there.
    Exists,
    /// The label is absent.
    DoesNotExist,
}

/// A selector that was found to make sense.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    operator: LabelOperator,
    values: BTreeSet<String>,
}

impl Selector {
    /// Checks and compiles `selector`, which stands at `field` of the policy; none selects everything.
    pub(super) fn compile(selector: Option<&LabelSelector>, field: &str) -> Result<Self, PolicyError> {
        let Some(selector) = selector else { return Ok(Self::default()) };
        let equal = selector.match_labels.iter().map(|(key, value)| Requirement {
            key: key.clone(),
            operator: LabelOperator::In,
            values: BTreeSet::from([value.clone()]),
        });
        let written = selector.match_expressions.iter().map(|expression| Requirement {
            key: expression.key.clone(),
            operator: expression.operator,
            values: expression.values.iter().cloned().collect(),
        });
        let requirements: Vec<_> = equal.chain(written).collect();
        for Requirement { key, operator, values } in &requirements {
            let wants_values = matches!(operator, LabelOperator::In | LabelOperator::NotIn);
            let reason = match () {
                () if key.is_empty() => "a label without a name",
                () if wants_values && values.is_empty() => "`In` and `NotIn` need values",
                () if !wants_values && !values.is_empty() => "`Exists` and `DoesNotExist` take no values",
                () => continue,
            };
            return Err(PolicyError::Selector { field: field.to_owned(), key: key.clone(), reason });
        }
        Ok(Self { requirements })
    }

    /// Whether labels, looked up by `label`, are selected.
    pub(super) fn selects<'l>(&self, label: impl Fn(&str) -> Option<&'l str>) -> bool {
        self.requirements.iter().all(|Requirement { key, operator, values }| match operator {
            LabelOperator::In => label(key).is_some_and(|value| values.contains(value)),
            LabelOperator::NotIn => label(key).is_none_or(|value| !values.contains(value)),
            LabelOperator::Exists => label(key).is_some(),
            LabelOperator::DoesNotExist => label(key).is_none(),
        })
    }

    /// Whether the labels of `object` are selected.
    pub(super) fn selects_object(&self, object: &Value) -> bool {
        let labels = object.get("metadata").and_then(|metadata| metadata.get("labels"));
        self.selects(|key| labels?.get(key)?.as_str())
    }

    /// Whether no labels can be selected by both, as far as values of the same label tell.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        let one_of = |requirement: &&Requirement| requirement.operator == LabelOperator::In;
        self.requirements.iter().filter(one_of).any(|ours| {
            let theirs = other.requirements.iter().filter(one_of).filter(|theirs| theirs.key == ours.key);
            theirs.into_iter().any(|theirs| theirs.values.is_disjoint(&ours.values))
        })
    }
}
