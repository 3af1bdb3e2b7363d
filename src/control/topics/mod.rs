//! Topic discovery: which topics are mirrored, and mirror topics that can hold them.
//!
//! Promises: mirror topics have what decides correctness before a worker hears of them; nothing is deleted, shrunk or created again.
//! Doesn't: judge what is in a topic; workers prove that for themselves.

mod apply;
mod backfill;
pub mod configs;
pub mod discovery;
mod memory;
pub mod plan;
mod remembered;
pub mod set;
pub mod site;

pub use discovery::Discovery;
pub use set::{KnownTopic, MirrorSet, MirroredTopic};
