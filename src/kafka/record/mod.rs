//! The record path: records one by one through librdkafka, which reads and writes them as any application would.
//!
//! Promises: what is read of a partition is what a `read_committed` consumer is shown, each record once and in order, with every
//! stretch that holds none proven on the wire where librdkafka alone leaves a doubt; what is written is committed only if each
//! record landed where it was predicted to, by one producer at a time.
//! Doesn't: know links, decide where to go on, or carry what librdkafka can't: such a record is refused, never changed.

mod client;
mod deliveries;
mod epochs;
mod gathering;
mod reader;
mod shard;
mod streams;

pub use reader::Reader;
pub use shard::Shard;
