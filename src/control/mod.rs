//! Keeps the target ready to take over: mirror topics like their sources, consumer groups where they were.
//!
//! Promises: what the clusters are asked to do is decided by pure functions over what was observed, so that the same
//! sight always gives the same actions; a cluster that can't be reached stops nothing but the actions on it.
//! Doesn't: carry records, or know how positions and maps are kept; it reads them through [`Mirrored`].
//!
//! ```text
//! topics:  observe both clusters -> plan -> create, extend, configure -> MirrorSet for the workers
//! groups:  snapshot of the source -> consistent cut -> place and decide -> commit on the target
//! ```

pub mod groups;
pub mod topics;

mod kafka;
mod mirrored;
mod permit;

pub use kafka::KafkaSite;
pub use mirrored::{Lookup, Mirrored, MirroredPartition, TargetLog};
