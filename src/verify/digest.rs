//! A record reduced to what is compared.
//!
//! Pure. The content hash is XXH3-128 over the bytes of key, value and headers as encoded in the record, so that lengths and
//! nulls count, while batching and compression don't. Timestamps are compared directly. This guards against damage and
//! mistakes, not against an attacker who can choose records.

use twox_hash::XxHash3_128;

use crate::kafka::batch::RecordRef;
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
}

/// A record as read from one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) place: RecordOrigin,
    pub(crate) digest: Digest,
}
