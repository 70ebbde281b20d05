//! One function a command: options in, outcome out.

mod catalog;
mod program;

use infer_core::catalog::CatalogError;

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use crate::output::Outcome;
use crate::{completion, overlay};

/// The serving stack that manifests are written for.
pub(crate) const SERVING_STACK: &str = "deployment";

/// Its version: that of the API group of its objects.
const SERVING_STACK_VERSION: &str = "apps/v1";

/// Does what the command line says.
pub(crate) fn execute(arguments: Arguments) -> Result<Outcome, Failure> {
    let overlays = &arguments.catalog;
    match arguments.command {
        Command::Models(command) => catalog::models(&overlay::catalog(overlays)?, command),
        Command::ModelServers(command) => catalog::model_servers(&overlay::catalog(overlays)?, command),
        Command::ModelServerVersions(command) => {
            catalog::model_server_versions(&overlay::catalog(overlays)?, command)
        }
        Command::ServingStacks(command) => catalog::serving_stacks(&overlay::catalog(overlays)?, command),
        Command::ServingStackVersions(command) => {
            catalog::serving_stack_versions(&overlay::catalog(overlays)?, command)
        }
        Command::UseCases(command) => catalog::use_cases(&overlay::catalog(overlays)?, command),
        Command::Completion(options) => program::completion(&options),
        Command::Man(options) => program::man(&options),
        Command::Version(options) => program::version(&overlay::catalog(overlays)?, &options),
        Command::Complete { words } => Ok(Outcome::print(completion::complete(overlays, &words))),
    }
}

/// A name that the catalog does not have, with the command that lists those it has.
fn unknown(error: CatalogError) -> Failure {
    let list = match &error {
        CatalogError::Unknown { kind, .. } => match *kind {
            "model" => Some("`kubectl infer models list` prints the models"),
            "use case" => Some("`kubectl infer use-cases list` prints the use cases"),
            _ => None,
        },
        _ => None,
    };
    let failure = Failure::user(error);
    match list {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Refuses a serving stack, or a version of it, that nothing here knows.
fn check_serving_stack(stack: Option<&str>, version: Option<&str>) -> Result<(), Failure> {
    let known = [(stack, SERVING_STACK), (version, SERVING_STACK_VERSION)];
    for (asked, known) in known {
        if let Some(asked) = asked.filter(|asked| *asked != known) {
            let message = format!("serving stack or version `{asked}` is not known, only `{known}` is");
            return Err(Failure::user(anyhow::anyhow!(message))
                .hint("`kubectl infer serving-stacks list` prints them"));
        }
    }
    Ok(())
}
