//! Writes records that the target refuses, and batches of the source that can't be decoded, to the link's quarantine topic,
//! each with its origin.
//!
//! Promises: a record is passed only once its receipt is on the target; the topic holds it once, even if farshore is killed
//! between writing the receipt and passing the record, unless thousands of other receipts are written in between. One
//! receipt at a time per link. Doesn't: read the topic for any other purpose, or delete anything from it.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::error::{Error, Kind, Result};
use crate::kafka::admin::{self, NewTopic, OffsetSpec};
use crate::kafka::batch::{Batch, Builder, Codec, Record, Stamp, Stamped, examine};
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
use crate::replicate::resync::decision::{self, Receipted, Refused};

use super::context::LinkContext;
use super::event::Event as WorkerEvent;
use super::produce::is_refusal;
use super::receipt::Origin;
use super::state::Worker;
use super::take_in::CORRUPT_MESSAGE;

/// The number of receipts before the end that are searched for one written by a process that was killed.
const SEARCHED: i64 = 4096;
/// The largest batch of which a receipt holds the bytes themselves, in bytes.
const RAW_MAX: usize = 900 * 1024;
/// How many bytes behind a batch that can't be decoded are read, to find where it ends.
const BEHIND: usize = 1 << 20;
/// The remedy where no receipt can tell what was left out.
const UNENDING: &str = "Nothing shows where the damage ends. Let a replica lead that holds the log undamaged, or restore it, and the partition goes on by itself; or delete the source's records up to the next readable one, and follow the gap (farshore resolve --with follow).";
/// The replication factor most clusters use for important topics.
const REPLICAS: usize = 3;

impl Mirror {
    /// Returns the refused record or undecodable batch if it is next and the policy skips it; `end` is the end of the mirror
    /// partition.
    pub(crate) fn refused_record(&mut self, end: TargetOffset) -> Option<Refused> {
        if std::mem::take(&mut self.is_sound_now) {
            return None;
        }
        let reason = self.life.pending()?;
        let skip = Policy::SkipWithReceipt;
        let passes =
            reason.code.releases().contains(&skip) && self.policies().on(reason.code) == skip;
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
    pub(crate) fn quarantined(
        &mut self,
        index: usize,
        refused: &Refused,
        result: Result<Receipted, Trouble>,
    ) {
        let mirror = &mut self.mirrors[index];
        mirror.underway.receipt = false;
        let written = result.and_then(|receipted| {
            let Receipted::Until(until) = receipted else {
                mirror.is_sound_now = true;
                return Err(sound_now(&mirror.route, refused.offset));
            };
            let skipped = refused.offset..until;
            let decision = decision::skip(refused.reason.clone(), skipped, refused.end);
            Ok(Box::new(match mirror.offsets {
                OffsetsMode::Translate => decision,
                OffsetsMode::Preserve => decision.in_place(),
            }))
        });
        self.live(index, Event::ReceiptWritten(written));
        self.drained(index);
    }
}

/// Returns the trouble for a batch of which nobody can tell where it ends.
fn unending(refused: &Refused) -> Trouble {
    Trouble::Halt(refused.reason.clone().remedied_by(UNENDING))
}

fn sound_now(route: &Route, offset: SourceOffset) -> Trouble {
    let message = "the source holds a sound batch now; fetching it again";
    let error = Error::new(Kind::Protocol, message)
        .partition(&route.source)
        .offset(offset.get());
    Trouble::retry(&error)
}

/// Makes sure that the quarantine topic holds the receipt of a record or batch.
async fn write_receipt(
    link: &LinkContext,
    route: &Route,
    refused: &Refused,
) -> Result<Receipted, Trouble> {
    let _alone = link.quarantine.lock().await;
    let permit = link.topic_permit(&route.source.topic).await;
    let _writing = permit.ok_or_else(|| Error::new(Kind::Stopping, "interrupted"))?;
    let origin = Origin {
        link: link.name.clone(),
        partition: route.source.clone(),
        offset: refused.offset,
        topic_id: route.source_id.to_string(),
        message: refused.reason.message.clone(),
    };
    let now = link.now().wall_ms;
    let (receipts, until) = if refused.reason.code == HaltCode::SourceCorrupt {
        let Some((bytes, until)) = corrupt_batch(link, route, refused).await? else {
            return Ok(Receipted::Sound);
        };
        let whole = (bytes.len() <= RAW_MAX).then(|| origin.raw(&bytes, until, now));
        let digest = origin.raw_digest(&bytes, until, now);
        (whole.into_iter().chain([digest]).collect(), until)
    } else {
        let record = refused_record(link, route, refused.offset).await?;
        let receipts = vec![origin.whole(&record, now), origin.digest(&record, now)];
        (receipts, refused.offset.plus(1))
    };
    write_once(link, &origin, receipts).await?;
    Ok(Receipted::Until(until))
}

/// Makes sure that the quarantine topic holds the first of these receipts that it accepts.
async fn write_once(link: &LinkContext, origin: &Origin, receipts: Vec<Record>) -> Result<()> {
    let log = open(link).await?;
    let end = log.true_end().await?;
    let first = log.offset(OffsetSpec::Earliest).await?;
    let mut is_there = false;
    let look = |it: Record| {
        is_there |= origin.is_of(&it);
        Ok(())
    };
    log.read(first.max(end - SEARCHED)..end, look).await?;
    let mut left = receipts.iter().peekable();
    while let Some(receipt) = left.next_if(|_| !is_there) {
        match append(link, &log, end, origin, receipt).await {
            Err(error) if left.peek().is_some() && error.code().is_some_and(is_refusal) => {}
            result => return result,
        }
    }
    Ok(())
}

/// Reads the bytes of a batch that can't be decoded, and the offset after it; `None` if it can be decoded now.
async fn corrupt_batch(
    link: &LinkContext,
    route: &Route,
    refused: &Refused,
) -> Result<Option<(Bytes, SourceOffset)>, Trouble> {
    let offset = refused.offset;
    let mut size = 0;
    loop {
        let most = i32::try_from(size + BEHIND).unwrap_or(i32::MAX);
        let read = admin::read_raw(&link.source, &route.source, offset.get(), most).await;
        if let Err(error) = &read
            && error.code() == Some(CORRUPT_MESSAGE)
        {
            return Err(unending(refused));
        }
        let read = read?;
        let all = read.records.len();
        if all == 0 && read.high_watermark > offset.get() {
            return Err(unending(refused));
        }
        let Some(damaged) = examine(&read.records, offset.get(), read.high_watermark) else {
            return Ok(None);
        };
        if let Some(until) = damaged.until.filter(|until| *until > offset.get()) {
            return Ok(Some((damaged.bytes, SourceOffset(until))));
        }
        // What follows the batch shows where it ends.
        if damaged.bytes.len() <= size || all > damaged.bytes.len() {
            return Err(unending(refused));
        }
        size = damaged.bytes.len();
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
