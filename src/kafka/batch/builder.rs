//! Building batches record by record.

use bytes::{BufMut, BytesMut};

use super::header::{HEADER_LEN, LENGTH_END, MAGIC};
use super::record::put_content;
use super::varint::{put_length, put_varint, varint_len};
use super::{Attributes, Batch, BatchError, Codec, Header, Record, Stamp, Stamped};
use crate::model::{LeaderEpoch, ProducerId};

/// The stamp of a batch without a producer id.
const NOBODY: Stamp = Stamp {
    producer_id: ProducerId(-1),
    producer_epoch: -1,
    base_sequence: -1,
};

/// Collects records with create times into one batch, at offsets 0, 1, 2, … unless some are left out.
#[derive(Debug)]
pub struct Builder {
    codec: Codec,
    plain: BytesMut,
    scratch: Vec<u8>,
    base_timestamp: i64,
    max_timestamp: i64,
    count: usize,
    next_delta: i64,
}

/// A place in a batch being built.
#[derive(Debug, Clone, Copy)]
pub struct BuilderMark {
    size: usize,
    base_timestamp: i64,
    max_timestamp: i64,
    count: usize,
    next_delta: i64,
}

impl BuilderMark {
    /// Whether no record precedes it.
    pub fn is_empty(self) -> bool {
        self.count == 0
    }
}

impl Builder {
    /// Creates a builder for one batch.
    pub fn new(codec: Codec) -> Self {
        Self {
            codec,
            plain: BytesMut::new(),
            scratch: Vec::new(),
            base_timestamp: 0,
            max_timestamp: i64::MIN,
            count: 0,
            next_delta: 0,
        }
    }

    /// Adds a record, given its timestamp in milliseconds and the content of a [`RecordRef`](super::RecordRef), which
    /// is copied unchanged. The first record's timestamp becomes the base timestamp.
    pub fn push(&mut self, timestamp: i64, content: &[u8]) {
        if self.count == 0 {
            self.base_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        let timestamp_delta = timestamp.wrapping_sub(self.base_timestamp);
        let offset_delta = self.next_delta;
        let attributes = 0_u8;
        let length = size_of_val(&attributes)
            + varint_len(timestamp_delta)
            + varint_len(offset_delta)
            + content.len();
        put_length(&mut self.plain, length);
        self.plain.put_u8(attributes);
        put_varint(&mut self.plain, timestamp_delta);
        put_varint(&mut self.plain, offset_delta);
        self.plain.put_slice(content);
        self.count += 1;
        self.next_delta += 1;
    }

    /// Adds a record; its offset is ignored.
    pub fn push_record(&mut self, record: &Record) {
        let headers = record.headers.iter();
        let headers = headers.map(|(key, value)| (&key[..], value.as_deref()));
        self.push_fields(
            record.timestamp,
            record.key.as_deref(),
            record.value.as_deref(),
            headers,
        );
    }

    /// Adds a record by its fields, headers in order.
    pub fn push_fields<'a>(
        &mut self,
        timestamp: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl ExactSizeIterator<Item = (&'a [u8], Option<&'a [u8]>)>,
    ) {
        let mut content = std::mem::take(&mut self.scratch);
        content.clear();
        put_content(&mut content, key, value, headers);
        self.push(timestamp, &content);
        self.scratch = content;
    }

    /// Leaves a hole of `offsets` offsets before the next record, as compaction would.
    pub fn leave_out(&mut self, offsets: i64) {
        self.next_delta += offsets;
    }

    /// The place reached so far, for [`rewind`](Self::rewind).
    pub fn mark(&self) -> BuilderMark {
        BuilderMark {
            size: self.plain.len(),
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            count: self.count,
            next_delta: self.next_delta,
        }
    }

    /// Takes back everything added since `mark`.
    pub fn rewind(&mut self, mark: BuilderMark) {
        self.plain.truncate(mark.size);
        self.base_timestamp = mark.base_timestamp;
        self.max_timestamp = mark.max_timestamp;
        self.count = mark.count;
        self.next_delta = mark.next_delta;
    }

    /// The size of the records so far in bytes, before compression and without the header.
    pub fn plain_size(&self) -> usize {
        self.plain.len()
    }

    /// The number of records so far.
    pub fn record_count(&self) -> usize {
        self.count
    }

    /// Compresses the records and writes the header. Errors: a batch without records, or one larger than 2 GiB.
    pub fn finish(self, stamp: Stamp) -> Result<Stamped, BatchError> {
        if self.count == 0 {
            return Err(BatchError::Unbuildable("it has no records"));
        }
        let too_large = |_| BatchError::Unbuildable("it is larger than 2 GiB");
        let codec = self.codec;
        let record_count = i32::try_from(self.count).map_err(too_large)?;
        i32::try_from(self.plain.len()).map_err(too_large)?;
        let body = codec
            .compress(self.plain.freeze())
            .map_err(|source| BatchError::Compress { codec, source })?;
        let length = i32::try_from(HEADER_LEN - LENGTH_END + body.len()).map_err(too_large)?;
        let header = Header {
            base_offset: 0,
            length,
            leader_epoch: LeaderEpoch::UNKNOWN,
            magic: MAGIC,
            crc: 0,
            attributes: Attributes::of(codec),
            last_offset_delta: i32::try_from(self.next_delta - 1).map_err(too_large)?,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: stamp.producer_id,
            producer_epoch: stamp.producer_epoch,
            base_sequence: stamp.base_sequence,
            record_count,
        };
        Ok(Stamped::seal(&header, body))
    }

    /// The batch as it would be stored at `offset` in a log, written in `epoch` without a producer id.
    pub fn finish_at(self, offset: i64, epoch: LeaderEpoch) -> Result<Batch, BatchError> {
        let stamped = self.finish(NOBODY)?;
        Batch::in_log(offset, epoch, &stamped)
    }
}
