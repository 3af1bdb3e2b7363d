//! The topic loop: looks at both clusters, plans, acts, and publishes what the workers mirror.
//!
//! An unreachable cluster doesn't end it: the last set remains, after a start the one stored in the checkpoint DB.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::records::{delete_first_look, delete_reseed, load_topic, put_topic};
use crate::checkpoint::{Store, TopicRecord, Update};
use crate::config::LinkConfig;
use crate::control::mirrored::Mirrored;
use crate::control::permit::link_permit;
use crate::error::{Kind, Result};
use crate::model::{Intent, KnownTopic, LinkIntents, MirrorSet, TopicName};
use crate::task::log_once::Notice;
use crate::task::{InFlight, Rounds};

use super::apply::Work;
use super::cluster::{ConfigMemory, SeenTopic, TopicSite};
use super::namesakes::Namesakes;
use super::plan::plan;
use super::remembered::{first_look, known};
use super::sight::{Selected, Sight, TargetTopic};

mod looking;
#[cfg(test)]
mod tests;

/// How often a created topic is looked for before the next interval: brokers are notified of a creation with a delay.
const SETTLING_LOOKS: usize = 20;
const SETTLING_PAUSE: Duration = Duration::from_millis(100);
/// The shortest pause after the target's quota admitted no more creations.
const THROTTLED_PAUSE: Duration = Duration::from_millis(500);

/// The topic discovery of one link.
#[derive(Debug)]
pub struct Discovery {
    config: LinkConfig,
    source: Arc<dyn TopicSite>,
    target: Arc<dyn TopicSite>,
    store: Arc<dyn Store>,
    set: watch::Sender<Arc<MirrorSet>>,
    known: BTreeMap<TopicName, KnownTopic>,
    /// What the link's very first look found; `None` before it.
    initial: Option<BTreeMap<TopicName, i32>>,
    /// Topics that were gone at the last look: a single look may come from a broker that has just started.
    gone: BTreeSet<TopicName>,
    /// Topics being reseeded whose partitions were instructed to stop by the last published set.
    stopped: BTreeSet<TopicName>,
    /// Reports when history is mirrored, which decides when compaction may begin where offsets are preserved.
    mirrored: Option<Arc<dyn Mirrored>>,
    /// Tracks changes to the target in flight.
    in_flight: InFlight,
    source_configs: ConfigMemory,
    target_configs: ConfigMemory,
    namesakes: Namesakes,
    looking: Notice,
    applying: Notice,
}

impl Discovery {
    /// Creates the discovery of a link, starting from the stored set.
    ///
    /// Errors: the checkpoint DB failed.
    pub fn new(
        config: LinkConfig,
        source: Arc<dyn TopicSite>,
        target: Arc<dyn TopicSite>,
        store: Arc<dyn Store>,
    ) -> Result<Self> {
        let known = known(store.as_ref(), &config)?;
        Ok(Self {
            set: watch::Sender::new(Arc::new(MirrorSet::remembered(&known))),
            looking: Notice::of(format!("look at the topics of link {}", config.name)),
            applying: Notice::of(format!("prepare mirror topics of link {}", config.name)),
            initial: first_look(store.as_ref(), &config.name, &known)?,
            gone: BTreeSet::new(),
            stopped: BTreeSet::new(),
            mirrored: None,
            in_flight: InFlight::default(),
            source_configs: ConfigMemory::default(),
            target_configs: ConfigMemory::default(),
            namesakes: Namesakes::default(),
            known,
            config,
            source,
            target,
            store,
        })
    }

    /// Adds the progress of mirroring and the intents of the topics as inputs, and the tracking of changes in flight.
    #[must_use]
    pub fn hearing(mut self, mirrored: Arc<dyn Mirrored>, in_flight: InFlight) -> Self {
        self.mirrored = Some(mirrored);
        self.in_flight = in_flight;
        self
    }

    /// Subscribes to the set to mirror.
    pub fn watch(&self) -> watch::Receiver<Arc<MirrorSet>> {
        self.set.subscribe()
    }

