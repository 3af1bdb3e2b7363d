//! Batches in the form a produce request takes.

use bytes::Bytes;

use super::header::{CRC_AT, CRC_START};
use super::{HEADER_LEN, Header};
use crate::model::ProducerId;

/// The identity under which a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    pub producer_id: ProducerId,
    pub producer_epoch: i16,
    /// Sequence number of the first record.
    pub base_sequence: i32,
}

/// A batch ready for a produce request, in two segments so that a forwarded body is never copied.
#[derive(Debug, Clone)]
pub struct Stamped {
    pub header: [u8; HEADER_LEN],
    pub body: Bytes,
    /// The CRC in the header, which the target keeps.
    pub crc: u32,
    pub record_count: i32,
    /// The largest timestamp of its records in milliseconds.
    pub max_timestamp: i64,
}

impl Stamped {
    /// The size of both segments in bytes.
    pub fn size(&self) -> usize {
        HEADER_LEN + self.body.len()
    }

    /// Decodes the header.
    pub fn fields(&self) -> Header {
        Header::read(&self.header)
    }

    /// Encodes the header with a CRC computed over header and body.
    pub(super) fn seal(header: &Header, body: Bytes) -> Self {
        let bytes = header.write();
        let crc = crc32c::crc32c_append(crc32c::crc32c(&bytes[CRC_START..]), &body);
        Self::put_together(header, bytes, body, crc)
    }

    /// Joins an encoded header and a body with a CRC that is already known.
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
