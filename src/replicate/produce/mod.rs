//! Choice of the next batch to produce, and interpretation of its answer. Pure.

pub(crate) mod batcher;
pub(crate) mod queue;
pub(crate) mod window;
