//! The receipt of a record that the target refuses in its mirror topic, or of a batch that can't be decoded, as the quarantine
//! topic holds it. Pure.

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::kafka::batch::Record;
use crate::model::{LinkName, SourceOffset, TopicPartition};

/// Where a refused record or undecodable batch comes from, and why it isn't mirrored.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) link: LinkName,
    pub(crate) partition: TopicPartition,
    pub(crate) offset: SourceOffset,
    /// Distinguishes topics that had the same name.
    pub(crate) topic_id: String,
    /// The target's error message.
    pub(crate) message: String,
}

const TOPIC: &str = "farshore.topic";
const PARTITION: &str = "farshore.partition";
const OFFSET: &str = "farshore.offset";
const TOPIC_ID: &str = "farshore.topic_id";

impl Origin {
    /// Returns the whole record with its origin in additional headers, timestamped `now` (milliseconds).
    pub(crate) fn whole(&self, record: &Record, now: i64) -> Record {
        let mut headers = record.headers.clone();
        headers.extend(self.headers(record));
        headers.push(header("farshore.content", "whole"));
        Record {
            offset: 0,
            timestamp: now,
            key: record.key.clone(),
            value: record.value.clone(),
            headers,
        }
    }

    /// Returns a record of the sizes and hashes, for when the target refuses the whole one too.
    pub(crate) fn digest(&self, record: &Record, now: i64) -> Record {
        let mut headers = self.headers(record);
        headers.push(header("farshore.content", "digest"));
        let parts = [("key", &record.key), ("value", &record.value)];
        for (name, bytes) in parts {
            if let Some(bytes) = bytes {
                headers.push(header(
                    &format!("farshore.{name}_bytes"),
                    &bytes.len().to_string(),
                ));
                headers.push(header(&format!("farshore.{name}_sha256"), &sha256(bytes)));
            }
        }
        let own = record.headers.len().to_string();
        headers.push(header("farshore.headers", &own));
        Record {
            offset: 0,
            timestamp: now,
            key: None,
            value: None,
            headers,
        }
    }

    /// Returns the bytes of a batch that can't be decoded, which ends before the source offset `until`.
    pub(crate) fn raw(&self, bytes: &Bytes, until: SourceOffset, now: i64) -> Record {
        self.raw_as("raw", Some(bytes.clone()), (bytes, until), now)
    }

    /// Returns a record of the size and the hash of such a batch.
    pub(crate) fn raw_digest(&self, bytes: &Bytes, until: SourceOffset, now: i64) -> Record {
        self.raw_as("digest", None, (bytes, until), now)
    }

    fn raw_as(
        &self,
        content: &str,
        value: Option<Bytes>,
        (bytes, until): (&Bytes, SourceOffset),
        now: i64,
    ) -> Record {
        let mut headers = Vec::from(self.place());
        headers.extend([
            header("farshore.link", self.link.as_str()),
            header("farshore.until", &until.to_string()),
            header("farshore.message", &self.message),
            header("farshore.content", content),
            header("farshore.batch_bytes", &bytes.len().to_string()),
            header("farshore.batch_sha256", &sha256(bytes)),
        ]);
        Record {
            offset: 0,
            timestamp: now,
            key: None,
            value,
            headers,
        }
    }

    /// Whether a record of the quarantine topic is the receipt of this origin.
    pub(crate) fn is_of(&self, receipt: &Record) -> bool {
        self.place()
            .iter()
            .all(|wanted| receipt.headers.contains(wanted))
    }

    /// Returns the headers that identify this origin.
    fn place(&self) -> [(Bytes, Option<Bytes>); 4] {
        [
            header(TOPIC, self.partition.topic.as_str()),
            header(PARTITION, &self.partition.partition.to_string()),
            header(OFFSET, &self.offset.to_string()),
            header(TOPIC_ID, &self.topic_id),
        ]
    }

    fn headers(&self, record: &Record) -> Vec<(Bytes, Option<Bytes>)> {
        let mut headers = Vec::from(self.place());
        headers.push(header("farshore.link", self.link.as_str()));
        headers.push(header("farshore.timestamp", &record.timestamp.to_string()));
        headers.push(header("farshore.message", &self.message));
        headers
    }
}

fn header(name: &str, value: &str) -> (Bytes, Option<Bytes>) {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    (bytes(name), Some(bytes(value)))
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

#[cfg(test)]
mod tests;
