//! What others see of a link: states, figures and exact translation, also with both clusters gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard, RwLock};
use serde::Serialize;
use tokio::sync::watch;

use crate::checkpoint::{PartitionKey, Store, Update, records};
use crate::error::{Error, Result};
use crate::model::{
    LinkName, OffsetsMode, PartitionState, Reason, SourceOffset, TargetOffset, TopicName,
    TopicPartition,
};
use crate::offsets::Lookup;

use super::tracked::{Known, Tracked};

/// A link's view: a cheap handle.
#[derive(Debug, Clone)]
pub struct LinkView(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    link: LinkName,
    store: Arc<dyn Store>,
    partitions: RwLock<BTreeMap<TopicPartition, Arc<Tracked>>>,
    paused: watch::Sender<bool>,
    save_order: Mutex<()>,
}

/// One partition, as the API shows it. Offsets are -1 where nothing was seen yet.
#[derive(Debug, Clone, Serialize)]
pub struct PartitionStatus {
    /// The partition on the source.
    pub partition: TopicPartition,
    /// The mirror topic's name.
    pub mirror_topic: TopicName,
    /// The state.
    pub state: PartitionState,
    /// How its records travel.
    pub path: &'static str,
    /// How offsets of the two sides relate: `preserve` or `translate`.
    pub offsets: &'static str,
    /// The source log's start.
    pub source_log_start: i64,
    /// The source's last stable offset.
    pub source_end: i64,
    /// The source's high watermark.
    pub source_high_watermark: i64,
    /// The next source offset to mirror: everything before it is on the target.
    pub position: i64,
    /// The end of what is acknowledged on the target.
    pub target_end: i64,
    /// The target log's start.
    pub target_log_start: i64,
    /// Committed records of the source that may be missing on the target; 0 exactly when none is.
    pub lag_records: i64,
    /// Age of the oldest record that is missing on the target, in milliseconds; 0 if none is.
    pub lag_ms: i64,
    /// Runs of the offset map.
    pub runs: u64,
    /// Why it stands still, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// What it waits for, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Records mirrored by this process.
    pub records: u64,
    /// Bytes mirrored by this process.
    pub bytes: u64,
    /// Batches produced by this process.
    pub batches: u64,
    /// How often this process worked out the position anew.
    pub settlings: u64,
}

/// A pair of offsets between which translation is exact, or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Translation {
    /// The source offset.
    pub source_offset: SourceOffset,
    /// The target offset.
    pub target_offset: TargetOffset,
    /// Whether a consumer going on there skips and repeats nothing.
    pub exact: bool,
    /// Why not, or what was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why an offset cannot be translated.
#[derive(Debug)]
pub enum Untranslatable {
    /// The link doesn't mirror that partition.
    UnknownPartition,
    /// The offset lies beyond what is mirrored.
    BeyondFrontier {
        /// Everything before it is on the target.
        frontier: SourceOffset,
        /// The end of the mirror partition.
        target_end: TargetOffset,
    },
    /// The offset lies before the first record that was mirrored.
    BeforeMap {
        /// The first source offset of the map.
        source: SourceOffset,
        /// The first target offset of the map.
        target: TargetOffset,
    },
    /// The checkpoint DB failed.
    Store(Error),
}

impl LinkView {
    /// A view of what the checkpoint DB knows of a link's topics; `wanted` says which the link still mirrors.
    pub fn load(
        link: &LinkName,
        store: &Arc<dyn Store>,
        wanted: impl Fn(&TopicName) -> bool,
    ) -> Result<Self> {
        let paused = records::load_link(&**store, link)?.is_some_and(|record| record.paused);
        let view = Self(Arc::new(Inner {
            link: link.clone(),
            store: Arc::clone(store),
            partitions: RwLock::default(),
            paused: watch::Sender::new(paused),
            save_order: Mutex::new(()),
        }));
        let topics = records::topics_of(&**store, link)?
            .into_iter()
            .collect::<BTreeMap<_, _>>();
        for (key, _) in records::partitions_of(&**store, link)? {
            if let Some(topic) = topics.get(&key.topic).filter(|_| wanted(&key.topic)) {
                view.track(&key.topic_partition(), &topic.mirror_topic)?;
            }
        }
        Ok(view)
    }

