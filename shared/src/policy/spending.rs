//! What the workloads of a namespace come to together, at the prices that the policies name.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Request, Snapshot};
use crate::catalog::CatalogError;
use crate::inspect::{Subject, inspect};
use crate::rules::{NamespaceSum, namespace_sums};

/// Sums over `objects`, each with what is known beside it, by namespace (empty where an object names none). Each is
/// priced by the region and the pricing model of the policies that select it.
///
/// # Errors
///
/// The catalog cannot be read.
pub fn spending<'a>(
    objects: impl IntoIterator<Item = (Request<'a>, &'a Snapshot)>,
) -> Result<BTreeMap<String, NamespaceSum>, CatalogError> {
    let mut sums: BTreeMap<String, NamespaceSum> = BTreeMap::new();
    for (request, snapshot) in objects {
        let Some(object) = request.object else { continue };
        let subject = inspect(object);
        if subject == Subject::Unrelated {
            continue;
        }
        let in_force = snapshot.in_force(&request, object, &subject);
        let own: [&Value; 1] = [object];
        for sum in namespace_sums(own, &snapshot.background(&in_force))?.into_values() {
            let namespace = request.namespace.unwrap_or_default();
            sums.entry(namespace.to_owned()).or_default().add(sum);
        }
    }
    Ok(sums)
}
