//! Produce requests that send batch bodies in place, without copying them.
//!
//! Promises: the bytes match Kafka's schema in every version from 3 to 13, and no batch body is copied.
//! Doesn't: check what the batches contain.

use std::time::Duration;

use anyhow::Result;
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, ProduceRequest};
use kafka_protocol::protocol::{HeaderVersion, StrBytes};

use crate::kafka::batch::Stamped;
use crate::model::{Partition, TopicId, TopicName};

use super::encode::{EncodedRequest, begin};
use super::request::Request;

const LAST_BY_NAME: i16 = 12;
const FIRST_FLEXIBLE: i16 = 9;

/// The contents of one produce request. No partition may appear twice: brokers silently drop the first of the two.
#[derive(Debug, Clone)]
pub struct ProduceBatches {
    /// Which acknowledgements to wait for: -1 for all in-sync replicas, 1 for the leader alone.
    pub acks: i16,
    /// How long the broker waits for acknowledgements, in whole milliseconds.
    pub timeout: Duration,
    pub topics: Vec<ProduceTopic>,
}

/// The batches for one topic, one for each partition.
#[derive(Debug, Clone)]
pub struct ProduceTopic {
    /// Used in versions below 13.
    pub name: TopicName,
    /// Used from version 13 on; if any topic has no id, the request is sent by name.
    pub id: TopicId,
    pub partitions: Vec<(Partition, Stamped)>,
}

impl ProduceBatches {
    /// Returns the highest version that can carry this request.
    pub(crate) fn highest_version(&self) -> i16 {
        if self.topics.iter().all(|topic| topic.id.is_known()) {
            ProduceRequest::SPOKEN.max
        } else {
            LAST_BY_NAME
        }
    }

    /// Encodes the request; the correlation id is filled in later.
    pub(crate) fn message(self, version: i16, client_id: &StrBytes) -> Result<EncodedRequest> {
        let header_version = ProduceRequest::header_version(version);
        let mut out = Segments::new(
            begin(ApiKey::Produce, version, header_version, client_id)?,
            version >= FIRST_FLEXIBLE,
        );
        out.null_text();
        out.buffer.put_i16(self.acks);
        out.buffer.put_i32(i32::try_from(self.timeout.as_millis())?);
        out.count(self.topics.len())?;
        for topic in self.topics {
            if version > LAST_BY_NAME {
                out.buffer.put_slice(topic.id.0.as_bytes());
            } else {
                out.text(topic.name.as_str())?;
            }
            out.count(topic.partitions.len())?;
            for (partition, batch) in topic.partitions {
                out.buffer.put_i32(partition.0);
                out.batch(batch)?;
                out.no_tags();
            }
            out.no_tags();
        }
        out.no_tags();
        out.into_message()
    }
}

/// Fields in Kafka's encoding, with batch bodies in between.
struct Segments {
    buffer: BytesMut,
    head: Option<BytesMut>,
    rest: Vec<Bytes>,
    flexible: bool,
}

impl Segments {
    fn new(buffer: BytesMut, flexible: bool) -> Self {
        Self {
            buffer,
            head: None,
            rest: Vec::new(),
            flexible,
        }
    }

    fn null_text(&mut self) {
        if self.flexible {
            self.buffer.put_u8(0);
        } else {
            self.buffer.put_i16(-1);
        }
    }

    fn text(&mut self, text: &str) -> Result<()> {
        if self.flexible {
            self.varint(text.len() + 1)?;
        } else {
            self.buffer.put_i16(i16::try_from(text.len())?);
        }
        self.buffer.put_slice(text.as_bytes());
        Ok(())
    }

    /// Writes the length of an array or of a byte string.
    fn count(&mut self, count: usize) -> Result<()> {
        if self.flexible {
            self.varint(count + 1)?;
        } else {
            self.buffer.put_i32(i32::try_from(count)?);
        }
        Ok(())
    }

    fn varint(&mut self, value: usize) -> Result<()> {
        let mut value = u32::try_from(value)?;
        while value >= 0x80 {
            let [low, ..] = value.to_le_bytes();
            self.buffer.put_u8(low | 0x80);
            value >>= 7;
        }
        let [low, ..] = value.to_le_bytes();
        self.buffer.put_u8(low);
        Ok(())
    }

    fn no_tags(&mut self) {
        if self.flexible {
            self.buffer.put_u8(0);
        }
    }

    fn batch(&mut self, batch: Stamped) -> Result<()> {
        self.count(batch.header.len() + batch.body.len())?;
        self.buffer.put_slice(&batch.header);
        self.finish_segment();
        self.rest.push(batch.body);
        Ok(())
    }

    fn finish_segment(&mut self) {
        let segment = self.buffer.split();
        if self.head.is_none() {
            self.head = Some(segment);
        } else {
            self.rest.push(segment.freeze());
        }
    }

    fn into_message(mut self) -> Result<EncodedRequest> {
        self.finish_segment();
        EncodedRequest::new(
            self.head.unwrap_or_default(),
            self.rest,
            ProduceRequest::SIZE,
        )
    }
}

#[cfg(test)]
mod tests;