    /// The link's name.
    pub fn link(&self) -> &LinkName {
        &self.0.link
    }

    /// Every partition, ordered by topic and number.
    pub fn partitions(&self) -> Vec<PartitionStatus> {
        let now = crate::telemetry::now_ms();
        let partitions = self.0.partitions.read();
        partitions
            .iter()
            .map(|(partition, tracked)| status(partition, tracked, now))
            .collect()
    }

    /// The partitions of one topic; none if the link doesn't mirror it.
    pub fn topic(&self, topic: &TopicName) -> Option<Vec<PartitionStatus>> {
        let now = crate::telemetry::now_ms();
        let partitions = self.0.partitions.read();
        let of_topic = partitions.iter().filter(|(it, _)| it.topic == *topic);
        let found: Vec<_> = of_topic
            .map(|(partition, tracked)| status(partition, tracked, now))
            .collect();
        (!found.is_empty()).then_some(found)
    }

    /// The name of a topic's mirror on the target.
    pub fn mirror_topic(&self, topic: &TopicName) -> Option<TopicName> {
        let partition = TopicPartition::new(topic.clone(), 0);
        self.0
            .partitions
            .read()
            .get(&partition)
            .map(|tracked| tracked.mirror_topic.clone())
    }

    /// The source offset up to which everything is on the target.
    pub fn frontier(&self, partition: &TopicPartition) -> Option<SourceOffset> {
        let tracked = self.tracked(partition)?;
        let known = tracked.lock();
        Some(known.record.frontier)
    }

    /// Whether the checkpoint DB knows where a partition starts.
    pub fn has_begun(&self, partition: &TopicPartition) -> bool {
        self.tracked(partition)
            .is_some_and(|tracked| tracked.lock().begun)
    }

    /// How offsets of a topic relate, if its first partition is mirrored already.
    pub(crate) fn offsets_of(&self, topic: &TopicName) -> Option<OffsetsMode> {
        let tracked = self.tracked(&TopicPartition::new(topic.clone(), 0))?;
        let known = tracked.lock();
        known.begun.then_some(known.record.offsets)
    }

    /// The target offset at which a consumer goes on that would read `offset` next on the source.
    pub fn translate(
        &self,
        partition: &TopicPartition,
        offset: SourceOffset,
    ) -> Result<Translation, Untranslatable> {
        let tracked = self
            .tracked(partition)
            .ok_or(Untranslatable::UnknownPartition)?;
        let known = tracked.lock();
        let frontier = known.record.frontier;
        let end = known.record.acked_end;
        if offset > frontier {
            return Err(Untranslatable::BeyondFrontier {
                frontier,
                target_end: end,
            });
        }
        let found = known
            .map
            .to_target(offset, &tracked.runs())
            .map_err(Untranslatable::Store)?;
        let (target, reason) = match found {
            Lookup::Exact(target) => (target, None),
            Lookup::InGap { next } => (next, Some("between two mirrored records: the next one")),
            Lookup::BeyondMap { .. } => (end, None),
            Lookup::BeforeMap { first } => {
                return before_map(&known, &tracked, offset, first);
            }
        };
        Ok(Translation {
            source_offset: offset,
            target_offset: target,
            exact: true,
            reason: reason.map(str::to_owned),
        })
    }

    /// The source offset at which a consumer goes on that would read `offset` next on the target.
    pub fn translate_back(
        &self,
        partition: &TopicPartition,
        offset: TargetOffset,
    ) -> Result<Translation, Untranslatable> {
        let tracked = self
            .tracked(partition)
            .ok_or(Untranslatable::UnknownPartition)?;
        let known = tracked.lock();
        let found = known
            .map
            .to_source(offset, &tracked.runs())
            .map_err(Untranslatable::Store)?;
        let beyond = Untranslatable::BeyondFrontier {
            frontier: known.record.frontier,
            target_end: known.record.acked_end,
        };
        let source = match found {
            Lookup::Exact(source) | Lookup::InGap { next: source } => source,
            Lookup::BeyondMap { .. } if offset == known.record.acked_end => known.record.frontier,
            Lookup::BeyondMap { .. } => return Err(beyond),
            Lookup::BeforeMap { first } => {
                let target = known.map.to_target(first, &tracked.runs());
                let target = target.map_err(Untranslatable::Store)?.or_next();
                return Err(Untranslatable::BeforeMap {
                    source: first,
                    target,
                });
            }
        };
        Ok(Translation {
            source_offset: source,
            target_offset: offset,
            exact: true,
            reason: None,
        })
    }

