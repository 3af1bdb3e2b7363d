//! What is fetched next, how much of it, and what of it travels. Pure.

pub(crate) mod budget;
pub(crate) mod buffer;
pub(crate) mod connections;
pub(crate) mod eligibility;
pub(crate) mod queue;
pub(crate) mod rate_limit;
pub(crate) mod request_size;
