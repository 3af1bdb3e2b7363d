//! Topic discovery: which topics are mirrored, and mirror topics that can hold them.
//!
//! Promises: mirror topics have what decides correctness before a worker hears of them; nothing is deleted, shrunk or created again.
//! Doesn't: judge what is in a topic; workers prove that for themselves.

mod apply;
mod backfill;
pub mod cluster;
mod config_cache;
pub mod configs;
pub mod discovery;
pub mod plan;
mod remembered;

pub use discovery::Discovery;
