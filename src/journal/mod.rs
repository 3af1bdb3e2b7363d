//! The journal: a copy of a link's entries of the checkpoint DB in a compacted topic on the target, and the lease in it.
//!
//! Promises: an update that something depends on counts as durable when it is in the DB and in the journal; a lost, damaged
//! or outdated DB is made whole from the journal before anything else works; one process at a time owns a link.
//! Doesn't: know what an entry means, or lead the link's loops; who holds the [`Tenure`] does.
//!
//! ```text
//!  commit --> DB (sled)
//!        \--> line (newest value per key) --> writer: one batch at a time, entries + head --> __farshore.<link>
//! ```
//!
//! Keys and values are those of the DB. Each batch ends with the *head*: who owns the link, in which term, and up to which
//! revision the journal goes. The producer epoch of a batch is its term, so a broker that saw a later term refuses an earlier one.

pub(super) mod acquire;
mod contents;
mod lease;
mod queue;
mod recover;
mod store;
mod topic;
mod writer;

use std::time::Duration;

pub use acquire::{JournalSettings, Restored, Standing, Tell, Tenure};
pub use contents::Contents;
pub use lease::{Head, Owner, Revision};
pub use recover::{contents, rebuild};
pub use store::JournaledStore;
pub use topic::Topic;

pub(super) use queue::Line;

use crate::checkpoint::store::{Store, Update};
use crate::error::Result;
use crate::model::LinkName;

/// Makes the update that converts all of a link's layout-1 values to the present layout.
pub type Renew = fn(&dyn Store, &LinkName) -> Result<Update>;

/// How long an owner may write after it sent the last batch that was acknowledged.
pub const LEASE: Duration = Duration::from_secs(8);
/// How often an owner renews its lease.
const BEAT: Duration = Duration::from_secs(2);
/// What clocks may differ in over a lease, and more.
const MARGIN: Duration = Duration::from_secs(1);
