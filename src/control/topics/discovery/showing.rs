//! What a look found and what is done about it, shown to the workers as soon as the brokers show it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::checkpoint::records::{delete_first_look, delete_reseed, put_topic};
use crate::checkpoint::{TopicRecord, Update};
use crate::control::topics::apply::Applied;
use crate::control::topics::cluster::TopicSite;
use crate::control::topics::sight::{Selected, Sight};
use crate::error::{Error, Result};
use crate::model::{Intent, TopicName, TopicPartition};

use super::Discovery;

/// How many looks in a row may show nothing new of what was created before the rest is left to the next interval: brokers are
/// notified of a creation with a delay.
const SETTLING_LOOKS: usize = 8;
/// The pause before a second look, and how much longer it gets with each further one: a look at many topics costs the broker
/// as much as creating some of them, and partitions that begin together share requests.
const SETTLING_PAUSE: Duration = Duration::from_millis(100);
const SETTLING_PAUSE_MAX: Duration = Duration::from_millis(500);

/// How far the brokers show what was done.
#[derive(Debug, Default)]
struct Shown {
    /// Mirror topics that were created or extended and don't show yet, with their number of partitions.
    awaited: BTreeMap<TopicName, i32>,
    /// The number of looks, and of those since the last one that showed something new.
    looks: u32,
    idle_looks: usize,
    /// Whether nothing more will be done.
    is_over: bool,
    first_failure: Option<Error>,
}

impl Shown {
    fn is_complete(&self) -> bool {
        self.is_over && (self.awaited.is_empty() || self.idle_looks >= SETTLING_LOOKS)
    }

    fn pause(&self) -> Duration {
        SETTLING_PAUSE_MAX.min(SETTLING_PAUSE * self.looks.max(1))
    }

    /// Looks for what is awaited. Returns whether any of it shows.
    async fn look(&mut self, target: &dyn TopicSite, sight: &mut Sight) -> Result<bool> {
        let look = target.look().await?;
        let mut there = BTreeMap::new();
        for (name, partitions) in &self.awaited {
            let seen = look.topics.get(name);
            let seen = seen.filter(|seen| seen.is_clear && seen.partitions >= *partitions);
            there.extend(seen.map(|seen| (name.clone(), seen.on_target())));
        }
        // What its leader doesn't serve yet would only be refused, partition by partition.
        let partitions = there.iter().flat_map(|(name, topic)| {
            (0..topic.partitions).map(|number| TopicPartition::new(name.clone(), number))
        });
        let asked: Vec<TopicPartition> = partitions.collect();
        let served = target.served(&asked).await;
        for unserved in asked.iter().filter(|it| !served.contains(*it)) {
            there.remove(&unserved.topic);
        }
        self.awaited.retain(|name, _| !there.contains_key(name));
        self.looks += 1;
        self.idle_looks += 1;
        let is_new = !there.is_empty();
        sight.target.extend(there);
        Ok(is_new)
    }
}

impl Discovery {
    /// Publishes the set each time `applied` brings something or the brokers show more of what was created, until there is
    /// nothing more to come. Returns the first failure to do something.
    ///
    /// The first set is published once the actions on topics that exist are done: a mirror topic with wrong configs changes
    /// records.
    ///
    /// Errors: the checkpoint DB failed; the target doesn't answer.
    pub(super) async fn show(
        &mut self,
        (sight, unclear): (&mut Sight, &mut BTreeSet<TopicName>),
        mut applied: mpsc::Receiver<Applied>,
        selected: &BTreeMap<TopicName, Selected>,
    ) -> Result<Option<Error>> {
        let mut shown = Shown::default();
        let mut next_look = Instant::now();
        while !shown.is_complete() {
            let is_new = tokio::select! {
                biased;
                () = sleep_until(next_look), if !shown.awaited.is_empty() => {
                    let is_new = shown.look(self.target.as_ref(), sight).await?;
                    next_look = Instant::now() + shown.pause();
                    is_new
                }
                mut more = applied.recv(), if !shown.is_over => {
                    shown.is_over = more.is_none();
                    while let Some(one) = more {
                        self.take_in(sight, unclear, &mut shown, one);
                        more = applied.try_recv().ok();
                    }
                    !shown.is_over
                }
            };
            if is_new {
                self.publish(sight, unclear, selected).await?;
                shown.idle_looks = 0;
            }
        }
        Ok(shown.first_failure)
    }

    /// Adds what was done to the sight.
    fn take_in(
        &mut self,
        sight: &mut Sight,
        unclear: &mut BTreeSet<TopicName>,
        shown: &mut Shown,
        applied: Applied,
    ) {
        for topic in applied.configured {
            self.target_configs.forget(&topic);
        }
        sight.refused.extend(applied.refused);
        sight.obstacles.extend(applied.obstacles);
        for name in applied.postponed {
            sight.leave_out(&name);
            unclear.insert(name);
        }
        sight.created.extend(applied.created);
        shown.awaited.extend(applied.changed);
        shown.first_failure = shown.first_failure.take().or(applied.first_failure);
    }

    /// Stores what is new, then publishes the set.
    async fn publish(
        &mut self,
        sight: &mut Sight,
        unclear: &BTreeSet<TopicName>,
        selected: &BTreeMap<TopicName, Selected>,
    ) -> Result<()> {
        let mut set = sight.mirror_set();
        // Unchanged topics are stored already.
        let new = sight.to_remember(&set);
        let (before, intents) = (Arc::clone(&self.set.borrow()), self.intents());
        for name in unclear {
            if let Some(topic) = before.topics.get(name) {
                let mut topic = topic.clone();
                // Whatever applications did to an open topic is theirs.
                topic.conflict = topic.conflict.filter(|_| intents.of(name) != Intent::Open);
                set.topics.insert(name.clone(), topic);
            }
        }
        let mut update = Update::new();
        for name in sight.recreated() {
            delete_reseed(&mut update, &self.config.name, name);
        }
        let is_told = |name: &&TopicName| !unclear.contains(*name) || self.stopped.contains(*name);
        self.stopped = sight.reseeds.keys().filter(is_told).cloned().collect();
        if !new.is_empty() || !update.is_empty() {
            for (name, topic) in &new {
                put_topic(
                    &mut update,
                    &self.config.name,
                    name,
                    &TopicRecord::from(topic),
                );
                delete_first_look(&mut update, &self.config.name, name);
            }
            self.store.commit(update).await?;
            sight.known.extend(new.clone());
            self.known.extend(new);
        }
        let unmirrored = selected.iter().filter_map(|(name, topic)| {
            let unmirrored = sight.unmirrored(&set, name, topic)?;
            Some((name.clone(), unmirrored))
        });
        let unseen = sight.unseen(|name| self.config.mirror_topic(name));
        set.unmirrored = unmirrored.chain(unseen).collect();
        for (name, topic) in &set.topics {
            if let Some(known) = self.known.get_mut(name) {
                known.partitions = known.partitions.max(topic.partitions);
            }
        }
        self.set.send_if_modified(|current| {
            let is_new = **current != set;
            *current = Arc::new(set);
            is_new
        });
        Ok(())
    }
}
