//! A record reduced to what is compared.
//!
//! Pure. The content hash is XXH3-128 over the bytes of key, value and headers as encoded in the record, so that lengths and
//! nulls count, while batching and compression don't. Timestamps are compared directly. This guards against damage and
//! mistakes, not against an attacker who can choose records.

use twox_hash::XxHash3_128;

use crate::kafka::batch::{Batch, HEADER_LEN, RecordRef};
use crate::model::SourceOffset;

/// What a comparison needs of a record's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// Not needed: the topic isn't compacted.
    Irrelevant,
    /// The record has no key; the log cleaner removes such records.
    None,
    /// The key's hash, and whether the value is null: the log cleaner removes tombstones after a while.
    Of { hash: u128, tombstone: bool },
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest {
    /// The offset on the record's own side.
    pub(crate) offset: i64,
    /// In milliseconds.
    pub(crate) timestamp: i64,
    /// The hash of key, value and headers.
    pub(crate) content: u128,
    pub(crate) key: Key,
}

impl Digest {
    /// Reduces a record; keys are considered only if the topic `compacts`.
    pub(crate) fn of(record: &RecordRef<'_>, compacts: bool) -> Self {
        let key = if compacts {
            key_of(record)
        } else {
            Key::Irrelevant
        };
        Self {
            offset: record.offset,
            timestamp: record.timestamp,
            content: content_hash(record.content),
            key,
        }
    }
}

impl Digest {
    /// A whole batch reduced to the digest of its compressed records. Equal digests imply equal records; the reverse
    /// doesn't hold, because the same records can be compressed differently.
    pub(crate) fn of_batch(batch: &Batch, offset: i64) -> Self {
        let header = batch.header();
        let records = XxHash3_128::oneshot(&batch.bytes()[HEADER_LEN..]);
        let mut content = [0; 42];
        content[..16].copy_from_slice(&records.to_be_bytes());
        content[16..18].copy_from_slice(&header.attributes.of_records().0.to_be_bytes());
        content[18..22].copy_from_slice(&header.record_count.to_be_bytes());
        content[22..26].copy_from_slice(&header.last_offset_delta.to_be_bytes());
        content[26..34].copy_from_slice(&header.max_timestamp.to_be_bytes());
        // Where the range begins within the batch.
        content[34..].copy_from_slice(&(offset - header.base_offset).to_be_bytes());
        Self {
            offset,
            timestamp: header.base_timestamp,
            content: XxHash3_128::oneshot(&content),
            key: Key::Irrelevant,
        }
    }
}

/// The hash of a record's content; see [`RecordRef::content`].
pub(crate) fn content_hash(content: &[u8]) -> u128 {
    XxHash3_128::oneshot(content)
}

fn key_of(record: &RecordRef<'_>) -> Key {
    // The content was checked when the record was read, so this can't fail.
    let (key, value) = record.fields(|_, _| ()).unwrap_or_default();
    key.map_or(Key::None, |key| Key::Of {
        hash: XxHash3_128::oneshot(key),
        tombstone: value.is_none(),
    })
}

/// What a record's offset says about its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordOrigin {
    /// Corresponds to this source offset; on the source, that is its own.
    At(SourceOffset),
    /// Has no image on the other side, for a recorded reason.
    LeftOut,
    /// Has no image, and a reason may have been forgotten.
    Forgotten,
    /// Has no image, for no reason.
    Stray,
    /// Nothing from this record's offset to the next record can be read; it corresponds to this source offset.
    Unreadable(SourceOffset),
    /// A batch too large to be decompressed, compared as a whole; it corresponds to the source offsets from `at` up to
    /// `until`.
    Whole {
        at: SourceOffset,
        until: SourceOffset,
    },
}

/// A record as read from one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) place: RecordOrigin,
    pub(crate) digest: Digest,
}
