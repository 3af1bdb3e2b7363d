//! The worker of a link, one verb per file.

pub(crate) mod circle;
pub(crate) mod context;
pub(crate) mod decide;
pub(crate) mod event;
pub(crate) mod fetch;
pub(crate) mod first_records;
pub(crate) mod hidden;
pub(crate) mod inventory;
pub(crate) mod life;
pub(crate) mod log_starts;
pub(crate) mod markers;
pub(crate) mod produce;
pub(crate) mod quarantine;
pub(crate) mod receipt;
pub(crate) mod reseed;
pub(crate) mod resolve;
pub(crate) mod resync;
pub(crate) mod run;
pub(crate) mod schedule;
pub(crate) mod source_ends;
pub(crate) mod state;
pub(crate) mod storing;
pub(crate) mod take_in;
pub(crate) mod tombstones;
pub(crate) mod topics;
pub(crate) mod troubles;
