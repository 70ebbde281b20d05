//! What went wrong, in three kinds: the user's, the arguments', and what should not have happened.

use std::fmt;

use infer_core::catalog::CatalogError;

/// Whose mistake it was, which decides the exit status and what is said beside the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A command line that says nothing that could be done.
    Argument,
    /// A sensible question without an answer, or a file that cannot be read or written.
    User,
    /// A broken promise of this program.
    Unexpected,
}

/// A message, what to do about it, and the exit status.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    error: anyhow::Error,
    hints: Vec<String>,
    status: u8,
}

impl Failure {
    /// Of the arguments: exit status 2.
    pub(crate) fn argument(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Kind::Argument, error.into(), 2)
    }

    /// Of the user: exit status 1.
    pub(crate) fn user(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Kind::User, error.into(), 1)
    }

    /// Of this program: exit status 1.
    pub(crate) fn unexpected(error: impl Into<anyhow::Error>) -> Self {
        let hint = "this is a mistake of `kubectl infer`: please report it with the command line at \
                    https://github.com/kubectl-infer/kubectl-infer/issues";
        Self::new(Kind::Unexpected, error.into(), 1).hint(hint)
    }

    fn new(kind: Kind, error: anyhow::Error, status: u8) -> Self {
        Self { kind, error, hints: Vec::new(), status }
    }

    /// Adds what could be done about it.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Another exit status, for commands whose 1 means something else.
    pub(crate) fn with_status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// Exit status.
    pub(crate) fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = match self.kind {
            Kind::Argument | Kind::User => "error",
            Kind::Unexpected => "unexpected error",
        };
        writeln!(f, "{label}: {}", self.error)?;
        // Typed errors often repeat their cause in their own sentence.
        let mut said = self.error.to_string();
        for cause in self.error.chain().skip(1).map(ToString::to_string) {
            if !said.contains(&cause) {
                writeln!(f, "  caused by: {cause}")?;
            }
            said = cause;
        }
        for hint in &self.hints {
            writeln!(f, "hint: {hint}")?;
        }
        Ok(())
    }
}

/// A name that the catalog does not have, with the command that lists those it has.
pub(crate) fn unknown(error: CatalogError) -> Failure {
    let listing = match &error {
        CatalogError::Unknown { kind: "model", .. } => Some("`kubectl infer models list` prints the models"),
        CatalogError::Unknown { kind: "use case", .. } => {
            Some("`kubectl infer use-cases list` prints the use cases")
        }
        CatalogError::Unknown { kind: "server", .. } => {
            Some("`kubectl infer model-servers list --model MODEL` prints the model servers")
        }
        CatalogError::Unknown { kind: "accelerator", .. } => {
            Some("`kubectl infer accelerators list --model MODEL` prints the accelerators that hold a model")
        }
        _ => None,
    };
    let failure = Failure::user(error);
    match listing {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
