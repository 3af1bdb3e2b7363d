//! Choice and size of fetches, and the records in them that are mirrored. Pure.

pub(crate) mod budget;
pub(crate) mod buffer;
pub(crate) mod connections;
pub(crate) mod damage;
pub(crate) mod eligibility;
pub(crate) mod queue;
pub(crate) mod rate_limit;
pub(crate) mod request_size;
pub(crate) mod sequence;
