//! A word of a command line.

use super::PointerBuf;

/// A word of a command line, as the program receives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its text; as written where it is not `known`.
    pub text: String,
    /// Whether `text` is what the program receives: no variable, placeholder or command substitution is left in it.
    pub known: bool,
    /// Whether it may be no word or several: a variable or substitution that stands alone and without quotes.
    pub several: bool,
    /// The element of `command` or `args` that it comes from.
    pub at: PointerBuf,
    /// Whether a shell reads that element as a script. Where none does, quotes stay, spaces do not separate, and
    /// `${X}` is never expanded.
    pub in_script: bool,
}

impl Word {
    /// The text, where it is known.
    pub fn known_text(&self) -> Option<&str> {
        self.known.then_some(self.text.as_str())
    }

    /// Whether it begins as options do: `--tensor-parallel-size`, `-tp`; a negative number does not.
    pub fn is_option(&self) -> bool {
        let Some(rest) = self.text.strip_prefix('-') else { return false };
        // argparse takes a word with a space for a value, unless it is `--name=value`.
        let name = rest.split('=').next().unwrap_or_default();
        name.starts_with(|c: char| c == '-' || c.is_ascii_alphabetic()) && !name.contains(char::is_whitespace)
    }
}
