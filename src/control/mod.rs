//! Keeps the target ready to take over: mirror topics like their sources, with their ACLs, and consumer groups where they
//! are on the source.
//!
//! Promises: changes to the clusters are decided by pure functions over what was observed, so that the same observation
//! always gives the same actions; an unreachable cluster stops only the actions on it.
//! Doesn't: carry records, or know how positions and maps are stored; it reads them through [`Mirrored`].
//!
//! ```text
//! topics:  observe both clusters -> plan -> create, extend, configure -> MirrorSet for the workers
//! acls:    observe both authorizers -> desired, plan -> record -> add, remove -> read back
//! groups:  snapshot of the source -> consistent cut -> place and decide -> commit on the target
//! ```

pub mod acls;
pub mod groups;
pub mod topics;

mod kafka;
mod mirrored;
mod permit;

#[cfg(test)]
pub(crate) mod testing;

pub use kafka::KafkaSite;
pub use mirrored::{Mirrored, MirroredPartition, TargetLog};
