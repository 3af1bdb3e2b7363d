//! What other parts see of a link: states, figures and exact translation, even with both clusters gone.

use std::collections::BTreeMap;
use std::ops::RangeBounds;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard, RwLock};
use tokio::sync::watch;

use crate::checkpoint::{PartitionKey, Store, Update, intents, records};
use crate::error::{Error, Kind, Result};
use crate::model::{
    HaltCode, Intent, LinkIntents, LinkName, OffsetsMode, PartitionState, SourceOffset, TopicName,
    TopicPartition, Unmirrored,
};

use super::held::TransactionLimit;
use super::partition::TrackedPartition;
use super::resolve_request::ResolveChannel;
use super::status::{PartitionStatus, status};
use super::unmirrored::UnmirroredPartitions;
use crate::replicate::fetch::rate_limit::RateFigures;

/// A link's view. Cheap to clone: all clones share their state.
#[derive(Debug, Clone)]
pub struct LinkView(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    link: LinkName,
    store: Arc<dyn Store>,
    partitions: RwLock<BTreeMap<TopicPartition, Arc<TrackedPartition>>>,
    /// The partitions of selected topics that have no mirror partition.
    unmirrored: UnmirroredPartitions,
    /// How long the source lets transactions be open, as last read.
    transaction_limit: RwLock<Option<TransactionLimit>>,
    intents: watch::Sender<Arc<LinkIntents>>,
    pending: watch::Sender<Arc<LinkIntents>>,
    save_order: Mutex<()>,
    /// Held while intents are read and shown: an older state never replaces a newer one.
    reloading: Mutex<()>,
    requests: ResolveChannel,
    rate: RateFigures,
}

impl LinkView {
    /// Loads what the checkpoint DB holds for a link's topics; `wanted` is whether the link still mirrors a topic.
    pub fn load(
        link: &LinkName,
        store: &Arc<dyn Store>,
        wanted: impl Fn(&TopicName) -> bool,
    ) -> Result<Self> {
        let view = Self(Arc::new(Inner {
            link: link.clone(),
            store: Arc::clone(store),
            partitions: RwLock::default(),
            unmirrored: UnmirroredPartitions::default(),
            transaction_limit: RwLock::default(),
            intents: watch::Sender::default(),
            pending: watch::Sender::default(),
            save_order: Mutex::new(()),
            reloading: Mutex::new(()),
            requests: ResolveChannel::default(),
            rate: RateFigures::default(),
        }));
        view.reload(wanted)?;
        Ok(view)
    }

    /// Replaces all known state with the checkpoint DB's, while no worker uses it.
    pub fn reload(&self, wanted: impl Fn(&TopicName) -> bool) -> Result<()> {
        let Inner { link, store, .. } = &*self.0;
        let topics: BTreeMap<_, _> = records::topics_of(&**store, link)?.into_iter().collect();
        self.0.partitions.write().clear();
        self.0.unmirrored.clear();
        for (key, _) in records::partitions_of(&**store, link)? {
            if let Some(topic) = topics.get(&key.topic).filter(|_| wanted(&key.topic)) {
                self.track(&key.topic_partition(), &topic.mirror_topic)?;
            }
        }
        self.reload_intents()
    }

    /// Loads the link's intents from the checkpoint DB; they are in force from then on.
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

    /// Shows that nothing is mirrored, for a reason that concerns the link as a whole.
    pub fn stand_still(&self, why: &str) {
        for tracked in self.0.partitions.read().values() {
            let waits = !tracked.lock().figures.state.needs_operator();
            if waits {
                tracked.show(PartitionState::Retrying, Some(why.to_owned()));
            }
        }
    }

    /// Returns the link's name.
    pub fn link(&self) -> &LinkName {
        &self.0.link
    }

    /// Returns the status of every partition that the link selects, ordered by topic and number.
    pub fn partitions(&self) -> Vec<PartitionStatus> {
        existing(self.rows(.., None))
    }

    /// Returns the status of a topic's partitions; `None` if the link doesn't select it.
    pub fn topic(&self, topic: &TopicName) -> Option<Vec<PartitionStatus>> {
        let rows = existing(self.rows(TopicPartition::all_of(topic), Some(topic)));
        (!rows.is_empty()).then_some(rows)
    }

    /// Returns what [`Self::partitions`] does, and a row for each topic that the link names and the source doesn't have:
    /// for people, because there is nothing that mirroring, verifying or a move could wait for.
    pub fn partitions_to_show(&self) -> Vec<PartitionStatus> {
        self.rows(.., None)
    }

    /// Returns what [`Self::topic`] does, or the row of a topic that the link names and the source doesn't have.
    pub fn topic_to_show(&self, topic: &TopicName) -> Vec<PartitionStatus> {
        self.rows(TopicPartition::all_of(topic), Some(topic))
    }

    /// Returns the status of these mirror partitions, and of what the topic, or every one, has without a mirror, in order.
    fn rows(
        &self,
        partitions: impl RangeBounds<TopicPartition>,
        topic: Option<&TopicName>,
    ) -> Vec<PartitionStatus> {
        let now = crate::telemetry::now_ms();
        let tracked = self.0.partitions.read();
        let mirrored = tracked.range(partitions);
        let mut rows: Vec<PartitionStatus> = mirrored
            .map(|(partition, tracked)| status(partition, tracked, now))
            .collect();
        let intent_of = |topic: &TopicName| self.intent_of(topic);
        let has_row = |it: &TopicPartition| tracked.contains_key(it);
        let more = self.0.unmirrored.rows(topic, intent_of, has_row, now);
        if !more.is_empty() {
            rows.extend(more);
            rows.sort_by(|one, other| one.partition.cmp(&other.partition));
        }
        rows
    }

