//! The checkpoint DB: what has to survive a restart, in one place, changed atomically.
//!
//! Promises: an [`Update`] over any number of spaces happens as a whole or not at all; when its [`Committed`] resolves it is
//! durable; a damaged value is an error, never an answer. One process at a time has a DB open.
//! Doesn't: know what an offset, a group or a plan means; the typed [`records`] and [`runs`] put words to bytes, no more.
//!
//! ```text
//!  link, control, failover --Update--> line --> writer thread: one batch, one flush --> all of the group resolve
//!  reads go to the DB directly, from any thread
//! ```

pub mod audit;
mod disk;
pub mod dump;
pub(crate) mod envelope;
#[cfg(test)]
pub(crate) mod failing;
pub mod inspect;
pub mod intents;
mod json;
pub(crate) mod keys;
mod memory;
pub mod records;
pub mod runs;
pub(crate) mod store;
pub mod verifications;
mod writer;

pub use disk::{DiskStore, open, open_or_begin_anew};
pub use keys::PartitionKey;
pub use memory::MemoryStore;
pub use records::{GroupRecord, GroupSnapshot, LinkRecord, PartitionRecord, TopicRecord};
pub use runs::StoredRuns;
pub use store::{Committed, Entry, Space, Store, Update};
