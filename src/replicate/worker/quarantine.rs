//! Writes records that the target refuses to the link's quarantine topic, each with its origin.
//!
//! Promises: a record is passed only once its receipt is on the target; the topic holds it once, even if farshore is killed
//! between writing the receipt and passing the record, unless thousands of other receipts are written in between. One
//! receipt at a time per link. Doesn't: read the topic for any other purpose, or delete anything from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::kafka::admin::{self, NewTopic, OffsetSpec};
use crate::kafka::batch::{Batch, Builder, Codec, Record, Stamp, Stamped};
use crate::kafka::client::Slot;
use crate::kafka::{ProducePart, start_produce};
use crate::model::{
    DataPath, HaltCode, OffsetsMode, Policy, SourceOffset, TargetOffset, TopicName, TopicPartition,
    sequence_of,
};
use crate::replicate::partition::effect::Event;
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::partition::route::Route;
use crate::replicate::resync::decision::{self, Refused};

use super::context::LinkContext;
use super::event::Event as WorkerEvent;
use super::produce::is_refusal;
use super::receipt::Origin;
use super::state::Worker;

/// The number of receipts before the end that are searched for one written by a process that was killed.
const SEARCHED: i64 = 4096;
const READ_BYTES: i32 = 1024 * 1024;
/// The replication factor most clusters use for important topics.
const REPLICAS: usize = 3;

impl Mirror {
    /// Returns the refused record if it is next and the policy skips it; `end` is the end of the mirror partition.
    pub(crate) fn refused_record(&self, end: TargetOffset) -> Option<Refused> {
        let reason = self.life.pending()?;
        let passes = reason.code == HaltCode::RecordRefused
            && self.policies().on(reason.code) == Policy::SkipWithReceipt;
        let (offset, target) = (reason.source_offset?, reason.target_offset?);
        let known = self.tracked.lock();
        let is_next = match known.record.path {
            DataPath::Raw => target == end,
            // Each transaction that was given up left a marker, and no other data of this link can lie after the frontier.
            DataPath::Record => known.record.frontier <= offset && target <= end,
        };
        (passes && is_next).then(|| Refused {
            reason: reason.clone(),
            offset,
            end,
        })
    }
}

impl Worker {
    /// Writes the receipt of a refused record; the partition waits for it.
    pub(crate) fn quarantine(&mut self, index: usize, refused: Refused) {
        let mirror = &mut self.mirrors[index];
        mirror.underway.receipt = true;
        let (link, route) = (Arc::clone(&self.link), mirror.route.clone());
        self.events.push(Box::pin(async move {
            let result = write_receipt(&link, &route, &refused).await;
            WorkerEvent::Quarantined {
                index,
                refused: Box::new(refused),
                result,
            }
        }));
    }

    /// Handles the outcome of writing a receipt.
    pub(crate) fn quarantined(&mut self, index: usize, refused: &Refused, result: Result<()>) {
        let mirror = &mut self.mirrors[index];
        mirror.underway.receipt = false;
        let written = result.map_err(Trouble::from).map(|()| {
            let decision = decision::skip(refused.reason.clone(), refused.offset, refused.end);
            Box::new(match mirror.offsets {
                OffsetsMode::Translate => decision,
                OffsetsMode::Preserve => decision.in_place(),
            })
        });
        self.live(index, Event::ReceiptWritten(written));
        self.drained(index);
    }
}

/// Makes sure that the quarantine topic holds the receipt of a record.
async fn write_receipt(link: &LinkContext, route: &Route, refused: &Refused) -> Result<()> {
    let _alone = link.quarantine.lock().await;
    let permit = link.permit(&route.source.topic).await;
    let _writing = permit.ok_or_else(|| Error::new(Kind::Stopping, "interrupted"))?;
    let record = refused_record(link, route, refused.offset).await?;
    let origin = Origin {
        link: link.name.clone(),
        partition: route.source.clone(),
        offset: refused.offset,
        topic_id: route.source_id.to_string(),
        message: refused.reason.message.clone(),
    };
    let quarantine = TopicPartition::new(link.settings.quarantine_topic.clone(), 0);
    let end = open(link, &quarantine).await?;
    if find(link, &quarantine, &origin, end).await? {
        return Ok(());
    }
    let now = link.now().wall_ms;
    let whole = origin.whole(&record, now);
    match append(link, &quarantine, end, &whole).await {
        Err(error) if error.code().is_some_and(is_refusal) => {
            append(link, &quarantine, end, &origin.digest(&record, now)).await?;
        }
        result => result?,
    }
    // An earlier request may have taken its place: the broker compares sequence numbers, not contents.
    if find(link, &quarantine, &origin, end.plus(1)).await? {
        Ok(())
    } else {
        let message = "another receipt took this one's place; writing it again";
        Err(Error::new(Kind::Protocol, message).partition(&quarantine))
    }
}

