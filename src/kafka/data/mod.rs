//! Fetching and producing of whole batches, on either path.

pub(crate) mod fetch_session;
pub(crate) mod fetcher;
pub(crate) mod path;
pub(crate) mod requests;
