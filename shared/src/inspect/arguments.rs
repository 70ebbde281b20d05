//! The server's command line, however it is written.

use std::str::FromStr;

use serde_json::Value;

use super::{Container, PointerBuf, Told};

/// A server's command line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arguments {
    /// Program and subcommand, as far as the object tells: `["vllm", "serve"]`.
    pub program: Vec<String>,
    /// Options in the order written.
    pub options: Vec<Argument>,
    /// Words that are neither options nor values of them.
    pub positional: Vec<String>,
    /// Whether every word of the command line is known; false where a shell variable or a file adds to it.
    pub complete: bool,
}

/// An option of a command line.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// Name without leading dashes, underscores as dashes: `tensor-parallel-size`.
    pub name: String,
    /// Its value.
    pub value: ArgumentValue,
    /// Where it stands.
    pub at: ArgumentPlace,
}

/// Value of an option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentValue {
    /// None: a switch.
    Switch,
    /// A text.
    Literal(String),
    /// One that the object alone does not tell.
    Unknown,
}

/// Where an option stands in the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentPlace {
    /// One element of `command` or `args`: `--k=v`, or a switch.
    Element(PointerBuf),
    /// Two elements: `--k` and `v`.
    Pair {
        /// Element of the name.
        name: PointerBuf,
        /// Element of the value.
        value: PointerBuf,
    },
    /// Inside the script that this element is.
    Script(PointerBuf),
}

impl ArgumentPlace {
    /// The element to show a person.
    pub fn pointer(&self) -> &PointerBuf {
        match self {
            Self::Element(at) | Self::Pair { name: at, .. } | Self::Script(at) => at,
        }
    }
}

impl Arguments {
    /// The last option with one of `names`, which is the one that counts.
    pub fn option(&self, names: &[&str]) -> Option<&Argument> {
        self.options.iter().rev().find(|option| names.contains(&option.name.as_str()))
    }

    /// Value of the option with one of `names`.
    pub fn text(&self, names: &[&str]) -> Told<String> {
        match self.option(names).map(|option| &option.value) {
            Some(ArgumentValue::Literal(text)) => Told::Is(text.clone()),
            Some(ArgumentValue::Unknown | ArgumentValue::Switch) => Told::Unknown,
            None if self.complete => Told::Unset,
            None => Told::Unknown,
        }
    }

    /// Value of the option with one of `names`, as a number.
    pub fn number<T: FromStr>(&self, names: &[&str]) -> Told<T> {
        self.text(names).and_then(|text| text.parse().ok())
    }

    pub(super) fn of(container: &Container<'_>) -> Self {
        let words = ["command", "args"].into_iter().flat_map(|field| {
            let list = container.value.get(field).and_then(Value::as_array);
            let list = list.into_iter().flatten().enumerate();
            list.map(move |(index, word)| {
                let text = word.as_str().unwrap_or_default();
                (container.pointer([field, &index.to_string()]), text)
            })
        });
        let words: Vec<_> = words.collect();
        let mut arguments = Self { complete: true, ..Self::default() };
        let mut next = words.iter().peekable();
        while let Some((at, word)) = next.next() {
            let Some(option) = word.strip_prefix("--") else {
                let program = matches!(*word, "vllm" | "serve" | "python3" | "python" | "-m");
                let list = if program { &mut arguments.program } else { &mut arguments.positional };
                list.push((*word).to_owned());
                continue;
            };
            let (name, value, place) = match option.split_once('=') {
                Some((name, value)) => (name, read_value(value), ArgumentPlace::Element(at.clone())),
                None => match next.next_if(|(_, word)| !word.starts_with("--")) {
                    Some((value_at, value)) => {
                        let place = ArgumentPlace::Pair { name: at.clone(), value: value_at.clone() };
                        (option, read_value(value), place)
                    }
                    None => (option, ArgumentValue::Switch, ArgumentPlace::Element(at.clone())),
                },
            };
            arguments.options.push(Argument { name: name.replace('_', "-"), value, at: place });
        }
        arguments
    }
}

fn read_value(text: &str) -> ArgumentValue {
    if text.contains("$(") || text.contains("${") {
        ArgumentValue::Unknown
    } else {
        ArgumentValue::Literal(text.to_owned())
    }
}
