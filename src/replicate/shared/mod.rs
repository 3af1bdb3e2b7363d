//! State that the worker writes and other parts read: maps, states and figures of a link.

pub(crate) mod held;
pub(crate) mod inventory;
pub(crate) mod lag_time;
pub(crate) mod link;
pub(crate) mod partition;
pub(crate) mod progress;
pub(crate) mod resolve_request;
pub(crate) mod saving;
pub(crate) mod snapshot;
pub(crate) mod source_ends;
pub(crate) mod source_writers;
pub(crate) mod status;
pub(crate) mod translate;
pub(crate) mod unmirrored;
pub(crate) mod unread;
