//! How a shell is called: `bash -lc -- SCRIPT NAME WORDS…`.

use crate::inspect::Word;
use crate::inspect::program::base_name;

/// What a shell is told to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::inspect) enum Invocation<'w> {
    /// A script in the command line itself.
    Script {
        /// Its text.
        script: &'w Word,
        /// `$0` and the parameters after it.
        parameters: &'w [Word],
    },
    /// A script in a file of the container.
    File(&'w Word),
}

/// Whether `word` names a shell.
pub(in crate::inspect) fn is_shell(word: &str) -> bool {
    matches!(base_name(word), "sh" | "bash" | "ash" | "dash" | "zsh")
}

impl<'w> Invocation<'w> {
    /// Reads the words after the shell's name.
    pub(in crate::inspect) fn read(words: &'w [Word]) -> Option<Self> {
        let mut rest = words;
        let mut takes_script = false;
        while let [option, after @ ..] = rest {
            let text = option.text.as_str();
            if text == "--" || text == "-" {
                rest = after;
                break;
            }
            let Some(letters) = text.strip_prefix(['-', '+']) else { break };
            rest = after;
            if letters.starts_with('-') {
                continue;
            }
            takes_script |= letters.contains('c');
            // `-o pipefail`, `-euo pipefail`.
            if letters.contains(['o', 'O']) {
                rest = rest.get(1..).unwrap_or_default();
            }
        }
        let (script, parameters) = rest.split_first()?;
        Some(if takes_script { Self::Script { script, parameters } } else { Self::File(script) })
    }
}
