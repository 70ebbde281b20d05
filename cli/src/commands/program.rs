//! Commands about the program itself.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;
use infer_core::catalog::Catalog;
use serde_json::json;

use crate::arguments::{Arguments, Completion, CompletionTarget, DocumentFormat, Man, Version};
use crate::completion;
use crate::failure::Failure;
use crate::output::{Destination, Outcome, json, yaml};

/// `completion`.
pub(super) fn completion(options: &Completion) -> Result<Outcome, Failure> {
    let destination = Destination::of(options.output_path.as_deref());
    let shell = match options.target {
        CompletionTarget::Kubectl => {
            return Ok(Outcome::write(completion::HELPER.to_owned(), destination.executable()));
        }
        CompletionTarget::Bash => Shell::Bash,
        CompletionTarget::Zsh => Shell::Zsh,
        CompletionTarget::Fish => Shell::Fish,
        CompletionTarget::Powershell => Shell::PowerShell,
        CompletionTarget::Elvish => Shell::Elvish,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "kubectl-infer", &mut script);
    let script = String::from_utf8(script).map_err(Failure::unexpected)?;
    Ok(Outcome::write(script, destination))
}

/// `man`.
pub(super) fn man(options: &Man) -> Result<Outcome, Failure> {
    let mut command = Arguments::command();
    command.build();
    let Some(folder) = &options.output_path else {
        return Ok(Outcome::print(page(&command)?));
    };
    if !folder.is_dir() {
        return Err(Failure::user(anyhow::anyhow!("`{}` is not a folder", folder.display())));
    }
    pages(&command, folder)?;
    Ok(Outcome::print(String::new()))
}

/// Writes the page of a command, and of every command below it.
fn pages(command: &clap::Command, folder: &Path) -> Result<(), Failure> {
    let name = command.get_display_name().unwrap_or(command.get_name());
    let path = folder.join(format!("{name}.1"));
    Destination::of(Some(&path)).write(&page(command)?)?;
    command
        .get_subcommands()
        .filter(|below| !below.is_hide_set() && below.get_name() != "help")
        .try_for_each(|below| pages(below, folder))
}

fn page(command: &clap::Command) -> Result<String, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone())
        .render(&mut text)
        .context("the manual page could not be made")
        .map_err(Failure::unexpected)?;
    String::from_utf8(text).map_err(Failure::unexpected)
}

/// `version`.
pub(super) fn version(catalog: &Catalog, options: &Version) -> Result<Outcome, Failure> {
    let release = catalog.release().map_err(Failure::unexpected)?;
    let program = env!("CARGO_PKG_VERSION");
    let document = json!({
        "version": program,
        "catalog": {
            "version": release.version,
            "date": release.date,
            "priceBookDate": release.price_book_date,
        },
    });
    let text = match options.output {
        Some(DocumentFormat::Json) => json(&document)?,
        Some(DocumentFormat::Yaml) => yaml(&document)?,
        None => format!(
            "kubectl infer {program}\ncatalog {} of {}, prices of {}\n",
            release.version, release.date, release.price_book_date
        ),
    };
    Ok(Outcome::print(text))
}
