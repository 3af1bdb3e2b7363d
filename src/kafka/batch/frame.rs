//! Cutting fetched bytes into batches.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};

use super::header::{CRC_START, HEADER_LEN, LENGTH_END, MAGIC, MAGIC_AT};
use super::{BatchError, Header, Stamped, old};
use crate::model::LeaderEpoch;

/// One whole batch as it stands in the log. Cloning it shares the bytes.
#[derive(Debug, Clone)]
pub struct Batch {
    header: Header,
    bytes: Bytes,
}

impl Batch {
    /// A stamped batch as it would stand in a log at an offset.
    pub(super) fn in_log(
        offset: i64,
        epoch: LeaderEpoch,
        stamped: &Stamped,
    ) -> Result<Self, BatchError> {
        let header = Header {
            base_offset: offset,
            leader_epoch: epoch,
            ..stamped.fields()
        };
        header.check()?;
        let mut bytes = BytesMut::with_capacity(stamped.size());
        bytes.put_slice(&header.write());
        bytes.put_slice(&stamped.body);
        Ok(Self {
            header,
            bytes: bytes.freeze(),
        })
    }

    /// A batch of which no record is left, as the log cleaner leaves it, over offsets from `first` on; it says as many of them
    /// as one batch can.
    pub fn hollow(first: i64, until: i64, epoch: LeaderEpoch) -> Self {
        let header = Header::hollow(first, until, epoch);
        let stamped = Stamped::seal(&header, Bytes::new());
        let header = Header {
            crc: stamped.crc,
            ..header
        };
        let bytes = Bytes::copy_from_slice(&header.write());
        Self { header, bytes }
    }

    /// The header's fields.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The whole batch, header included.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The records as they stand in the batch, compressed or not.
    pub(super) fn body(&self) -> Bytes {
        self.bytes.slice(HEADER_LEN..)
    }

    /// The first offset the batch stands for.
    pub fn base_offset(&self) -> i64 {
        self.header.base_offset
    }

    /// The last offset the batch stands for.
    pub fn last_offset(&self) -> i64 {
        self.header.base_offset + i64::from(self.header.last_offset_delta)
    }

    /// The offset behind the batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset() + 1
    }

    /// Whether each of its offsets has its record: compaction made no holes.
    pub fn is_contiguous(&self) -> bool {
        i64::from(self.header.record_count) == i64::from(self.header.last_offset_delta) + 1
    }

    /// The size of the whole batch in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Compares the CRC in the header with that of the bytes.
    /// Base offset and leader epoch are outside it: brokers rewrite both.
    pub fn check_crc(&self) -> Result<(), BatchError> {
        let computed = crc32c::crc32c(&self.bytes[CRC_START..]);
        if computed == self.header.crc {
            return Ok(());
        }
        Err(BatchError::Crc {
            offset: self.header.base_offset,
            stored: self.header.crc,
            computed,
        })
    }
}

/// Cuts the records field of a fetch response (or the bytes of a log segment) into batches. Messages of the formats v0 and
/// v1 are carried over into batches of v2.
///
/// Brokers cut responses at a number of bytes, so a partial batch at the end is not an error: it just ends the iteration.
pub fn batches(bytes: Bytes) -> Batches {
    Batches {
        carried_over: VecDeque::new(),
        rest: bytes,
    }
}

/// The batches in a stretch of log, in their order; ends after an error.
#[derive(Debug)]
pub struct Batches {
    /// What old messages became.
    carried_over: VecDeque<Batch>,
    rest: Bytes,
}

impl Batches {
    fn advance(&mut self) -> Result<Option<Batch>, BatchError> {
        if self.carried_over.is_empty() && old::is_old(&self.rest) {
            self.carried_over = old::split_first(&mut self.rest)?.unwrap_or_default();
        } else if self.carried_over.is_empty() {
            return split_first(&mut self.rest);
        }
        Ok(self.carried_over.pop_front())
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose().inspect(|result| {
            if result.is_err() {
                self.rest.clear();
            }
        })
    }
}

fn split_first(rest: &mut Bytes) -> Result<Option<Batch>, BatchError> {
    let Some(size) = first_size(rest)? else {
        return Ok(None);
    };
    if rest.len() < size {
        return Ok(None);
    }
    let bytes = rest.split_to(size);
    let Some(header) = bytes.first_chunk() else {
        return Ok(None);
    };
    let header = Header::read(header);
    header.check()?;
    Ok(Some(Batch { header, bytes }))
}

/// The size of the first batch in bytes, at least that of a header; `None` if too little of it is there to tell.
fn first_size(rest: &[u8]) -> Result<Option<usize>, BatchError> {
    let (Some(offset), Some(length), Some(magic)) = (
        rest.first_chunk(),
        rest.get(8..).and_then(<[u8]>::first_chunk),
        rest.get(MAGIC_AT),
    ) else {
        return Ok(None);
    };
    let offset = i64::from_be_bytes(*offset);
    match magic.cast_signed() {
        MAGIC => {}
        magic => return Err(BatchError::UnknownFormat { magic, offset }),
    }
    usize::try_from(i32::from_be_bytes(*length))
        .map(|length| LENGTH_END + length)
        .ok()
        .filter(|&size| size >= HEADER_LEN)
        .map(Some)
        .ok_or(BatchError::Malformed {
            offset,
            what: "its length is less than a header's",
        })
}
