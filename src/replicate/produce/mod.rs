//! Which batch is produced next, and what its answer means. Pure.

pub(crate) mod batcher;
pub(crate) mod queue;
pub(crate) mod response_order;
pub(crate) mod window;