    /// Runs until `token` is cancelled.
    ///
    /// Errors: the checkpoint DB failed; nothing else ends the loop.
    pub async fn run(mut self, token: CancellationToken) -> Result<()> {
        let mut rounds = Rounds::every(self.config.refresh_interval, token);
        while rounds.next().await {
            let Some(round) = rounds.unless_stopped(self.round()).await else {
                break;
            };
            round?;
        }
        Ok(())
    }

    async fn round(&mut self) -> Result<()> {
        match self.discover().await {
            Ok(()) => self.looking.worked(),
            Err(error) if error.kind() == Kind::Store => return Err(error),
            Err(error) => self.looking.failed(&error),
        }
        Ok(())
    }

    async fn discover(&mut self) -> Result<()> {
        let (source, target) = tokio::try_join!(self.source.look(), self.target.look())?;
        self.remember_decisions()?;
        let mut sight = self.sight(&source, &target).await?;
        let selected = sight.selected();
        let wanted = self.intents();
        let mut unclear = self.set_aside_unclear(&mut sight, &source, &target);
        unclear.extend(sight.set_aside_held(&wanted));
        let mut work = Work::of(plan(&sight));
        let until = Instant::now() + self.config.refresh_interval;
        let mut first_failure = None;
        loop {
            let (_, writing) = link_permit(&self.in_flight, || self.intents()).await;
            let may_write =
                |it: &TopicName| wanted.of(it).writes() && self.intents().of(it).writes();
            let applied = work.next(self.target.as_ref(), &may_write).await;
            drop(writing);
            for topic in applied.configured {
                self.target_configs.forget(&topic);
            }
            sight.refused.extend(applied.refused);
            sight.obstacles.extend(applied.obstacles);
            for name in applied.postponed {
                sight.leave_out(&name);
                unclear.insert(name);
            }
            if !applied.changed.is_empty() {
                self.settle(&mut sight, &applied.changed).await?;
            }
            sight.created.extend(applied.created);
            self.publish(&mut sight, &unclear, &selected).await?;
            first_failure = first_failure.or(applied.first_failure);
            let resumes = Instant::now() + applied.pause.unwrap_or_default().max(THROTTLED_PAUSE);
            match applied.pause {
                _ if work.is_done() => break,
                // What is left is planned again by the next look.
                Some(_) if resumes >= until => break,
                Some(_) => sleep_until(resumes).await,
                None => {}
            }
        }
        match first_failure {
            Some(error) => self.applying.failed(&error),
            None => self.applying.worked(),
        }
        Ok(())
    }

    /// Re-reads the source ids of topics in conflict: another source topic of the same name may have been accepted
    /// meanwhile.
    fn remember_decisions(&mut self) -> Result<()> {
        let set = Arc::clone(&self.set.borrow());
        for (name, topic) in &set.topics {
            if let (Some(_), Some(known)) = (&topic.conflict, self.known.get_mut(name))
                && let Some(record) = load_topic(self.store.as_ref(), &self.config.name, name)?
            {
                known.source_id = record.source_topic_id;
            }
        }
        Ok(())
    }

    fn intents(&self) -> Arc<LinkIntents> {
        let mirrored = self.mirrored.as_deref();
        mirrored.map(Mirrored::intents).unwrap_or_default()
    }

    /// Waits briefly until the brokers show what was created.
    async fn settle(&self, sight: &mut Sight, changed: &BTreeMap<TopicName, i32>) -> Result<()> {
        for _ in 0..SETTLING_LOOKS {
            let look = self.target.look().await?;
            for name in changed.keys() {
                if let Some(seen) = look.topics.get(name).filter(|seen| seen.is_clear) {
                    sight.target.insert(name.clone(), seen_target(seen));
                }
            }
            let is_there = |(name, partitions): (&TopicName, &i32)| {
                sight
                    .target
                    .get(name)
                    .is_some_and(|t| t.partitions >= *partitions)
            };
            if changed.iter().all(is_there) {
                break;
            }
            sleep(SETTLING_PAUSE).await;
        }
        Ok(())
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
        set.unmirrored = unmirrored.collect();
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

fn seen_target(seen: &SeenTopic) -> TargetTopic {
    TargetTopic {
        id: seen.id,
        partitions: seen.partitions,
        configs: BTreeMap::new(),
    }
}
