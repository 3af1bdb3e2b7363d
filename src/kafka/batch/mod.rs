//! Record batches of message format v2: views, checks, re-stamping, decoding and building, all over bytes in memory.
//!
//! Promises: [`batches`], [`Batch::check_crc`] and [`Batch::restamp`] neither copy nor decompress a batch's body, and the last
//! doesn't even read it; decoding and encoding keep every byte of keys, values and headers (null and empty apart, duplicate
//! and non-UTF-8 header keys included); whatever the bytes are, the answer is a value or a [`BatchError`], within
//! [`DECOMPRESS_LIMIT`] of memory.
//! Doesn't: write the message formats v0 and v1 (it reads them as v2), decide which batch may be forwarded, or talk to anyone.

mod batches;
mod builder;
mod codec;
mod committed;
mod control;
mod crc;
mod decompress;
mod error;
mod frame;
mod header;
mod old;
mod record;
mod records;
mod snappy;
mod stamp;
mod varint;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use batches::{Batches, batches};
pub use builder::Builder;
pub use codec::Codec;
pub use committed::Committed;
pub use control::ControlKind;
pub use error::BatchError;
pub use frame::Batch;
pub use header::{Attributes, HEADER_LEN, Header};
pub use record::{KeyValue, Record, RecordRef};
pub use records::{DECOMPRESS_LIMIT, Iter, Records};
pub use stamp::{Stamp, Stamped};
