//! What others see of a link: states, figures and exact translation, also with both clusters gone.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard, RwLock};
use tokio::sync::watch;

use crate::checkpoint::{PartitionKey, Store, Update, intents, records};
use crate::error::{Error, Kind, Result};
use crate::model::{
    DataPath, HaltCode, Intent, LinkIntents, LinkName, Missed, OffsetsMode, PartitionState, Reason,
    SourceOffset, TopicName, TopicPartition, Totals,
};

use super::partition::Tracked;
use super::rate_figures::RateFigures;
use super::resolve_request::Releases;

/// A link's view: a cheap handle.
#[derive(Debug, Clone)]
pub struct LinkView(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    link: LinkName,
    store: Arc<dyn Store>,
    partitions: RwLock<BTreeMap<TopicPartition, Arc<Tracked>>>,
    intents: watch::Sender<Arc<LinkIntents>>,
    pending: watch::Sender<Arc<LinkIntents>>,
    save_order: Mutex<()>,
    /// Held while intents are read and shown: an older picture never replaces a newer one.
    reloading: Mutex<()>,
    releases: Releases,
    rate: RateFigures,
}

/// One partition, as the API shows it. Offsets are -1 where nothing was seen yet.
#[derive(Debug, Clone)]
pub struct PartitionStatus {
    /// The partition on the source.
    pub partition: TopicPartition,
    /// The mirror topic's name.
    pub mirror_topic: TopicName,
    /// The state.
    pub state: PartitionState,
    /// How its records travel.
    pub path: DataPath,
    /// How offsets of the two sides relate.
    pub offsets: OffsetsMode,
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
    pub reason: Option<Reason>,
    /// What it waits for, if it does.
    pub detail: Option<String>,
    /// Records mirrored by this process.
    pub records: u64,
    /// Bytes mirrored by this process.
    pub bytes: u64,
    /// Batches produced by this process.
    pub batches: u64,
    /// How often this process worked out the position anew.
    pub settlings: u64,
    /// Records the target removed while the source still has them.
    pub expired_on_target: i64,
    /// Offsets without an image on the other side, since the partition was first mirrored.
    pub without_image: Totals,
    /// Where deletions of keys may be missing, if anywhere.
    pub missed_deletions: Option<Missed>,
    /// Since when its source topic is the one it is, in milliseconds since 1970; 0 if it was never another.
    pub map_since_ms: i64,
}

impl LinkView {
    /// A view of what the checkpoint DB knows of a link's topics; `wanted` says which the link still mirrors.
    pub fn load(
        link: &LinkName,
        store: &Arc<dyn Store>,
        wanted: impl Fn(&TopicName) -> bool,
    ) -> Result<Self> {
        let view = Self(Arc::new(Inner {
            link: link.clone(),
            store: Arc::clone(store),
            partitions: RwLock::default(),
            intents: watch::Sender::default(),
            pending: watch::Sender::default(),
            save_order: Mutex::new(()),
            reloading: Mutex::new(()),
            releases: Releases::default(),
            rate: RateFigures::default(),
        }));
        view.reload(wanted)?;
        Ok(view)
    }

    /// Forgets what it knew for what the checkpoint DB knows now, while no worker works on it.
    pub fn reload(&self, wanted: impl Fn(&TopicName) -> bool) -> Result<()> {
        let Inner { link, store, .. } = &*self.0;
        let topics: BTreeMap<_, _> = records::topics_of(&**store, link)?.into_iter().collect();
        self.0.partitions.write().clear();
        for (key, _) in records::partitions_of(&**store, link)? {
            if let Some(topic) = topics.get(&key.topic).filter(|_| wanted(&key.topic)) {
                self.track(&key.topic_partition(), &topic.mirror_topic)?;
            }
        }
        self.reload_intents()
    }

    /// Obeys from now on what the checkpoint DB has of the link's intents.
    pub fn reload_intents(&self) -> Result<()> {
        let Inner { link, store, .. } = &*self.0;
        let _alone = self.0.reloading.lock();
        let mut wanted = intents::load_intents(&**store, link)?;
        let pending = intents::load_pending(&**store, link)?;
        wanted.merge(&pending);
        for (shown, now) in [(&self.0.intents, wanted), (&self.0.pending, pending)] {
            shown.send_if_modified(|before| {
                let is_new = **before != now;
                *before = Arc::new(now);
                is_new
            });
        }
        Ok(())
    }

