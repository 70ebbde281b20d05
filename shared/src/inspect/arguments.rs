//! The words that a server receives, read as its options.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::slice::Iter;
use std::str::FromStr;

use super::flags::{full_name, is_switch, takes_list};
use super::image::Entrypoint;
use super::{PointerBuf, ServerKind, Told, Word};

/// A server's command line.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arguments {
    /// Program and subcommand, as far as the object tells: `["vllm", "serve"]`. Empty where the image's entrypoint
    /// starts it.
    pub program: Vec<String>,
    /// What the image starts before the words, where no command is written.
    pub entrypoint: Option<Entrypoint>,
    /// Options in the order written.
    pub options: Vec<Argument>,
    /// Words that are neither options nor values of them.
    pub positional: Vec<Word>,
    /// Every word after the program, as the server receives it.
    pub words: Vec<Word>,
    /// Words that the author meant for the server and that its shell reads as another command: after a line that ends
    /// in no backslash, or after a comment between continued lines.
    pub cut_off: Vec<Word>,
    /// Whether every word of the command line is known to be there; false where a shell variable or a file adds to it.
    pub complete: bool,
}

/// An option of a command line.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// Full name without leading dashes, underscores as dashes: `tensor-parallel-size`, also for `-tp` and
    /// `--tensor_parallel_size`.
    pub name: String,
    /// As written, with its dashes and without its value: `-tp`.
    pub written: String,
    /// Its value.
    pub value: ArgumentValue,
    /// The values after the first, of an option that takes a list; unknown ones as written.
    pub further: Vec<String>,
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

/// What a beginning of an option's name stands for, by argparse's rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Abbreviation<'t> {
    /// This flag: it is the name itself, or the only one that begins so.
    Of(&'t str),
    /// Several flags begin so: the server refuses it.
    Ambiguous,
    /// None begins so.
    Unknown,
}

impl<'t> Abbreviation<'t> {
    /// What `name` stands for among `flags`; both without leading dashes, words joined by dashes.
    pub fn resolve(name: &str, flags: impl IntoIterator<Item = &'t str>) -> Self {
        let mut found = Self::Unknown;
        for flag in flags {
            if flag == name {
                return Self::Of(flag);
            }
            if flag.starts_with(name) {
                found = match found {
                    Self::Unknown => Self::Of(flag),
                    Self::Of(_) | Self::Ambiguous => Self::Ambiguous,
                };
            }
        }
        found
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
        self.text(names).and_then(|text| text.trim().parse().ok())
    }

    /// Whether the switch with one of `names` is on: `--name`, `--name=true`; off by `--no-name`, `--name=false`.
    pub fn switch(&self, names: &[&str]) -> Told<bool> {
        let of = |option: &Argument| match &option.value {
            ArgumentValue::Switch => Told::Is(true),
            ArgumentValue::Literal(text) => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" => Told::Is(true),
                "false" | "0" | "no" => Told::Is(false),
                _ => Told::Unknown,
            },
            ArgumentValue::Unknown => Told::Unknown,
        };
        for option in self.options.iter().rev() {
            if names.contains(&option.name.as_str()) {
                return of(option);
            }
            if option.name.strip_prefix("no-").is_some_and(|name| names.contains(&name)) {
                return Told::Is(false);
            }
        }
        if self.complete { Told::Unset } else { Told::Unknown }
    }

    /// What holds of several command lines of which the object does not tell which runs: the options that all of them
    /// have with the same value; the others are unknown.
    pub(super) fn either(self, other: Self) -> Self {
        if self == other {
            return self;
        }
        let values = |arguments: &Self| -> BTreeMap<String, (ArgumentValue, Vec<String>)> {
            let options = arguments.options.iter().cloned();
            options.map(|option| (option.name, (option.value, option.further))).collect()
        };
        let (mine, theirs) = (values(&self), values(&other));
        let added = other.options.into_iter().filter(|option| !mine.contains_key(&option.name));
        let options = self.options.into_iter().chain(added).map(|mut option| {
            if mine.get(&option.name) != theirs.get(&option.name) {
                option.value = ArgumentValue::Unknown;
                option.further.clear();
            }
            option
        });
        let mut positional = self.positional;
        if positional != other.positional {
            positional.iter_mut().for_each(|word| word.known = false);
        }
        Self { options: options.collect(), positional, complete: false, ..self }
    }

    /// The options in `words`, as `server` reads them.
    pub(super) fn read(server: ServerKind, words: Vec<Word>, complete: bool) -> Self {
        let mut read = Self { complete, ..Self::default() };
        let mut next = words.iter().peekable();
        while let Some(word) = next.next() {
            if word.is_option() {
                let option = read.option_at(server, word, &mut next);
                // A file adds to the command line.
                read.complete &= option.name != "config";
                read.options.push(option);
            } else if let Some(option) = bare_option(server, word) {
                read.options.push(option);
            } else {
                read.complete &= !word.several;
                read.positional.push(word.clone());
            }
        }
        read.words = words;
        read
    }

    fn option_at(&self, server: ServerKind, word: &Word, next: &mut Peekable<Iter<'_, Word>>) -> Argument {
        let (written, value) = match word.text.split_once('=') {
            Some((written, value)) => (written, Some(value)),
            None => (word.text.as_str(), None),
        };
        let bare = written.trim_start_matches('-');
        let dashes = written.len() - bare.len();
        let name = bare.replace('_', "-");
        let name = full_name(server, &name, dashes).map_or(name, str::to_owned);
        let mut option = Argument {
            at: place(word, word),
            written: written.to_owned(),
            value: ArgumentValue::Switch,
            further: Vec::new(),
            name,
        };
        if let Some(value) = value {
            option.value = literal(value, word.known);
            return option;
        }
        let switch = is_switch(server, &option.name);
        let takes = |word: &&Word| !word.is_option() && (!switch || is_boolean(&word.text));
        if let Some(value) = next.next_if(|word| takes(word)) {
            option.value = literal(&value.text, value.known);
            option.at = place(word, value);
        }
        if takes_list(server, &option.name) {
            while let Some(value) = next.next_if(|word| !word.is_option()) {
                option.further.push(value.text.clone());
            }
        }
        option
    }
}

/// JetStream takes `name=value` without dashes.
fn bare_option(server: ServerKind, word: &Word) -> Option<Argument> {
    if server != ServerKind::Jetstream {
        return None;
    }
    let (name, value) = word.text.split_once('=')?;
    if name.is_empty()
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    {
        return None;
    }
    Some(Argument {
        name: name.replace('_', "-"),
        written: name.to_owned(),
        value: literal(value, word.known),
        further: Vec::new(),
        at: place(word, word),
    })
}

fn place(name: &Word, value: &Word) -> ArgumentPlace {
    match () {
        () if name.in_script => ArgumentPlace::Script(name.at.clone()),
        () if name.at == value.at => ArgumentPlace::Element(name.at.clone()),
        () => ArgumentPlace::Pair { name: name.at.clone(), value: value.at.clone() },
    }
}

fn literal(text: &str, known: bool) -> ArgumentValue {
    if known { ArgumentValue::Literal(text.to_owned()) } else { ArgumentValue::Unknown }
}

fn is_boolean(text: &str) -> bool {
    ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word))
}
