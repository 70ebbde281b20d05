//! Text of a file → the objects in it and where they stand, and fixes put back into the text.
//!
//! Files are as people keep them: several documents, `List`s, JSON, the output of helm with its noise, CRLF, anchors.
//! [`SourceFile::read`] never fails: a document that cannot be read is a [`Trouble`] and hides none of the others.
//! [`Rewrite`] makes a fix by changing the least text there is to change, and only if the text then reads
//! as exactly what the fix asks for.

mod aliases;
mod edit;
mod layout;
mod position;
mod scalar;
mod source;
mod split;
#[cfg(test)]
mod tests;
mod tree;
mod write;

pub use edit::{NotPlaced, Rewrite};
pub use position::{Place, Position};
pub use source::{FileObject, SourceFile, Trouble, TroubleKind};
pub use write::to_text;