    /// Shows that nothing is mirrored for a reason of the link as a whole.
    pub fn stand_still(&self, why: &str) {
        for tracked in self.0.partitions.read().values() {
            let waits = !tracked.lock().figures.state.needs_operator();
            if waits {
                tracked.show(PartitionState::Retrying, Some(why.to_owned()));
            }
        }
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
        let of_topic = partitions.range(TopicPartition::all_of(topic));
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

    /// How offsets of a topic relate, if a partition of it is mirrored already.
    pub(crate) fn offsets_of(&self, topic: &TopicName) -> Option<OffsetsMode> {
        let partitions = self.0.partitions.read();
        let of_topic = partitions.range(TopicPartition::all_of(topic));
        let mut begun = of_topic.filter_map(|(_, tracked)| {
            let known = tracked.lock();
            known.begun.then_some(known.record.offsets)
        });
        begun.next()
    }

    /// Why the map of a partition says nothing about the logs there are now, if so: one of them is another than it was.
    pub fn disowned(&self, partition: &TopicPartition) -> Option<String> {
        let tracked = self.tracked(partition)?;
        let known = tracked.lock();
        let reason = known.figures.reason.as_ref()?;
        let is_other = matches!(
            reason.code,
            HaltCode::SourceRecreated
                | HaltCode::TargetRecreated
                | HaltCode::TargetTopicMissing
                | HaltCode::TargetTruncated
        );
        is_other.then(|| reason.message.clone())
    }

    /// Stores every frontier that moved and isn't known to be durable, be it on its way already. A commit on the target that
    /// depends on one comes after this (H9). Errors: the checkpoint DB; a decision that moved one isn't durable yet.
    pub async fn persist_frontiers(&self) -> Result<()> {
        let mut receipts = Vec::new();
        let committed = {
            let _order = self.save_order();
            let mut update = Update::lazy();
            for (partition, tracked) in self.0.partitions.read().iter() {
                // A decision that couldn't be stored counts for nothing.
                tracked.freshen()?;
                if tracked.lock().is_unsaved() {
                    let receipt = tracked
                        .save(&mut update)
                        .ok_or_else(|| undecided(partition))?;
                    receipts.push((Arc::clone(tracked), receipt));
                }
            }
            if update.is_empty() {
                return Ok(());
            }
            self.0.store.commit(update)
        };
        committed.await?;
        for (tracked, receipt) in receipts {
            tracked.lock().stored(receipt);
        }
        Ok(())
    }

    /// What is wanted of the link and its topics, pending settings included, and every change of it.
    pub fn intents(&self) -> watch::Receiver<Arc<LinkIntents>> {
        self.0.intents.subscribe()
    }

    /// The settings among them that aren't in the journal yet, and every change of them.
    pub fn pending_intents(&self) -> watch::Receiver<Arc<LinkIntents>> {
        self.0.pending.subscribe()
    }

    /// What is wanted of a topic of the source.
    pub fn intent_of(&self, topic: &TopicName) -> Intent {
        self.0.intents.borrow().of(topic)
    }

    /// What is wanted of the link as a whole.
    pub fn link_intent(&self) -> Intent {
        self.0.intents.borrow().of_link()
    }

    /// Whether the limit of bytes per second holds the link up.
    pub fn rate(&self) -> &RateFigures {
        &self.0.rate
    }

    /// The way of releases to the worker.
    pub(crate) fn releases(&self) -> &Releases {
        &self.0.releases
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

    pub(super) fn tracked(&self, partition: &TopicPartition) -> Option<Arc<Tracked>> {
        self.0.partitions.read().get(partition).cloned()
    }
}

fn undecided(partition: &TopicPartition) -> Error {
    let message = "what was decided about the partition isn't stored yet; trying again";
    Error::new(Kind::TimedOut, message).partition(partition)
}

fn status(partition: &TopicPartition, tracked: &Tracked, now: i64) -> PartitionStatus {
    let known = tracked.lock();
    let figures = &known.figures;
    let lag_records = known.lag();
    let missed = known.record.history.deletions.missed();
    let waiting = figures.oldest_waiting.filter(|_| lag_records > 0);
    PartitionStatus {
        partition: partition.clone(),
        mirror_topic: tracked.mirror_topic.clone(),
        state: figures.state,
        path: known.record.path,
        offsets: known.record.offsets,
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
        detail: figures
            .detail
            .clone()
            .or_else(|| missed.as_ref().map(Missed::message)),
        records: figures.records,
        bytes: figures.bytes,
        batches: figures.batches,
        settlings: figures.settlings,
        expired_on_target: figures.expired,
        without_image: known.record.history.totals,
        missed_deletions: missed,
        map_since_ms: known.record.history.map_since_ms,
    }
}
