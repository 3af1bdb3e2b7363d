//! Batches and markers of partitions whose target offsets equal their source offsets.

pub(crate) mod batcher;
pub(crate) mod filler;
pub(crate) mod markers;
