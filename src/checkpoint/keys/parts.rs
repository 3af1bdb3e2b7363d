//! Building and parsing of keys.

use crate::model::{Partition, TopicPartition};

/// A key being built.
#[derive(Debug, Default)]
pub(super) struct Key(pub(super) Vec<u8>);

impl Key {
    pub(super) fn name(mut self, name: &str) -> Self {
        let length = u16::try_from(name.len()).expect("Kafka's names are at most 32767 bytes long");
        self.0.extend(length.to_be_bytes());
        self.0.extend(name.as_bytes());
        self
    }

    pub(super) fn topic_partition(self, at: &TopicPartition) -> Self {
        self.name(at.topic.as_str()).partition(at.partition)
    }

    pub(super) fn partition(mut self, partition: Partition) -> Self {
        self.0.extend(partition.0.to_be_bytes());
        self
    }
}

/// A key being parsed from the front; methods return `None` if the next part doesn't have the requested form.
#[derive(Debug)]
pub(crate) struct Parts<'a>(pub(in crate::checkpoint) &'a [u8]);

impl<'a> Parts<'a> {
    pub(crate) fn of(key: &'a [u8]) -> Self {
        Self(key)
    }

    /// The parts after `prefix`.
    pub(crate) fn behind(prefix: &[u8], key: &'a [u8]) -> Option<Self> {
        key.strip_prefix(prefix).map(Self)
    }

    pub(crate) fn topic_partition(&mut self) -> Option<TopicPartition> {
        Some(TopicPartition {
            topic: self.name()?.into(),
            partition: self.partition()?,
        })
    }

    pub(crate) fn name(&mut self) -> Option<&'a str> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (name, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.0 = rest;
        std::str::from_utf8(name).ok()
    }

    pub(in crate::checkpoint) fn names_partition(&mut self) -> bool {
        self.name().is_some() && self.topic_partition().is_some()
    }

    pub(crate) fn partition(&mut self) -> Option<Partition> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(Partition(i32::from_be_bytes(*number)))
    }
}
