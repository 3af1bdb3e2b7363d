//! Batches and markers of partitions in preserve mode, where target offsets equal source offsets.

pub(crate) mod batcher;
pub(crate) mod filler;
pub(crate) mod markers;
