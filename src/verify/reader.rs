//! Reads one side of a partition as a `read_committed` consumer would, a portion at a time.
//!
//! Holds one response of a broker, and at most [`DIGESTS_MAX`] digests of one of its batches.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::admin::{self, OffsetSpec, ReadAt};
use crate::kafka::batch::{Batch, BatchError, CommittedBatches};
use crate::kafka::client::{Cluster, code_name};
use crate::model::{SourceOffset, TopicId, TopicPartition};
use crate::task::Streak;

use super::comparison::Feed;
use super::digest::{Digest, Item, Key, RecordOrigin};
use super::pace::Pace;
use super::places::Places;
use super::range::{CREATED_AGAIN, first, topic_changed};

/// The maximum number of bytes per response.
const PORTION: i32 = 1 << 20;
/// How long an end before `until` isn't trusted: a new leader may not know the latest high watermark yet.
const PATIENCE: Duration = Duration::from_secs(30);
/// How many records of a batch are compared at a time. A batch of a few KB may hold millions of empty records.
const DIGESTS_MAX: usize = 1 << 16;
const OFFSET_OUT_OF_RANGE: BrokerCode = BrokerCode(1);

/// The outcome of an attempt to continue reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadStep {
    /// Something was read, or everything has been.
    On,
    /// The log now starts past the next offset to read.
    Gone,
}

/// Reads one side.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    cluster: &'a Cluster,
    partition: &'a TopicPartition,
    topic_id: TopicId,
    compacts: bool,
    /// The next offset to read.
    pub(crate) next: i64,
    /// The offset after the last one wanted.
    pub(crate) until: i64,
    waiting: VecDeque<Batch>,
    committed: CommittedBatches,
    /// The number of bytes read.
    pub(crate) bytes: u64,
}

impl<'a> Reader<'a> {
    /// A reader of the offsets from `next` up to `until`.
    pub(crate) fn new(
        (cluster, partition): (&'a Cluster, &'a TopicPartition),
        topic_id: TopicId,
        (next, until): (i64, i64),
        compacts: bool,
    ) -> Self {
        Self {
            cluster,
            partition,
            topic_id,
            compacts,
            next,
            until,
            waiting: VecDeque::new(),
            committed: CommittedBatches::of([]),
            bytes: 0,
        }
    }

    /// Where reading would resume if the contents of the feed were read again.
    pub(crate) fn position(&self, feed: &Feed) -> i64 {
        let first = feed.items.front();
        first.map_or(self.next, |item| item.digest.offset)
    }

    /// Puts the records of the next batch into an empty feed, or marks the feed as over.
    ///
    /// Errors: read errors that persist, another topic of the same name, an open transaction before the end, the store
    /// behind `places`.
    pub(crate) async fn fill(
        &mut self,
        feed: &mut Feed,
        places: &mut (dyn Places + Send),
        pace: &Pace,
    ) -> Result<ReadStep> {
        if let Some(batch) = self.waiting.pop_front() {
            if self.take(&batch, feed, places)? {
                self.waiting.push_front(batch);
            }
            return Ok(ReadStep::On);
        }
        let mut early = Streak::default();
        while self.next < self.until {
            let Some(answer) = self.portion(pace).await? else {
                return Ok(ReadStep::Gone);
            };
            if !self.waiting.is_empty() {
                return Ok(ReadStep::On);
            }
            if answer.last_stable >= self.until {
                break;
            }
            if self.until == i64::MAX || early.failed(Instant::now()) >= PATIENCE {
                self.ends_early(&answer)?;
                break;
            }
        }
        if self.until < i64::MAX {
            self.next = self.next.max(self.until);
        }
        feed.over = true;
        Ok(ReadStep::On)
    }

