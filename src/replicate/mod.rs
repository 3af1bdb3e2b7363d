//! Replication workers: they consume source partitions and produce them to the target.
//!
//! Promises: each source record from the start on appears in the mirror partition once, in order, bytes unchanged; after any
//! error or crash the position is read from the target's log, not from memory; a partition that could only resume by
//! guessing is halted, and no other. Doesn't: create topics, handle groups, or repair foreign writes.

pub(crate) mod fetch;
pub(crate) mod partition;
pub(crate) mod preserve;
pub(crate) mod produce;
pub(crate) mod resync;
pub(crate) mod shared;
pub(crate) mod worker;

#[cfg(test)]
pub(crate) mod testing;

pub(crate) use resync::explain::{Tail, check_tail};
pub use worker::context::{ReplicationLink, Settings};
pub(crate) use worker::quarantine::quarantine_topic;

pub(crate) use fetch::connections::connections_over;
pub use fetch::rate_limit::RateFigures;
pub(crate) use preserve::filler::EMPTY as FILLER_CONTENT;
pub use resync::decision::DecisionOutcome;
pub use shared::inventory::{Holdings, Inventory, PartitionHoldings};
pub use shared::resolve_request::ResolveRefused;
pub(crate) use shared::snapshot::{Decisions, VerificationSnapshot};
pub use shared::source_writers::OtherLinks;
pub(crate) use worker::context::{record_name, transactional_ids};

pub use shared::held::{OpenTransaction, TransactionLimit};
pub use shared::link::LinkView;
pub use shared::status::PartitionStatus;
pub use worker::run::run;
