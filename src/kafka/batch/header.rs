//! The fixed header of a v2 batch.

use bytes::{Buf, BufMut};

use super::{BatchError, Codec};
use crate::model::{LeaderEpoch, ProducerId};

/// The size of a v2 batch header in bytes; the records follow.
pub const HEADER_LEN: usize = 61;
/// The bytes before those that [`Header::length`] counts: base offset and length itself.
pub(super) const LENGTH_END: usize = 12;
/// The position of the magic byte in every message format.
pub(super) const MAGIC_AT: usize = 16;
/// The position of the CRC; it covers everything after itself.
pub(super) const CRC_AT: usize = 17;
/// The first byte the CRC covers.
pub(super) const CRC_START: usize = 21;
/// The message format this module reads and writes.
pub(super) const MAGIC: i8 = 2;

/// The attribute bits of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Attributes(pub i16);

impl Attributes {
    const CODEC: i16 = 0b111;
    const LOG_APPEND_TIME: i16 = 1 << 3;
    const TRANSACTIONAL: i16 = 1 << 4;
    const CONTROL: i16 = 1 << 5;
    const DELETE_HORIZON: i16 = 1 << 6;

    /// The attributes of plain data with create times, as producers write them.
    pub fn of(codec: Codec) -> Self {
        Self(codec.number())
    }

    /// Returns the codec of the records.
    pub fn codec(self) -> Result<Codec, BatchError> {
        let number = self.0 & Self::CODEC;
        Codec::from_number(number).ok_or(BatchError::UnknownCodec(number))
    }

    /// Whether the records' timestamps are their append time rather than their create time.
    pub fn is_log_append_time(self) -> bool {
        self.has(Self::LOG_APPEND_TIME)
    }

    /// Whether the batch belongs to a transaction.
    pub fn is_transactional(self) -> bool {
        self.has(Self::TRANSACTIONAL)
    }

    /// Whether the batch holds a control marker instead of data.
    pub fn is_control(self) -> bool {
        self.has(Self::CONTROL)
    }

    /// Whether the log cleaner stores in the base timestamp the time after which tombstones may be removed.
    pub fn has_delete_horizon(self) -> bool {
        self.has(Self::DELETE_HORIZON)
    }

    /// The bits that say how to read the records: codec and timestamp type.
    #[must_use]
    pub fn of_records(self) -> Self {
        Self(self.0 & (Self::CODEC | Self::LOG_APPEND_TIME))
    }

    /// Clears the bits that concern only the log the batch was read from: transactional and delete horizon.
    pub(super) fn without_log_state(self) -> Self {
        Self(self.0 & !(Self::TRANSACTIONAL | Self::DELETE_HORIZON))
    }

    fn has(self, bit: i16) -> bool {
        self.0 & bit != 0
    }
}

/// The header's fields, in wire order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The offset of the first record, even if compaction has removed that record.
    pub base_offset: i64,
    /// Number of bytes after this field.
    pub length: i32,
    /// The leader epoch in which the batch was appended.
    pub leader_epoch: LeaderEpoch,
    /// The message format, always 2.
    pub magic: i8,
    /// CRC-32C of everything after it.
    pub crc: u32,
    /// Codec, timestamp type and batch type.
    pub attributes: Attributes,
    /// Distance from the base offset to the last offset the batch covers.
    pub last_offset_delta: i32,
    /// The base of the records' timestamp deltas, in milliseconds (or the delete horizon, if there is one).
    pub base_timestamp: i64,
    /// The largest timestamp of the records in milliseconds; with log append time, the timestamp of every record.
    pub max_timestamp: i64,
    /// The producer of the batch, -1 if it has no id.
    pub producer_id: ProducerId,
    /// -1 without a producer id.
    pub producer_epoch: i16,
    /// Sequence number of the first record, -1 without a producer id.
    pub base_sequence: i32,
    pub record_count: i32,
}

impl Header {
    pub(super) fn read(bytes: &[u8; HEADER_LEN]) -> Self {
        let mut bytes = bytes.as_slice();
        Self {
            base_offset: bytes.get_i64(),
            length: bytes.get_i32(),
            leader_epoch: LeaderEpoch(bytes.get_i32()),
            magic: bytes.get_i8(),
            crc: bytes.get_u32(),
            attributes: Attributes(bytes.get_i16()),
            last_offset_delta: bytes.get_i32(),
            base_timestamp: bytes.get_i64(),
            max_timestamp: bytes.get_i64(),
            producer_id: ProducerId(bytes.get_i64()),
            producer_epoch: bytes.get_i16(),
            base_sequence: bytes.get_i32(),
            record_count: bytes.get_i32(),
        }
    }

    /// The header of a batch without records that covers the offsets from `first` up to `until`, or as many of them as
    /// fit.
    pub(super) fn hollow(first: i64, until: i64, epoch: LeaderEpoch) -> Self {
        let count = until.saturating_sub(first).max(1);
        Self {
            base_offset: first,
            length: i32::try_from(HEADER_LEN - LENGTH_END).unwrap_or(i32::MAX),
            leader_epoch: epoch,
            magic: MAGIC,
            crc: 0,
            attributes: Attributes::of(Codec::None),
            last_offset_delta: i32::try_from(count - 1).unwrap_or(i32::MAX),
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: ProducerId(-1),
            producer_epoch: -1,
            base_sequence: -1,
            record_count: 0,
        }
    }

    /// Returns the timestamp of the first record, or if the header doesn't have it, the largest one of the batch.
    pub fn first_timestamp(&self) -> i64 {
        let attributes = self.attributes;
        if attributes.is_log_append_time() || attributes.has_delete_horizon() {
            self.max_timestamp
        } else {
            self.base_timestamp
        }
    }

    pub(super) fn write(&self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        let mut rest = &mut bytes[..];
        rest.put_i64(self.base_offset);
        rest.put_i32(self.length);
        rest.put_i32(self.leader_epoch.0);
        rest.put_i8(self.magic);
        rest.put_u32(self.crc);
        rest.put_i16(self.attributes.0);
        rest.put_i32(self.last_offset_delta);
        rest.put_i64(self.base_timestamp);
        rest.put_i64(self.max_timestamp);
        rest.put_i64(self.producer_id.0);
        rest.put_i16(self.producer_epoch);
        rest.put_i32(self.base_sequence);
        rest.put_i32(self.record_count);
        bytes
    }

    /// Rejects offsets and counts that would break arithmetic.
    pub(super) fn check(&self) -> Result<(), BatchError> {
        let what = if self.base_offset < 0 {
            "its base offset is negative"
        } else if self.last_offset_delta < 0 {
            "its last offset is before its base offset"
        } else if self.base_offset > i64::MAX - i64::from(self.last_offset_delta) - 1 {
            "its offsets do not fit 63 bits"
        } else if self.record_count < 0 {
            "its record count is negative"
        } else if i64::from(self.record_count) > i64::from(self.last_offset_delta) + 1 {
            "it has more records than offsets"
        } else {
            return Ok(());
        };
        Err(self.malformed(what))
    }

    pub(super) fn malformed(&self, what: &'static str) -> BatchError {
        BatchError::Malformed {
            offset: self.base_offset,
            what,
        }
    }
}
