//! Scripts in `sh -c` and its like: which commands they run with which words, as far as the text tells.
//!
//! It is no shell. It follows quoting, continuations, comments, here-documents, assignments of literals, defaults,
//! arrays and parameters exactly; what a condition, a substitution or another file decides is unknown.

mod invocation;
mod script;
mod token;

pub(super) use invocation::{Invocation, is_shell};
pub(super) use script::{Command, read_script};
