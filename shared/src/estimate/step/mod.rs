//! How long one engine step takes: a sum of named physical parts.
//!
//! A step decodes some sequences and computes chunks of some prompts. Its time is what the accelerators of a replica
//! need for
//! * **projections**, **feed-forward**, **experts** and **head**: weights read once a step, matrix work for every token;
//! * **attention**: keys and values read for decoding sequences, pairs of tokens multiplied for prompts;
//! * **activations**: what is read and written between the matrices;
//! * **collectives**: all-reduces between tensor-parallel ranks, exchanges between expert-parallel ones;
//! * **launches**: kernels started one after the other, a time a layer that no bandwidth shortens;
//! * **server**: scheduling, sampling and answering, a time a step and a sequence.
//!
//! Each part that moves bytes and multiplies takes the two times added in quadrature, a roofline with a rounded corner, at
//! efficiencies that are fitted ([`Constants`]) and never at the chip's peak. What a replica has to do is
//! [`ReplicaWork`], how well chips do it [`Constants`]; the two meet in [`StepModel`].

mod chip;
mod constants;
mod model;
mod parts;
mod times;
mod work;

pub use chip::Chip;
pub use chip::Family;
pub use constants::{ChipConstants, Constant, Constants, SERVERS, ServerConstants, server_index};
pub use model::{MeanShape, StepModel};
pub use parts::{Part, StepParts};
pub use work::{AttentionWork, ExpertWork, MatrixWork, ReplicaWork};
