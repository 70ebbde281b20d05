//! The recommendation crate.
