//! Record batches of message format v2: views, checks, re-stamping, decoding and building, all on bytes in memory.
//!
//! Promises: [`batches()`], [`Batch::check_crc`] and [`Batch::restamp`] neither copy nor decompress a batch's body, and
//! `restamp` doesn't even read it; decoding and encoding preserve every byte of keys, values and headers (including the
//! difference between null and empty, duplicate header keys and non-UTF-8 ones); any input yields a value or a
//! [`BatchError`], with at most [`DECOMPRESS_LIMIT`] bytes of decompressed records.
//! Doesn't: write the message formats v0 and v1 (it reads them as v2), decide which batch may be forwarded, or do any
//! I/O.

mod batches;
mod builder;
mod codec;
mod committed;
mod control;
mod crc;
mod damage;
mod decompress;
mod error;
mod frame;
mod header;
mod old;
mod places;
mod record;
mod records;
mod snappy;
mod stamp;
mod varint;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use batches::{Batches, batches};
pub use builder::{Builder, BuilderMark};
pub use codec::Codec;
pub use committed::CommittedBatches;
pub use control::ControlKind;
pub use damage::{Damaged, examine, incomplete};
pub use error::BatchError;
pub use frame::Batch;
pub use header::{Attributes, HEADER_LEN, Header};
pub use record::{KeyValue, Record, RecordRef};
pub use records::{DECOMPRESS_LIMIT, Iter, Records};
pub use stamp::{Stamp, Stamped};
