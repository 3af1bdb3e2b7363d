//! Batches as they go into a produce request.

use bytes::Bytes;

use super::header::{CRC_AT, CRC_START};
use super::{HEADER_LEN, Header};
use crate::model::ProducerId;

/// Under which identity a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// The producer id.
    pub producer_id: ProducerId,
    /// The producer's epoch.
    pub producer_epoch: i16,
    /// Sequence number of the first record.
    pub base_sequence: i32,
}

/// A batch ready for a produce request, in two segments so that a forwarded body is never copied.
#[derive(Debug, Clone)]
pub struct Stamped {
    /// The header as it is to be sent.
    pub header: [u8; HEADER_LEN],
    /// The records as they are to be sent.
    pub body: Bytes,
    /// The CRC in the header, which the target keeps.
    pub crc: u32,
    /// How many records it holds.
    pub record_count: i32,
    /// The largest timestamp of its records in milliseconds.
    pub max_timestamp: i64,
}

impl Stamped {
    /// The size of both segments in bytes.
    pub fn size(&self) -> usize {
        HEADER_LEN + self.body.len()
    }

    /// The header's fields.
    pub fn fields(&self) -> Header {
        Header::read(&self.header)
    }

    /// Writes the header and its CRC over header and body.
    pub(super) fn seal(header: &Header, body: Bytes) -> Self {
        let bytes = header.write();
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[CRC_START..]), &body);
        Self::put_together(header, bytes, body, crc)
    }

    /// Joins a header and a body under a CRC that is known already.
    pub(super) fn put_together(
        header: &Header,
        mut bytes: [u8; HEADER_LEN],
        body: Bytes,
        crc: u32,
    ) -> Self {
        bytes[CRC_AT..CRC_START].copy_from_slice(&crc.to_be_bytes());
        Self {
            header: bytes,
            body,
            crc,
            record_count: header.record_count,
            max_timestamp: header.max_timestamp,
        }
    }
}
