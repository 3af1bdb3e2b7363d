//! Replication workers: they consume source partitions and produce them to the target.
//!
//! Promises: each source record from the start on appears in the mirror partition once, in order, bytes unchanged; after
//! any error or crash the position is found in the target's log, not remembered; what would have to be guessed halts the
//! partition and no other. Doesn't: create topics, know groups, or repair what somebody else wrote.

mod adopted;
mod aligned;
mod allowance;
mod anew;
mod asking;
mod complaints;
mod context;
mod crowd;
mod deciding;
mod decision;
mod demand;
mod distance;
mod event;
mod filler;
mod filling;
mod following;
mod foreign;
mod going_on;
mod ground;
mod hold;
mod intake;
mod judging;
mod likeness;
mod log_starts;
mod mapped;
mod marking;
mod mirror;
mod outlet;
mod parting;
mod preserve;
mod progress;
mod quarantine;
mod rate;
mod ready;
mod reasons;
mod receipt;
mod rederive;
mod release;
mod resume;
mod settle;
mod settling;
mod shares;
mod shipment;
mod shown;
mod sides;
mod sieve;
mod storing;
mod stretch;
mod stride;
mod target_log;
mod tombstones;
mod tracked;
mod transacted;
mod translate;
mod turns;
mod view;
mod ways;
mod window;
mod worker;

pub use context::{Link, Settings};
pub(crate) use quarantine::quarantine_topic;
pub(crate) use resume::{Tail, check_tail};

pub use deciding::Outcome;
pub(crate) use distance::connections_over;
pub(crate) use filler::EMPTY as FILLER_CONTENT;
pub(crate) use ground::{Decisions, Ground};
pub use release::Unreleased;
pub use translate::{Translation, Untranslatable};
pub(crate) use ways::record_name;

pub use rate::RateFigures;
pub use view::{LinkView, PartitionStatus};
pub use worker::run;
