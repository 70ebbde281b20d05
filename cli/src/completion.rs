//! Completion of a half-written command line, as kubectl asks plugins for it.
//!
//! kubectl looks for an executable `kubectl_complete-infer` in PATH and calls it with the words after
//! `kubectl infer`, the last of them unfinished, empty where nothing is typed yet. The answer is one candidate
//! a line, a tab and a description after it if there is one, and `:N` on the last line, where N is a sum of
//! cobra's directives (<https://github.com/kubernetes/enhancements/tree/master/keps/sig-cli/2379-kubectl-plugins>).

use clap::{Arg, ArgAction, Command, CommandFactory};
use infer_core::catalog::{Catalog, CatalogError};

use crate::arguments::{Arguments, CatalogOptions, Format};
use crate::overlay;

/// The program that kubectl calls.
pub(crate) const HELPER: &str = "\
#!/bin/sh
# Completion of `kubectl infer`: put this file into a folder of PATH as kubectl_complete-infer.
exec kubectl-infer __complete \"$@\"
";

/// Cobra's directives.
const DEFAULT: u8 = 0;
const NO_FILES: u8 = 4;

/// Longest description, so that a terminal shows one candidate a line.
const MOST_DESCRIPTION: usize = 60;

/// A candidate and what it is.
type Candidate = (String, String);

/// What to suggest for the last of `words`.
pub(crate) fn complete(overlays: &CatalogOptions, words: &[String]) -> String {
    let (last, before) = words.split_last().map_or(("", &[] as &[String]), |(last, before)| (last, before));
    let mut command = Arguments::command();
    command.build();
    let position = Position::after(&command, before);
    let (candidates, directive) = match (position.expecting, last.split_once('=')) {
        (Some(argument), _) => values(overlays, argument, before),
        (None, Some((flag, _))) if last.starts_with("--") => match long(position.command, flag) {
            Some(argument) => {
                let (candidates, directive) = values(overlays, argument, before);
                let with_flag = |(value, description)| (format!("{flag}={value}"), description);
                (candidates.into_iter().map(with_flag).collect(), directive)
            }
            None => (Vec::new(), NO_FILES),
        },
        (None, _) if last.starts_with('-') => (flags(position.command), NO_FILES),
        (None, _) => words_of(position.command),
    };
    let mut answer = String::new();
    for (candidate, description) in candidates.iter().filter(|(candidate, _)| candidate.starts_with(last)) {
        answer.push_str(candidate);
        if !description.is_empty() {
            answer.push('\t');
            answer.push_str(description);
        }
        answer.push('\n');
    }
    answer.push_str(&format!(":{directive}\n"));
    answer
}

/// Where on the command line the unfinished word stands.
struct Position<'a> {
    /// The innermost command written so far.
    command: &'a Command,
    /// The flag whose value is being written.
    expecting: Option<&'a Arg>,
}

impl<'a> Position<'a> {
    fn after(command: &'a Command, words: &[String]) -> Self {
        let mut position = Self { command, expecting: None };
        for word in words {
            if position.expecting.take().is_some() {
                continue;
            }
            if word.starts_with('-') {
                let argument = long(position.command, word).or_else(|| short(position.command, word));
                position.expecting = argument.filter(|argument| takes_value(argument));
            } else if let Some(below) = position.command.find_subcommand(word) {
                position.command = below;
            }
        }
        position
    }
}

fn takes_value(argument: &Arg) -> bool {
    matches!(argument.get_action(), ArgAction::Set | ArgAction::Append)
}

fn long<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let name = word.strip_prefix("--")?;
    command.get_arguments().find(|argument| argument.get_long() == Some(name))
}

fn short<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let mut letters = word.strip_prefix('-')?.chars();
    let letter = letters.next()?;
    let alone = letters.next().is_none();
    let argument = command.get_arguments().find(|argument| argument.get_short() == Some(letter));
    argument.filter(|_| alone)
}

fn flags(command: &Command) -> Vec<Candidate> {
    command
        .get_arguments()
        .filter(|argument| !argument.is_hide_set())
        .filter_map(|argument| Some((format!("--{}", argument.get_long()?), help(argument.get_help()))))
        .collect()
}