/// Reads the refused record from the source.
async fn refused_record(link: &LinkContext, route: &Route, offset: SourceOffset) -> Result<Record> {
    let read = admin::read_at(&link.source, &route.source, offset.get(), 1).await?;
    let holding = read
        .batches
        .iter()
        .find(|it| it.last_offset() >= offset.get());
    let found = match holding {
        Some(batch) => records(batch)?
            .into_iter()
            .find(|it| it.offset == offset.get()),
        None => None,
    };
    found.ok_or_else(|| {
        let message = "the refused record is gone from the source";
        Error::new(Kind::Invalid, message)
            .partition(&route.source)
            .offset(offset.get())
    })
}

/// Returns the settings of a quarantine topic on a target with `brokers` brokers.
pub(crate) fn quarantine_topic(name: TopicName, brokers: usize) -> NewTopic {
    let replicas = brokers.clamp(1, REPLICAS);
    let configs = [("cleanup.policy", "delete"), ("retention.ms", "-1")];
    NewTopic {
        name,
        partitions: 1,
        replication_factor: i16::try_from(replicas).unwrap_or(1),
        configs: BTreeMap::from(configs.map(|(k, v)| (k.to_owned(), v.to_owned()))),
    }
}

/// Returns the end of the quarantine topic, which is created if it doesn't exist.
async fn open(link: &LinkContext, quarantine: &TopicPartition) -> Result<TargetOffset> {
    let target = &link.target;
    let known = target.metadata();
    if !known.topics.contains_key(&quarantine.topic) {
        let topic = quarantine_topic(quarantine.topic.clone(), known.brokers.len());
        if admin::create_topic(target, &topic, &link.ownership).await? {
            tracing::info!(link = %link.name, topic = %topic.name, "created quarantine topic");
        }
        target.refresh(known.generation).await?;
    }
    let leader = target.leader(quarantine).await?;
    let end = admin::list_offset(target, quarantine, leader.epoch, OffsetSpec::TrueEnd).await?;
    Ok(TargetOffset(end.offset))
}

/// Whether the receipt of `origin` is among the last ones before `end`.
async fn find(
    link: &LinkContext,
    quarantine: &TopicPartition,
    origin: &Origin,
    end: TargetOffset,
) -> Result<bool> {
    let mut offset = end.get().saturating_sub(SEARCHED).max(0);
    while offset < end.get() {
        let read = admin::read_at(&link.target, quarantine, offset, READ_BYTES).await?;
        for batch in read
            .batches
            .iter()
            .filter(|it| !it.header().attributes.is_control())
        {
            if records(batch)?.iter().any(|it| origin.is_of(it)) {
                return Ok(true);
            }
        }
        let next = read.batches.last().map(Batch::next_offset);
        offset = match next {
            Some(next) => next.max(offset + 1),
            None if read.log_start > offset => read.log_start,
            None => break,
        };
    }
    Ok(false)
}

/// Appends a receipt at exactly the offset `at` or not at all, except that a broker that forgot this producer appends it at
/// the end.
async fn append(
    link: &LinkContext,
    quarantine: &TopicPartition,
    at: TargetOffset,
    receipt: &Record,
) -> Result<()> {
    let leader = link.target.leader(quarantine).await?;
    let writer = link.ownership.number();
    let slot = Slot::Changes { writer };
    let connection = link.target.connection(leader.broker, slot).await?;
    let part = ProducePart {
        partition: quarantine.clone(),
        topic_id: leader.topic_id,
        batch: stamped(link, at, receipt)?,
    };
    let timeout = link.settings.request_timeout;
    let answers = start_produce(&connection, vec![part], timeout, Some(&link.ownership))?.await?;
    match answers.first().and_then(|answer| answer.error) {
        None => Ok(()),
        Some(code) => {
            let said = crate::kafka::client::code_name(code);
            let message = format!("the target refused a receipt: {said}");
            Err(Error::new(Kind::Broker(code), message).partition(quarantine))
        }
    }
}

fn stamped(link: &LinkContext, at: TargetOffset, receipt: &Record) -> Result<Stamped> {
    let mut builder = Builder::new(Codec::None);
    builder.push_record(receipt);
    let stamp = Stamp {
        producer_id: link.identity.producer_id(0),
        producer_epoch: 0,
        base_sequence: sequence_of(at),
    };
    Ok(builder.finish(stamp)?)
}

fn records(batch: &Batch) -> Result<Vec<Record>> {
    let records = batch.records()?;
    let whole = records.iter().map(|record| Ok(record?.to_record()?));
    whole.collect()
}
