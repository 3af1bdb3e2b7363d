//! Resync: finds the position of a partition from both logs.

pub(crate) mod adopted;
pub(crate) mod compare;
pub(crate) mod decision;
pub(crate) mod divergence;
pub(crate) mod explain;
pub(crate) mod foreign_writes;
pub(crate) mod input;
pub(crate) mod judge;
pub(crate) mod position;
pub(crate) mod preserved;
pub(crate) mod reasons;
pub(crate) mod record_path_last;
pub(crate) mod record_path_tail;
pub(crate) mod rederive;
pub(crate) mod seen_end;
pub(crate) mod target_log;
pub(crate) mod translated;
pub(crate) mod view;
