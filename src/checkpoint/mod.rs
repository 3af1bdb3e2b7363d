//! The checkpoint DB: everything that must survive a restart, in one place, changed atomically.
//!
//! Promises: an [`Update`] over any number of spaces is applied as a whole or not at all; when its [`PendingCommit`] resolves it
//! is durable; a damaged value is an error, never an answer. Only one process at a time has a DB open.
//! Doesn't: interpret offsets, groups or plans; the typed [`records`] and [`runs`] only encode and decode.
//!
//! ```text
//!  link, control, failover --Update--> queue --> writer thread: one batch, one flush --> the whole group resolves
//!  reads go to the DB directly, from any thread
//! ```

pub mod acls;
pub mod audit;
pub mod chunks;
mod disk;
pub mod documents;
pub mod dump;
pub(crate) mod envelope;
pub mod inspect;
pub mod intents;
mod json;
pub(crate) mod keys;
pub mod layout;
mod memory;
pub(crate) mod readers;
pub mod records;
pub mod runs;
pub mod snapshots;
pub mod starts;
pub(crate) mod store;
pub mod verifications;
mod writer;

#[cfg(test)]
pub(crate) mod testing;

pub use disk::{DiskStore, open, open_or_create};
pub use keys::PartitionKey;
pub use memory::MemoryStore;
pub use records::{GroupRecord, GroupSnapshot, LinkRecord, PartitionRecord, TopicRecord};
pub use runs::StoredRuns;
pub use store::{Entry, PendingCommit, Space, Store, Update};
