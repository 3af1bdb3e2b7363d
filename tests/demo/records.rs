//! The records written by the demo: sizes from nothing to several kilobytes, with and without keys, values and headers.

use std::sync::Arc;

use crate::support::write::Record;

/// The size of the text from which values are cut; large enough that compression doesn't find whole values again.
const TEXT_BYTES: usize = 4 << 20;
const WORDS: [&str; 16] = [
    "amber", "bridge", "canal", "delta", "ember", "fjord", "granite", "harbour", "island",
    "juniper", "kestrel", "lantern", "meadow", "north", "orchard", "pier",
];

/// The kind of keys in a topic.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keys {
    /// Mostly unique keys, and sometimes none.
    Fresh,
    /// This many keys, used repeatedly, with an occasional tombstone.
    Recurring(u32),
}

/// Generates records without end. The same seed generates the same records.
#[derive(Debug, Clone)]
pub(crate) struct Forge {
    rng: fastrand::Rng,
    text: Arc<[u8]>,
    keys: Keys,
    partitions: i32,
    number: u64,
    now: i64,
}

impl Forge {
    /// Creates a generator for a topic; timestamps vary around now.
    pub(crate) fn new(seed: u64, partitions: i32, keys: Keys) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut text = Vec::with_capacity(TEXT_BYTES + 16);
        while text.len() < TEXT_BYTES {
            text.extend_from_slice(WORDS[rng.usize(..WORDS.len())].as_bytes());
            text.push(b' ');
        }
        Self {
            rng,
            text: text.into(),
            keys,
            partitions,
            number: 0,
            now: jiff::Timestamp::now().as_millisecond(),
        }
    }

    fn key(&mut self) -> Option<String> {
        match self.keys {
            Keys::Fresh => (self.rng.u8(..) > 8).then(|| format!("key-{}", self.number)),
            Keys::Recurring(count) => Some(format!("key-{}", self.rng.u32(..count))),
        }
    }

    fn value(&mut self) -> Option<Vec<u8>> {
        let length = match self.rng.u8(..100) {
            0..2 => return matches!(self.keys, Keys::Fresh).then(Vec::new),
            2..70 => self.rng.usize(20..400),
            70..95 => self.rng.usize(400..1_500),
            _ => self.rng.usize(1_500..8_000),
        };
        let start = self.rng.usize(..TEXT_BYTES - length);
        let mut value = self.number.to_string().into_bytes();
        value.push(b' ');
        value.extend_from_slice(&self.text[start..start + length]);
        Some(value)
    }

    fn headers(&mut self) -> Vec<(String, Option<Vec<u8>>)> {
        let count = self.rng.u8(..8).saturating_sub(5);
        (0..count)
            .map(|header| {
                let content = self.rng.bool().then(|| vec![self.rng.u8(..); 12]);
                (format!("header{header}"), content)
            })
            .collect()
    }
}

impl Iterator for Forge {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        self.number += 1;
        let key = self.key().map(String::into_bytes);
        // A key always goes to the same partition, as with any partitioner.
        let partition = match (&key, self.keys) {
            (Some(key), Keys::Recurring(_)) => i32::from(key[key.len() - 1]) % self.partitions,
            _ => self.rng.i32(0..self.partitions),
        };
        Some(Record {
            partition,
            key,
            value: self.value(),
            headers: self.headers(),
            timestamp: Some(self.now + self.rng.i64(-5_000..5_000)),
        })
    }
}
