//! Group sync: keeps consumer groups on the target where they are on the source.
//!
//! Promises: an offset is written on the target only where there is none or the link wrote the present one (H16), is exact
//! or reports by how much it isn't (H18), belongs to a consistent cut over the link (H19), and doesn't expire there (H17).
//! Doesn't: move groups; a move first freezes them here, then writes through the same ledger.

pub(crate) mod apply;
pub mod cluster;
pub mod commit;
pub mod commit_protocol;
pub mod committed;
pub mod cut;
pub mod decide;
pub mod status;
pub mod sync;
pub mod translate;
mod wants;