    /// Shows the partitions of selected topics that have no mirror partition, instead of those shown before.
    pub(crate) fn show_unmirrored(&self, unmirrored: &BTreeMap<TopicName, Unmirrored>) {
        self.0.unmirrored.show(unmirrored);
    }

    /// Returns the partitions of selected topics that have no mirror partition.
    pub(crate) fn unmirrored(&self) -> &UnmirroredPartitions {
        &self.0.unmirrored
    }

    /// Returns how long the source's brokers let a transaction be open, as last read.
    pub fn transaction_limit(&self) -> TransactionLimit {
        let read = *self.0.transaction_limit.read();
        read.unwrap_or(TransactionLimit::of(None))
    }

    pub(crate) fn set_transaction_limit(&self, limit: TransactionLimit) {
        *self.0.transaction_limit.write() = Some(limit);
    }

    /// Returns the name that a selected topic's mirror has on the target, or would have.
    pub fn mirror_topic(&self, topic: &TopicName) -> Option<TopicName> {
        let partition = TopicPartition::new(topic.clone(), 0);
        if let Some(tracked) = self.tracked(&partition) {
            return Some(tracked.mirror_topic.clone());
        }
        self.0.unmirrored.topic(topic).map(|it| it.mirror_topic)
    }

    /// Returns the source offset up to which everything is on the target.
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

    /// Returns how offsets of a topic relate, if a partition of it is mirrored already.
    pub(crate) fn offsets_of(&self, topic: &TopicName) -> Option<OffsetsMode> {
        let partitions = self.0.partitions.read();
        let of_topic = partitions.range(TopicPartition::all_of(topic));
        let mut begun = of_topic.filter_map(|(_, tracked)| {
            let known = tracked.lock();
            known.begun.then_some(known.record.offsets)
        });
        begun.next()
    }

    /// Returns why a partition's map doesn't apply to the current logs, if one of them has been replaced or has lost
    /// records.
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

    /// Stores every frontier that moved and isn't known to be durable, even if a save is already under way. A commit on the
    /// target that depends on a frontier comes after this (H9). Errors: the checkpoint DB failed, or a decision that moved
    /// one isn't durable yet.
    pub async fn persist_frontiers(&self) -> Result<()> {
        let mut receipts = Vec::new();
        let committed = {
            let _order = self.save_order();
            let mut update = Update::lazy();
            for (partition, tracked) in self.0.partitions.read().iter() {
                // A decision that couldn't be stored has no effect.
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

    /// Returns the intents of the link and its topics, including pending ones, and all changes to them.
    pub fn intents(&self) -> watch::Receiver<Arc<LinkIntents>> {
        self.0.intents.subscribe()
    }

    /// Returns those intents that aren't in the journal yet, and all changes to them.
    pub fn pending_intents(&self) -> watch::Receiver<Arc<LinkIntents>> {
        self.0.pending.subscribe()
    }

    /// Returns the intent of a source topic.
    pub fn intent_of(&self, topic: &TopicName) -> Intent {
        self.0.intents.borrow().of(topic)
    }

    /// Returns the intent of the link as a whole.
    pub fn link_intent(&self) -> Intent {
        self.0.intents.borrow().of_link()
    }

    /// Returns the figures about waits for the limit of bytes per second.
    pub fn rate(&self) -> &RateFigures {
        &self.0.rate
    }

    /// Returns the channel of operators' requests to the worker.
    pub(crate) fn requests(&self) -> &ResolveChannel {
        &self.0.requests
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.0.store)
    }

    /// Locks the order of saves: held while records are read and queued for storing, so that a later state is stored later.
    pub(crate) fn save_order(&self) -> MutexGuard<'_, ()> {
        self.0.save_order.lock()
    }

    /// Begins to track a partition, starting with its state in the checkpoint DB.
    pub(crate) fn track(
        &self,
        partition: &TopicPartition,
        mirror_topic: &TopicName,
    ) -> Result<Arc<TrackedPartition>> {
        if let Some(tracked) = self.tracked(partition) {
            return Ok(tracked);
        }
        let key = PartitionKey::new(&self.0.link, partition);
        let tracked = Arc::new(TrackedPartition::new(
            key,
            mirror_topic.clone(),
            self.store(),
        )?);
        self.0
            .partitions
            .write()
            .insert(partition.clone(), Arc::clone(&tracked));
        Ok(tracked)
    }

    pub(super) fn tracked(&self, partition: &TopicPartition) -> Option<Arc<TrackedPartition>> {
        self.0.partitions.read().get(partition).cloned()
    }
}

/// Leaves out the rows of topics that don't exist.
fn existing(mut rows: Vec<PartitionStatus>) -> Vec<PartitionStatus> {
    rows.retain(|row| !row.is_absent);
    rows
}

fn undecided(partition: &TopicPartition) -> Error {
    let message = "a decision about the partition isn't durable yet; trying again";
    Error::new(Kind::TimedOut, message).partition(partition)
}
