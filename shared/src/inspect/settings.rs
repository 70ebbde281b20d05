//! A server's settings, wherever it reads them from: its command line, or its environment.

use super::{Arguments, ServerKind, Told, Variables};

/// A server's settings, wherever it reads them from.
#[derive(Debug, Clone, Copy)]
pub(super) struct ServerSettings<'s, 'a> {
    pub server: ServerKind,
    pub arguments: &'s Arguments,
    pub variables: &'s Variables<'a>,
}

impl ServerSettings<'_, '_> {
    /// The option with one of `names`, or for servers that read them there, the variable of its name.
    pub(super) fn text(&self, names: &[&str]) -> Told<String> {
        let prefix = match self.server {
            ServerKind::Tgi => "",
            ServerKind::LlamaCpp => "LLAMA_ARG_",
            _ => return self.arguments.text(names),
        };
        if self.arguments.option(names).is_some() {
            return self.arguments.text(names);
        }
        let variables = names.iter().map(|name| {
            let name = format!("{prefix}{}", name.replace('-', "_").to_ascii_uppercase());
            self.variable(&name)
        });
        let written = variables.reduce(|first, second| first.or_else(|| second));
        match written {
            Some(Told::Unset) | None => self.arguments.text(names),
            Some(told) => told,
        }
    }

    pub(super) fn number<T: std::str::FromStr>(&self, names: &[&str]) -> Told<T> {
        self.text(names).and_then(|text| text.trim().parse().ok())
    }

    pub(super) fn variable(&self, name: &str) -> Told<String> {
        match self.variables.get(name) {
            Told::Is(text) => Told::Is(text.to_owned()),
            Told::Unset => Told::Unset,
            Told::Unknown => Told::Unknown,
        }
    }
}
