//! Fetching and producing complete batches, on the raw path or the record path.

pub(crate) mod append_place;
pub(crate) mod appender;
pub(crate) mod fetch_session;
pub(crate) mod fetcher;
pub(crate) mod path;
pub(crate) mod requests;