    /// Stores every frontier that moved. A commit on the target that depends on one comes after this (H9).
    pub async fn persist_frontiers(&self) -> Result<()> {
        let mut receipts = Vec::new();
        let committed = {
            let _order = self.save_order();
            let mut update = Update::new();
            for tracked in self.0.partitions.read().values() {
                if tracked.lock().dirty {
                    receipts.push((Arc::clone(tracked), tracked.save(&mut update)));
                }
            }
            if update.is_empty() {
                return Ok(());
            }
            self.0.store.commit(update)
        };
        committed.await?;
        for (tracked, receipt) in receipts {
            tracked.lock().map.stored(receipt);
        }
        Ok(())
    }

    /// Pauses or resumes mirroring; what is in flight still lands. Remembered across restarts by whoever keeps the link record.
    pub fn set_paused(&self, paused: bool) {
        self.0.paused.send_replace(paused);
    }

    /// Whether the link is paused.
    pub fn is_paused(&self) -> bool {
        *self.0.paused.borrow()
    }

    pub(crate) fn paused(&self) -> watch::Receiver<bool> {
        self.0.paused.subscribe()
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0.store)
    }

    /// Held while records are read for storing and queued: a later picture is then also stored later.
    pub(crate) fn save_order(&self) -> MutexGuard<'_, ()> {
        self.0.save_order.lock()
    }

    /// Begins to track a partition, with what the checkpoint DB knows of it.
    pub(crate) fn track(
        &self,
        partition: &TopicPartition,
        mirror_topic: &TopicName,
    ) -> Result<Arc<Tracked>> {
        if let Some(tracked) = self.tracked(partition) {
            return Ok(tracked);
        }
        let key = PartitionKey::new(&self.0.link, partition);
        let tracked = Arc::new(Tracked::new(key, mirror_topic.clone(), self.store())?);
        self.0
            .partitions
            .write()
            .insert(partition.clone(), Arc::clone(&tracked));
        Ok(tracked)
    }

    fn tracked(&self, partition: &TopicPartition) -> Option<Arc<Tracked>> {
        self.0.partitions.read().get(partition).cloned()
    }
}

/// An offset before the first mirrored record is exact at that record if the mirror began there with nothing left out.
fn before_map(
    known: &Known,
    tracked: &Tracked,
    offset: SourceOffset,
    first: TargetOffset,
) -> Result<Translation, Untranslatable> {
    let source = known
        .map
        .to_source(first, &tracked.runs())
        .map_err(Untranslatable::Store)?;
    let source = source.or_next();
    if offset >= known.record.origin {
        let reason = "before the first mirrored record, with none between".to_owned();
        return Ok(Translation {
            source_offset: offset,
            target_offset: first,
            exact: true,
            reason: Some(reason),
        });
    }
    Err(Untranslatable::BeforeMap {
        source,
        target: first,
    })
}

fn status(partition: &TopicPartition, tracked: &Tracked, now: i64) -> PartitionStatus {
    let known = tracked.lock();
    let figures = &known.figures;
    let lag_records = known.lag();
    let waiting = figures.oldest_waiting.filter(|_| lag_records > 0);
    PartitionStatus {
        partition: partition.clone(),
        mirror_topic: tracked.mirror_topic.clone(),
        state: figures.state,
        path: "raw",
        offsets: known.record.offsets.as_str(),
        source_log_start: figures.source_log_start,
        source_end: figures.source_end,
        source_high_watermark: figures.source_high_watermark,
        position: known.record.frontier.get(),
        target_end: figures.target_end,
        target_log_start: figures.target_log_start,
        lag_records,
        lag_ms: waiting.map_or(0, |since| now.saturating_sub(since).max(0)),
        runs: known.map.run_count(),
        reason: figures.reason.clone(),
        detail: figures.detail.clone(),
        records: figures.records,
        bytes: figures.bytes,
        batches: figures.batches,
        settlings: figures.settlings,
    }
}
