//! The command line of a server, from the catalog's table of argument names.

use super::{ManifestError, Plan, precision};
use crate::catalog::ArgumentNames;

/// Where the server finds the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ModelSource<'a> {
    /// Hub id, or path of a mounted directory.
    pub(super) location: &'a str,
    /// Name under which the API serves the model, where it would not be the location.
    pub(super) served_name: Option<&'a str>,
}

/// The arguments of the server, without its command.
pub(super) fn arguments(plan: &Plan<'_>, source: ModelSource<'_>) -> Result<Vec<String>, ManifestError> {
    let names = plan.argument_names()?;
    let numerics = precision::numerics(plan)?;
    let parallelism = plan.parallelism;
    let devices = plan.accelerator.devices_per_chip.unwrap_or(1);
    let mut line = Line { plan, names, arguments: Vec::new() };
    match &names.model {
        Some(name) => line.set(name, source.location),
        None => line.arguments.push(source.location.to_owned()),
    }
    // Servers without the argument answer to any name.
    if let (Some(name), Some(served)) = (&names.served_model_name, source.served_name) {
        line.set(name, served);
    }
    if let Some(name) = &names.host {
        line.set(name, "0.0.0.0");
    }
    if let Some(name) = &names.port {
        line.set(name, &plan.server.port.to_string());
    }
    line.required(
        "tensor parallelism",
        names.tensor_parallel.as_ref(),
        above_one(parallelism.tensor.saturating_mul(devices)),
    )?;
    line.required("data parallelism", names.data_parallel.as_ref(), above_one(parallelism.data))?;
    if parallelism.expert > 1 {
        line.expert_parallel(parallelism.expert)?;
    }
    if let (Some(name), Some(tokens)) = (&names.max_context, plan.max_context_tokens) {
        line.set(name, &tokens.to_string());
    }
    if let (Some(name), Some(sequences)) = (&names.max_sequences, plan.max_sequences) {
        line.set(name, &sequences.to_string());
    }
    line.required("the element type", names.dtype.as_ref(), numerics.dtype.map(str::to_owned))?;
    line.required("quantization", names.quantization.as_ref(), numerics.quantization.map(str::to_owned))?;
    line.arguments.extend(names.always.iter().cloned());
    Ok(line.arguments)
}

fn above_one(size: u32) -> Option<String> {
    (size > 1).then(|| size.to_string())
}

struct Line<'a> {
    plan: &'a Plan<'a>,
    names: &'a ArgumentNames,
    arguments: Vec<String>,
}

impl Line<'_> {
    fn set(&mut self, name: &str, value: &str) {
        if self.names.joined_by_equals {
            self.arguments.push(format!("{name}={value}"));
        } else {
            self.arguments.extend([name.to_owned(), value.to_owned()]);
        }
    }

    /// Sets `value` if there is one; an error if the version has no argument for it.
    fn required(
        &mut self,
        what: &'static str,
        name: Option<&String>,
        value: Option<String>,
    ) -> Result<(), ManifestError> {
        match (name, value) {
            (_, None) => Ok(()),
            (Some(name), Some(value)) => {
                self.set(name, &value);
                Ok(())
            }
            (None, Some(_)) => Err(self.no_argument(what)),
        }
    }

    /// A switch, or an argument with its size in the place of `{expert}`.
    fn expert_parallel(&mut self, size: u32) -> Result<(), ManifestError> {
        let name = self.names.expert_parallel.as_ref();
        let name = name.ok_or_else(|| self.no_argument("expert parallelism"))?;
        let filled = name.replace("{expert}", &size.to_string());
        self.arguments.extend(filled.split_whitespace().map(str::to_owned));
        Ok(())
    }

    fn no_argument(&self, what: &'static str) -> ManifestError {
        ManifestError::NoArgument {
            server: self.plan.server.display_name.clone(),
            version: self.plan.version.version.clone(),
            what,
        }
    }
}
