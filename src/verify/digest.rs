//! A record reduced to what is compared.
//!
//! Pure. The content hash is XXH3 of 128 bits over the bytes of key, value and headers as they stand in the record, so that
//! lengths and nulls count, and neither batching nor compression does. Times are compared as they are. Against damage and
//! mistakes, not against an attacker who may choose records.

use twox_hash::XxHash3_128;

use crate::kafka::batch::RecordRef;
use crate::model::SourceOffset;

/// What is known of a record's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    /// It plays no part: the topic isn't compacted.
    Irrelevant,
    /// There is none; the log cleaner removes such records.
    None,
    /// Its hash, and whether the value is null: the log cleaner removes tombstones after a while.
    Of { hash: u128, tombstone: bool },
}

/// One record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest {
    /// Its offset on its own side.
    pub(crate) offset: i64,
    /// Its timestamp in milliseconds.
    pub(crate) timestamp: i64,
    /// The hash of key, value and headers.
    pub(crate) content: u128,
    /// Its key.
    pub(crate) key: Key,
}

impl Digest {
    /// Reduces a record; keys are looked at on compacted topics only.
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

/// The hash of a record's content, see [`RecordRef::content`].
pub(crate) fn content_hash(content: &[u8]) -> u128 {
    XxHash3_128::oneshot(content)
}

fn key_of(record: &RecordRef<'_>) -> Key {
    // The content was checked when the record was read, so that there is no error to give.
    let (key, value) = record.fields(|_, _| ()).unwrap_or_default();
    key.map_or(Key::None, |key| Key::Of {
        hash: XxHash3_128::oneshot(key),
        tombstone: value.is_none(),
    })
}

/// What a record's place says about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It stands for this source offset; on the source that is its own.
    At(SourceOffset),
    /// It has no image on the other side, for a reason that is on record.
    LeftOut,
    /// It has none, and whether there was a reason is no longer known.
    Forgotten,
    /// It has none, for no reason.
    Stray,
    /// Nothing from its offset on to the next record can be read; this is the source offset it stands for.
    Unreadable(SourceOffset),
}

/// A record as it comes from one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) place: Place,
    pub(crate) digest: Digest,
}
