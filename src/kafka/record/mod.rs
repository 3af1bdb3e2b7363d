//! The record path: individual records through librdkafka, which reads and writes them like any application.
//!
//! Promises: what is read of a partition is what a `read_committed` consumer sees, each record once and in order, and
//! every stretch without records is proven on the wire where librdkafka alone leaves a doubt; what is written is
//! committed only if each record landed at its predicted offset, by one producer at a time.
//! Doesn't: know about links, decide where to resume, or carry what librdkafka can't: such a record is refused, never
//! changed.

mod client;
mod deliveries;
mod epochs;
mod gathering;
mod reader;
mod security;
mod shard;
mod streams;
mod token_supply;

pub use reader::RecordReader;
pub use shard::Shard;
