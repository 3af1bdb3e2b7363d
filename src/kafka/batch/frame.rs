//! A batch as stored in a log, and splitting one off fetched bytes.

use bytes::{BufMut, Bytes, BytesMut};

use super::header::{CRC_START, HEADER_LEN, LENGTH_END, MAGIC, MAGIC_AT};
use super::{BatchError, Header, Stamp, Stamped, crc};
use crate::model::LeaderEpoch;

/// A complete batch as stored in a log. Cloning it shares the bytes.
#[derive(Debug, Clone)]
pub struct Batch {
    header: Header,
    bytes: Bytes,
}

impl Batch {
    /// A stamped batch as it would be stored at `offset` in a log.
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

    /// An empty batch, as the log cleaner leaves one behind, that covers the offsets from `first` up to `until`, or as
    /// many of them as fit in one batch.
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

    /// The decoded header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The complete batch, header included.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The records as stored in the batch, compressed or not.
    pub(super) fn body(&self) -> Bytes {
        self.bytes.slice(HEADER_LEN..)
    }

    /// The first offset the batch covers.
    pub fn base_offset(&self) -> i64 {
        self.header.base_offset
    }

    /// The last offset the batch covers.
    pub fn last_offset(&self) -> i64 {
        self.header.base_offset + i64::from(self.header.last_offset_delta)
    }

    /// The offset after the batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset() + 1
    }

    /// Whether each of its offsets has a record, i.e. compaction left no holes.
    pub fn is_contiguous(&self) -> bool {
        i64::from(self.header.record_count) == i64::from(self.header.last_offset_delta) + 1
    }

    /// The size of the complete batch in bytes.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Compares the CRC in the header with that of the bytes. It doesn't cover base offset and leader epoch: brokers
    /// rewrite both.
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

    /// The same records under another identity, as a producer would send them: base offset 0, no leader epoch, neither
    /// transactional nor with a delete horizon. Codec and timestamp type stay the same.
    ///
    /// The body is not read: the new CRC is derived from the old one and the changes to the header, so it is valid
    /// exactly if the old one is. The caller has to know whether the batch may be sent at all (contiguous, not a
    /// control batch, not aborted).
    pub fn restamp(&self, stamp: Stamp) -> Stamped {
        let header = Header {
            base_offset: 0,
            leader_epoch: LeaderEpoch::UNKNOWN,
            attributes: self.header().attributes.without_log_state(),
            producer_id: stamp.producer_id,
            producer_epoch: stamp.producer_epoch,
            base_sequence: stamp.base_sequence,
            ..*self.header()
        };
        let (bytes, body) = (header.write(), self.body());
        let (original, changed) = (&self.bytes()[CRC_START..HEADER_LEN], &bytes[CRC_START..]);
        let crc = crc::changed_beginning(self.header().crc, original, changed, body.len());
        Stamped::put_together(&header, bytes, body, crc)
    }
}

/// Splits the first batch off; `None` if it is incomplete.
pub(super) fn split_first(rest: &mut Bytes) -> Result<Option<Batch>, BatchError> {
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

/// The size of the first batch in bytes, at least that of a header; `None` if there are too few bytes to determine it.
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
