//! Messages of formats v0 and v1, which brokers return from old segments as they were stored.
//!
//! Promises: every message becomes a record of a v2 batch with the same offset, key, value and timestamp (-1 in v0,
//! which has none), with the same compression; checksums and lengths are verified before anything is used. A hole left
//! by compaction ends a batch, so that each batch is contiguous.
//! Doesn't: write the old formats, or preserve the original bytes: readers get a newly built batch.

mod message;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::Bytes;

use super::decompress::Failure;
use super::places::decompress;
use super::{Batch, BatchError, Builder, Codec, DECOMPRESS_LIMIT, Record};
use crate::model::LeaderEpoch;
use message::Message;

pub(super) use message::is_old;

/// Uncompressed messages are collected into batches of about this many bytes.
const GATHERED: usize = 64 * 1024;

/// Takes old messages off the front and returns batches with the same records, at least one; `None` if the first
/// message is incomplete.
pub(super) fn split_first(rest: &mut Bytes) -> Result<Option<VecDeque<Batch>>, BatchError> {
    let mut gathered = Vec::new();
    let mut size = 0;
    while size < GATHERED && is_old(rest) {
        let next = Message::peek(rest).and_then(|it| {
            it.map(|message| Ok((message.codec()?, message)))
                .transpose()
        });
        let (codec, message) = match next {
            Ok(Some(next)) => next,
            Err(error) if gathered.is_empty() => return Err(error),
            // What precedes a damaged message is returned first.
            Ok(None) | Err(_) => break,
        };
        if codec != Codec::None {
            if gathered.is_empty() {
                drop(rest.split_to(message.size));
                return unwrap(&message).map(Some);
            }
            break;
        }
        drop(rest.split_to(message.size));
        size += message.size;
        gathered.push(message);
    }
    if gathered.is_empty() {
        return Ok(None);
    }
    carry_over(Codec::None, gathered).map(Some)
}

/// Returns the messages inside a compressed one as batches.
///
/// In v1 they are numbered from 0 and the outer offset is that of the last one (KIP-31); in v0 they carry absolute
/// offsets.
fn unwrap(outer: &Message) -> Result<VecDeque<Batch>, BatchError> {
    let (codec, offset) = (outer.codec()?, outer.offset);
    let malformed = |what| BatchError::Malformed { offset, what };
    let body = outer
        .value
        .clone()
        .ok_or_else(|| malformed("a compressed message has no value"))?;
    let body = if outer.magic == 0 && codec == Codec::Lz4 {
        message::with_right_lz4_checksum(&body)
    } else {
        body
    };
    let (mut plain, _place) =
        decompress(codec, body, DECOMPRESS_LIMIT).map_err(|failure| match failure {
            Failure::TooLarge => BatchError::TooLarge {
                offset,
                limit: DECOMPRESS_LIMIT,
            },
            Failure::Broken(source) => BatchError::Decompress {
                offset,
                codec,
                source,
            },
        })?;
    let mut inner = Vec::new();
    while !plain.is_empty() {
        let message =
            Message::peek(&plain)?.ok_or_else(|| malformed("a message inside it is cut off"))?;
        drop(plain.split_to(message.size));
        if message.magic != outer.magic || message.codec()? != Codec::None {
            return Err(malformed("a message inside it is of another kind"));
        }
        inner.push(message);
    }
    let last = inner
        .last()
        .ok_or_else(|| malformed("a compressed message holds none"))?
        .offset;
    for message in &mut inner {
        if outer.magic == 1 {
            message.offset = outer.offset.wrapping_sub(last.wrapping_sub(message.offset));
        }
        if outer.has_append_time() {
            message.timestamp = outer.timestamp;
        }
    }
    carry_over(codec, inner)
}

/// Builds v2 batches from messages, one for each stretch without holes.
fn carry_over(codec: Codec, messages: Vec<Message>) -> Result<VecDeque<Batch>, BatchError> {
    let mut batches = VecDeque::new();
    let mut stretch: Option<Stretch> = None;
    for message in messages {
        let offset = message.offset;
        if let Some(done) = stretch.take_if(|stretch| stretch.next != offset) {
            if offset < done.next {
                let what = "its messages' offsets do not increase";
                return Err(BatchError::Malformed { offset, what });
            }
            batches.push_back(done.finish()?);
        }
        stretch
            .get_or_insert_with(|| Stretch::new(codec, offset))
            .push(message);
    }
    if let Some(last) = stretch {
        batches.push_back(last.finish()?);
    }
    Ok(batches)
}

/// Messages with consecutive offsets.
struct Stretch {
    builder: Builder,
    first: i64,
    next: i64,
}

impl Stretch {
    fn new(codec: Codec, first: i64) -> Self {
        Self {
            builder: Builder::new(codec),
            first,
            next: first,
        }
    }

    fn push(&mut self, message: Message) {
        self.next += 1;
        self.builder.push_record(&Record {
            offset: message.offset,
            timestamp: message.timestamp,
            key: message.key,
            value: message.value,
            headers: Vec::new(),
        });
    }

    fn finish(self) -> Result<Batch, BatchError> {
        self.builder.finish_at(self.first, LeaderEpoch::UNKNOWN)
    }
}