/// Commands below this one, or the values of its argument without a flag.
fn words_of(command: &Command) -> (Vec<Candidate>, u8) {
    let is_shown = |below: &&Command| !below.is_hide_set() && below.get_name() != "help";
    let below = command.get_subcommands().filter(is_shown);
    let commands = below.map(|below| (below.get_name().to_owned(), help(below.get_about())));
    let positional = command.get_positionals().flat_map(possible);
    (commands.chain(positional).collect(), NO_FILES)
}

fn possible(argument: &Arg) -> Vec<Candidate> {
    let values = argument.get_possible_values();
    let shown = values.iter().filter(|value| !value.is_hide_set());
    shown.map(|value| (value.get_name().to_owned(), help(value.get_help()))).collect()
}

fn help(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default().trim_end_matches('.');
    if line.chars().count() <= MOST_DESCRIPTION {
        return line.to_owned();
    }
    let cut: String = line.chars().take(MOST_DESCRIPTION - 1).collect();
    format!("{}…", cut.trim_end())
}

/// Values of a flag: those it can only take, or names of the catalog.
fn values(overlays: &CatalogOptions, argument: &Arg, before: &[String]) -> (Vec<Candidate>, u8) {
    let fixed = possible(argument);
    if !fixed.is_empty() {
        return (fixed, NO_FILES);
    }
    match argument.get_long() {
        Some("output") => {
            let draws = before.iter().any(|word| word == "estimate");
            let names = if draws { Format::NAMES_AND_PLOT } else { Format::NAMES };
            (names.split(", ").map(|name| (name.to_owned(), String::new())).collect(), NO_FILES)
        }
        Some("catalog" | "output-path" | "filename" | "kubeconfig" | "plot") => (Vec::new(), DEFAULT),
        Some(flag) => {
            let catalog = overlay::catalog(overlays).ok();
            // A broken overlay is no reason to break the line that somebody is typing.
            let names = catalog.and_then(|catalog| names(&catalog, flag, before).ok());
            (names.unwrap_or_default(), NO_FILES)
        }
        None => (Vec::new(), NO_FILES),
    }
}

/// Names that the catalog has for a flag, narrowed by the flags already written.
fn names(catalog: &Catalog, flag: &str, before: &[String]) -> Result<Vec<Candidate>, CatalogError> {
    let plain = |name: &str| (name.to_owned(), String::new());
    Ok(match flag {
        "model" => catalog.models()?.iter().map(|model| plain(&model.id)).collect(),
        "model-server" => {
            let servers = catalog.servers()?.iter();
            servers.map(|server| (server.name.clone(), server.display_name.clone())).collect()
        }
        "model-server-version" => match written(before, "--model-server") {
            Some(server) => {
                let versions = catalog.find_server(server)?.versions.iter();
                versions.map(|version| plain(&version.version)).collect()
            }
            None => Vec::new(),
        },
        "accelerator-type" => {
            let machines = catalog.machines()?;
            let is_offered = |id: &str| machines.iter().any(|machine| machine.accelerator == id);
            let accelerators = catalog.accelerators()?.iter().filter(|chip| is_offered(&chip.id));
            accelerators.map(|chip| (chip.id.clone(), format!("{:.0} GiB", chip.memory_gib))).collect()
        }
        "instance-type" => {
            let machines = catalog.machines()?.iter();
            machines.map(|machine| (machine.name.clone(), machine.accelerator.clone())).collect()
        }
        "region" => catalog.regions()?.into_iter().map(plain).collect(),
        "use-case" => {
            catalog.use_cases()?.iter().map(|case| (case.name.clone(), case.traffic.to_string())).collect()
        }
        "serving-stack" => vec![plain(crate::requirements::SERVING_STACK)],
        _ => Vec::new(),
    })
}

/// The value that a flag has been given on the line.
fn written<'a>(words: &'a [String], flag: &str) -> Option<&'a str> {
    words.iter().enumerate().rev().find_map(|(index, word)| {
        if word == flag {
            return words.get(index + 1).map(String::as_str);
        }
        word.strip_prefix(flag)?.strip_prefix('=')
    })
}
