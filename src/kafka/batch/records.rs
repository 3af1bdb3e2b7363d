//! Decoding the records of a batch.

use bytes::Bytes;

use super::decompress::Failure;
use super::places::{Place, decompress};
use super::record::read_content;
use super::varint::{Checked, Fields};
use super::{Batch, BatchError, Header, RecordRef, Stamped};

/// The maximum size in bytes of one batch's decompressed records. A batch that is forwarded as it is isn't decompressed.
pub const DECOMPRESS_LIMIT: usize = 64 << 20;

/// The size of the smallest record: one byte each for length, attributes, two deltas, key, value and header count.
const MIN_RECORD_LEN: usize = 7;

impl Batch {
    /// Decompresses the batch's records to at most [`DECOMPRESS_LIMIT`] bytes. Each record is checked when the
    /// iteration reaches it.
    pub fn records(&self) -> Result<Records, BatchError> {
        self.records_within(DECOMPRESS_LIMIT)
    }

    pub(super) fn records_within(&self, limit: usize) -> Result<Records, BatchError> {
        Records::of(*self.header(), self.body(), limit)
    }
}

impl Stamped {
    /// Decodes the batch's records at offsets from 0; otherwise like [`Batch::records`].
    pub fn records(&self) -> Result<Records, BatchError> {
        Records::of(self.fields(), self.body.clone(), DECOMPRESS_LIMIT)
    }
}

/// The records of one batch, decompressed.
#[derive(Debug)]
pub struct Records {
    header: Header,
    count: usize,
    plain: Bytes,
    _place: Option<Place>,
}

impl Records {
    fn of(header: Header, body: Bytes, limit: usize) -> Result<Self, BatchError> {
        let offset = header.base_offset;
        let codec = header.attributes.codec()?;
        let (plain, place) = decompress(codec, body, limit).map_err(|failure| match failure {
            Failure::TooLarge => BatchError::TooLarge { offset, limit },
            Failure::Broken(source) => BatchError::Decompress {
                offset,
                codec,
                source,
            },
        })?;
        let count = usize::try_from(header.record_count)
            .ok()
            .filter(|&count| count <= plain.len() / MIN_RECORD_LEN)
            .ok_or_else(|| header.malformed("it is too small for its record count"))?;
        Ok(Self {
            header,
            count,
            plain,
            _place: place,
        })
    }

    /// Iterates over the records in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            header: &self.header,
            fields: Fields(&self.plain),
            left: self.count,
            last_delta: -1,
        }
    }
}

impl<'a> IntoIterator for &'a Records {
    type Item = Result<RecordRef<'a>, BatchError>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Iterator over records; ends after an error. Bytes after the last record are an error, too.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    header: &'a Header,
    fields: Fields<'a>,
    left: usize,
    last_delta: i64,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Result<RecordRef<'a>, BatchError>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = if self.left > 0 {
            self.left -= 1;
            self.read()
        } else if self.fields.0.is_empty() {
            return None;
        } else {
            Err("bytes follow its last record")
        };
        Some(read.map_err(|what| {
            self.left = 0;
            self.fields = Fields(&[]);
            self.header.malformed(what)
        }))
    }
}

impl<'a> Iter<'a> {
    fn read(&mut self) -> Checked<RecordRef<'a>> {
        let length = self.fields.length()?;
        let mut record = Fields(self.fields.bytes(length)?);
        let _unused_attributes = record.byte()?;
        let timestamp_delta = record.varint()?;
        let offset_delta = record.varint()?;
        if offset_delta <= self.last_delta {
            return Err("its records' offsets do not increase");
        }
        if offset_delta > i64::from(self.header.last_offset_delta) {
            return Err("a record's offset is beyond its last offset");
        }
        self.last_delta = offset_delta;
        let content = record.0;
        read_content(content, |_, _| ())?;
        Ok(RecordRef {
            offset: self.header.base_offset + offset_delta,
            timestamp: if self.header.attributes.is_log_append_time() {
                self.header.max_timestamp
            } else {
                self.header.base_timestamp.wrapping_add(timestamp_delta)
            },
            content,
        })
    }
}
