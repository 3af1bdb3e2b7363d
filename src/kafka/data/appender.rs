//! Appends batches to one partition, and reads what proves that they are there.
//!
//! Promises: a batch counts as appended only once the offsets that [`AppendPlace`] names have been read; a read reaches the
//! end of its range or fails.
//! Doesn't: choose producer ids and sequence numbers, send a batch twice, or judge what it read: its user does.

use std::ops::Range;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::kafka::acl::Need;
use crate::kafka::admin::{self, OffsetSpec};
use crate::kafka::batch::{Batch, Record, Stamped};
use crate::kafka::client::{Cluster, Slot, code_name};
use crate::model::{LeaderEpoch, TopicId, TopicPartition};
use crate::task::Ownership;

use super::append_place::{AppendPlace, NotAppended};
use super::requests::{ProducePart, start_produce};

/// The size of a read in bytes.
const READ_BYTES: i32 = 4 << 20;

/// A partition that batches are appended to, one at a time.
#[derive(Debug, Clone)]
pub(crate) struct Appender {
    pub(crate) cluster: Cluster,
    pub(crate) partition: TopicPartition,
    /// The topic's id when it was first seen, if no other topic of the same name will do.
    pub(crate) only: Option<TopicId>,
    pub(crate) slot: Slot,
    pub(crate) timeout: Duration,
    /// The right that a batch is written under; `None` if its producer epoch protects the log.
    pub(crate) right: Option<Ownership>,
    /// What errors call the log.
    pub(crate) name: &'static str,
    /// What errors say before the code of a refused batch.
    pub(crate) refused: &'static str,
}

impl Appender {
    /// Looks up where the log begins, or its high watermark.
    pub(crate) async fn offset(&self, at: OffsetSpec) -> Result<i64> {
        self.list(LeaderEpoch::UNKNOWN, at).await
    }

    /// Looks up the offset that the next append would get. A deposed leader doesn't answer.
    pub(crate) async fn true_end(&self) -> Result<i64> {
        let leader = self.cluster.leader(&self.partition).await?;
        self.list(leader.epoch, OffsetSpec::TrueEnd).await
    }

    async fn list(&self, epoch: LeaderEpoch, at: OffsetSpec) -> Result<i64> {
        let listed = admin::list_offset(&self.cluster, &self.partition, epoch, at).await?;
        Ok(listed.offset)
    }

    /// Passes the records in `range` to `visit`, except control records.
    ///
    /// Errors: also if the log isn't replicated up to the end of `range`.
    pub(crate) async fn read(
        &self,
        range: Range<i64>,
        mut visit: impl FnMut(Record) -> Result<()>,
    ) -> Result<()> {
        let mut next = range.start;
        while next < range.end {
            let read = admin::read_at(&self.cluster, &self.partition, next, READ_BYTES).await?;
            if let Some(code) = read.error {
                let text = format!("{} can't be read: {}", self.name, code_name(code));
                return Err(Error::new(Kind::Broker(code), text).offset(next));
            }
            let Some(last) = read.batches.last() else {
                let text = format!("{} can't be read up to {} yet", self.name, range.end);
                return Err(Error::new(Kind::TimedOut, text).offset(next));
            };
            next = last.next_offset().max(next + 1);
            let is_control = |it: &Batch| it.header().attributes.is_control();
            for batch in read.batches.iter().filter(|it| !is_control(it)) {
                for record in &batch.records()? {
                    let record = record?.to_record()?;
                    let offset = record.offset;
                    if range.contains(&offset) {
                        visit(record)
                            .map_err(|error| error.partition(&self.partition).offset(offset))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Sends a batch once, waits until all in-sync replicas have it, and passes the records that decide whether it counts as
    /// appended to `visit`. Returns its offset.
    ///
    /// Errors: after `Missing` or `Unknown` the batch may be in the log or may still arrive there.
    pub(crate) async fn append(
        &self,
        batch: Stamped,
        place: AppendPlace,
        visit: impl FnMut(Record) -> Result<()>,
    ) -> Result<i64, NotAppended> {
        let records = batch.record_count;
        let offset = self.send(batch).await?;
        let Some(to_read) = place.to_read(offset, records) else {
            let text = format!("{} lost its tail", self.name);
            return Err(NotAppended::out_of_place(text));
        };
        self.read(to_read, visit).await?;
        Ok(offset)
    }

    async fn send(&self, batch: Stamped) -> Result<i64, NotAppended> {
        let leader = self.cluster.leader(&self.partition).await?;
        let wanted = self.only.filter(|id| id.is_known());
        if leader.topic_id.is_known() && wanted.is_some_and(|id| id != leader.topic_id) {
            let text = format!("{}'s topic was deleted and created again", self.name);
            return Err(NotAppended::out_of_place(text));
        }
        let connection = self.cluster.connection(leader.broker, self.slot).await?;
        let part = ProducePart {
            partition: self.partition.clone(),
            topic_id: self.only.unwrap_or(leader.topic_id),
            batch,
        };
        let right = self.right.as_ref();
        let answers = start_produce(&connection, vec![part], self.timeout, right)?.await?;
        let answer = answers.into_iter().next();
        let answer = answer
            .ok_or_else(|| Error::new(Kind::Protocol, format!("no answer for {}", self.name)))?;
        let Some(code) = answer.error else {
            return Ok(answer.base_offset);
        };
        let detail = answer.message.map(|text| format!(" ({text})"));
        let detail = detail.unwrap_or_default();
        let text = format!("{}: {}{detail}", self.refused, code_name(code));
        let refused = Error::new(Kind::Broker(code), text);
        let topic = self.partition.topic.as_str();
        Err(self
            .cluster
            .explained(refused, Need::WriteRecords, topic)
            .into())
    }
}

#[cfg(test)]
mod tests;
