//! The contents of a site, record by record, as seen by an independent reader: small enough to outlive the site.

use std::collections::BTreeMap;
use std::fmt;

use futures_util::{StreamExt, stream};
use sha2::{Digest, Sha256};

use crate::support::groups::TopicPartition;
use crate::support::read::{Isolation, Partition, Records, Seen};
use crate::support::wait::blocking;

/// The number of concurrent readers.
const READERS: usize = 3;

/// A record's key, value, headers and timestamp, in 16 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint([u8; 16]);

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Fingerprint {
    /// Everything in a record except for its offset. Each part is preceded by its length, so that parts can't run into each
    /// other.
    pub(crate) fn of(record: &Seen) -> Self {
        let mut hash = Sha256::new();
        let mut part = |bytes: Option<&[u8]>| {
            let length = bytes.map_or(-1, |bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX));
            hash.update(length.to_be_bytes());
            hash.update(bytes.unwrap_or_default());
        };
        part(record.key.as_deref());
        part(record.value.as_deref());
        for (key, value) in &record.headers {
            part(Some(key.as_bytes()));
            part(value.as_deref());
        }
        hash.update(record.timestamp.unwrap_or(-1).to_be_bytes());
        let mut fingerprint = [0; 16];
        fingerprint.copy_from_slice(&hash.finalize()[..16]);
        Self(fingerprint)
    }
}

/// A record in a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) offset: i64,
    pub(crate) fingerprint: Fingerprint,
}

/// Every record of some partitions, in order.
pub(crate) type Ledger = BTreeMap<TopicPartition, Vec<Entry>>;

/// Reads partitions from their first record to their current last one.
pub(crate) async fn read(
    bootstrap: &str,
    partitions: impl Iterator<Item = TopicPartition>,
    isolation: Isolation,
) -> Ledger {
    let readers = partitions.map(|(topic, number)| {
        let partition = Partition::new(bootstrap, &topic, number);
        blocking(move || {
            let records = Records::open(&partition, isolation);
            let entry = |seen: Seen| Entry {
                offset: seen.offset,
                fingerprint: Fingerprint::of(&seen),
            };
            ((topic, number), records.map(entry).collect())
        })
    });
    stream::iter(readers)
        .buffer_unordered(READERS)
        .collect()
        .await
}

/// The first difference between two sequences of records, in words.
pub(crate) fn difference(
    expected: &[Entry],
    found: impl ExactSizeIterator<Item = Fingerprint>,
) -> Option<String> {
    let found_count = found.len();
    let unequal = expected
        .iter()
        .zip(found)
        .position(|(expected, found)| expected.fingerprint != found);
    match unequal {
        Some(index) => Some(format!(
            "record {index}, offset {} on the source, differs",
            expected[index].offset
        )),
        None if found_count != expected.len() => Some(format!(
            "{found_count} records instead of {}",
            expected.len()
        )),
        None => None,
    }
}
