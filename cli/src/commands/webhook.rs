//! The admission webhook of a cluster: installed, looked at, removed.

mod checks;
mod install;
mod objects;
mod status;
mod uninstall;

use crate::arguments::ClusterOptions;

pub(super) use install::install;
pub(super) use status::status;
pub(super) use uninstall::uninstall;

/// Name of everything that is installed, and of the namespace where nothing else is said.
const NAME: &str = "infer-webhook";

/// Names of the configurations that the program registers: the one that changes objects, the one that judges them.
const MUTATING: &str = "00-infer-webhook";
const VALIDATING: &str = "infer-webhook";

/// Of the flag. Not of the context: `default` is hardly where anybody wants it.
fn namespace(cluster: &ClusterOptions) -> &str {
    cluster.namespace.as_deref().unwrap_or(NAME)
}