    /// Fetches once; `None` if the next offset is gone from the log.
    async fn portion(&mut self, pace: &Pace) -> Result<Option<ReadAt>> {
        pace.turn().await;
        let mut answer =
            admin::read_committed(self.cluster, self.partition, self.next, PORTION).await?;
        if answer.error == Some(OFFSET_OUT_OF_RANGE) {
            let start = first(
                self.cluster,
                self.partition,
                self.topic_id,
                OffsetSpec::Earliest,
            )
            .await?;
            // Otherwise the log ends before `next`: treated as an empty response.
            return Ok((start <= self.next).then_some(answer));
        }
        if topic_changed(self.topic_id, answer.topic_id) {
            return Err(self.error(Kind::Refused, CREATED_AGAIN.to_owned()));
        }
        if let Some(code) = answer.error {
            let text = format!("a read was refused: {}", code_name(code));
            return Err(self.error(Kind::Broker(code), text));
        }
        let bytes: usize = answer.batches.iter().map(Batch::size).sum();
        pace.spent(bytes);
        self.bytes += u64::try_from(bytes).unwrap_or(u64::MAX);
        self.committed = CommittedBatches::of(std::mem::take(&mut answer.aborted));
        let batches = std::mem::take(&mut answer.batches).into_iter();
        self.waiting = batches
            .skip_while(|batch| batch.next_offset() <= self.next)
            .collect();
        Ok(Some(answer))
    }

    /// Handles a log that ends before everything wanted was read.
    fn ends_early(&self, answer: &ReadAt) -> Result<()> {
        if self.until < i64::MAX && answer.high_watermark > answer.last_stable {
            let text = format!(
                "an open transaction prevents reading past {}; verify again when it has ended",
                answer.last_stable
            );
            return Err(self.error(Kind::Refused, text));
        }
        Ok(())
    }

    /// Puts the next records of a batch into the feed. Returns whether it has more.
    fn take(
        &mut self,
        batch: &Batch,
        feed: &mut Feed,
        places: &mut (dyn Places + Send),
    ) -> Result<bool> {
        let mut rest = None;
        match self.digests(batch) {
            Ok(digests) => {
                let last = digests.get(DIGESTS_MAX - 1);
                rest = last
                    .map(|last| last.offset + 1)
                    .filter(|next| *next < batch.next_offset());
                for digest in digests {
                    if let Some(place) = places.place(digest.offset)? {
                        feed.items.push_back(Item { place, digest });
                    }
                }
            }
            Err(error) => {
                let first = self.next.max(batch.base_offset());
                let place = places.place(first)?;
                let until = batch.next_offset().min(self.until);
                let item = place.map(|place| undecoded(&error, batch, place, first..until));
                feed.items.extend(item);
            }
        }
        self.next = rest.unwrap_or(batch.next_offset());
        Ok(rest.is_some())
    }

    /// The digests of a batch's next records in the wanted range.
    fn digests(&mut self, batch: &Batch) -> Result<Vec<Digest>, BatchError> {
        batch.check_crc()?;
        if !self.committed.shows(batch)? {
            return Ok(Vec::new());
        }
        let wanted = self.next..self.until;
        let records = batch.records()?;
        let mut digests = Vec::new();
        for record in &records {
            let record = record?;
            if digests.len() >= DIGESTS_MAX {
                break;
            }
            if wanted.contains(&record.offset) {
                digests.push(Digest::of(&record, self.compacts));
            }
        }
        Ok(digests)
    }

    fn error(&self, kind: Kind, text: String) -> Error {
        Error::new(kind, text)
            .cluster(self.cluster.name())
            .partition(self.partition)
            .offset(self.next)
    }
}

/// Represents the records of a batch that can't be decoded, at the wanted offsets.
fn undecoded(error: &BatchError, batch: &Batch, place: RecordOrigin, wanted: Range<i64>) -> Item {
    let is_sound = matches!(error, BatchError::TooLarge { .. });
    let place = match place {
        RecordOrigin::At(at) if is_sound => RecordOrigin::Whole {
            at,
            until: SourceOffset(at.get() + (wanted.end - wanted.start).max(1)),
        },
        RecordOrigin::At(at) => RecordOrigin::Unreadable(at),
        RecordOrigin::LeftOut
        | RecordOrigin::Forgotten
        | RecordOrigin::Stray
        | RecordOrigin::Unreadable(_)
        | RecordOrigin::Whole { .. } => place,
    };
    let digest = if is_sound {
        Digest::of_batch(batch, wanted.start)
    } else {
        Digest {
            offset: wanted.start,
            timestamp: -1,
            content: 0,
            key: Key::Irrelevant,
        }
    };
    Item { place, digest }
}

#[cfg(test)]
mod tests;
