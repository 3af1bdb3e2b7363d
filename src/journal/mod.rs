//! The journal: a copy of a link's checkpoint DB entries in a compacted topic on the target, and the lease in it.
//!
//! Promises: an update that something depends on counts as durable once it is in the DB and in the journal; a lost, damaged
//! or outdated DB is restored from the journal before anything else runs; only one process at a time owns a link.
//! Doesn't: interpret entries, or run the link's loops; the holder of the [`Tenure`] does.
//!
//! ```text
//!  commit --> DB (sled)
//!        \--> queue (newest value per key) --> writer: one batch at a time, entries + head --> __farshore.<link>
//! ```
//!
//! Keys and values are those of the DB. Each batch ends with the *head*: the link's owner, its term, and the revision up to
//! which the journal goes. A batch's producer epoch is its term, so a broker that has seen a later term rejects an earlier
//! one.

pub(super) mod acquire;
mod contents;
mod lease;
mod queue;
mod recover;
mod store;
mod topic;
mod writer;

#[cfg(test)]
mod testing;

use std::time::Duration;

pub use acquire::{JournalSettings, LeaseStatus, Restored, Tell, Tenure};
pub use contents::Contents;
pub use lease::{Head, Owner, Revision};
pub use recover::{contents, rebuild};
pub use store::JournaledStore;
pub use topic::Topic;

pub(super) use queue::JournalQueue;

use crate::checkpoint::store::{Store, Update};
use crate::error::Result;
use crate::model::LinkName;

/// Makes the update that converts all of a link's layout-1 values to the current layout.
pub type Renew = fn(&dyn Store, &LinkName) -> Result<Update>;

/// How long an owner may write after sending the last batch that was acknowledged.
pub const LEASE: Duration = Duration::from_secs(8);
/// How often an owner renews its lease.
const BEAT: Duration = Duration::from_secs(2);
/// A generous upper bound on how far clocks drift apart over a lease.
const MARGIN: Duration = Duration::from_secs(1);
