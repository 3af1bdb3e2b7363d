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
use crate::kafka::data::append_place::AppendPlace;
use crate::kafka::data::appender::Appender;
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
    let permit = link.topic_permit(&route.source.topic).await;
    let _writing = permit.ok_or_else(|| Error::new(Kind::Stopping, "interrupted"))?;
    let record = refused_record(link, route, refused.offset).await?;
    let origin = Origin {
        link: link.name.clone(),
        partition: route.source.clone(),
        offset: refused.offset,
        topic_id: route.source_id.to_string(),
        message: refused.reason.message.clone(),
    };
    let log = open(link).await?;
    let end = log.true_end().await?;
    let first = log.offset(OffsetSpec::Earliest).await?;
    let mut is_there = false;
    let look = |it: Record| {
        is_there |= origin.is_of(&it);
        Ok(())
    };
    log.read(first.max(end - SEARCHED)..end, look).await?;
    if is_there {
        return Ok(());
    }
    let now = link.now().wall_ms;
    match append(link, &log, end, &origin, &origin.whole(&record, now)).await {
        Err(error) if error.code().is_some_and(is_refusal) => {
            append(link, &log, end, &origin, &origin.digest(&record, now)).await
        }
        result => result,
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

/// Returns the log of the quarantine topic, which is created if it doesn't exist.
async fn open(link: &LinkContext) -> Result<Appender> {
    let target = &link.target;
    let quarantine = TopicPartition::new(link.settings.quarantine_topic.clone(), 0);
    let known = target.metadata();
    if !known.topics.contains_key(&quarantine.topic) {
        let topic = quarantine_topic(quarantine.topic.clone(), known.brokers.len());
        if admin::create_topic(target, &topic, &link.ownership).await? {
            tracing::info!(link = %link.name, topic = %topic.name, "created quarantine topic");
        }
        target.refresh(known.generation).await?;
    }
    let writer = link.ownership.number();
    Ok(Appender {
        cluster: target.clone(),
        partition: quarantine,
        only: None,
        slot: Slot::Changes { writer },
        timeout: link.settings.request_timeout,
        right: Some(link.ownership.clone()),
        name: "the quarantine topic",
        refused: "the target refused a receipt",
    })
}

/// Appends a receipt at exactly the offset `at` or not at all, except that a broker that forgot this producer appends it at
/// the end.
async fn append(
    link: &LinkContext,
    log: &Appender,
    at: i64,
    origin: &Origin,
    receipt: &Record,
) -> Result<()> {
    let batch = stamped(link, TargetOffset(at), receipt)?;
    let mut is_ours = false;
    let read_back = |it: Record| {
        is_ours = origin.is_of(&it);
        Ok(())
    };
    let appended = log.append(batch, AppendPlace::Contested, read_back).await;
    appended.map_err(|failed| failed.error.partition(&log.partition))?;
    if is_ours {
        return Ok(());
    }
    // An earlier request may have taken its place: the broker compares sequence numbers, not contents.
    let message = "another receipt took this one's place; writing it again";
    Err(Error::new(Kind::Protocol, message).partition(&log.partition))
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

/// Returns the records of a batch, which get a new CRC in their receipts.
fn records(batch: &Batch) -> Result<Vec<Record>> {
    batch.check_crc()?;
    let records = batch.records()?;
    let whole = records.iter().map(|record| Ok(record?.to_record()?));
    whole.collect()
}

#[cfg(test)]
mod tests;
