//! The topic loop: looks at both clusters, plans, acts, and publishes what the workers mirror.
//!
//! An unreachable cluster doesn't end it: the last set remains, after a start the one stored in the checkpoint DB.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::records::{delete_first_look, delete_reseed, load_topic, put_topic};
use crate::checkpoint::{Store, TopicRecord, Update};
use crate::config::LinkConfig;
use crate::control::mirrored::Mirrored;
use crate::error::{Error, Kind, Result};
use crate::model::{Intent, KnownTopic, LinkIntents, MirrorSet, TopicName};
use crate::task::log_once::Notice;
use crate::task::{InFlight, Rounds};

use super::apply::{Applied, Performer, Work};
use super::cluster::{ConfigMemory, TopicSite};
use super::namesakes::Namesakes;
use super::plan::plan;
use super::remembered::{first_look, known};
use super::sight::{Selected, Sight};
use super::starts::FirstLook;

mod looking;
#[cfg(test)]
mod tests;

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
    first_look: FirstLook,
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
            first_look: FirstLook::new(first_look(store.as_ref(), &config.name, &known)?),
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
        let performer = Performer {
            target: Arc::clone(&self.target),
            mirrored: self.mirrored.clone(),
            in_flight: self.in_flight.clone(),
            wanted,
        };
        let until = Instant::now() + self.config.refresh_interval;
        let mut first_failure = None;
        let mut next = Some(performer.next(&mut work).await);
        while let Some(applied) = next {
            let resumes = Instant::now() + applied.pause.unwrap_or_default().max(THROTTLED_PAUSE);
            let pause = applied.pause;
            // The target creates the next topics while those of the last request appear.
            let more = async {
                match pause {
                    _ if work.is_done() => return None,
                    // What is left is planned again by the next look.
                    Some(_) if resumes >= until => return None,
                    Some(_) => sleep_until(resumes).await,
                    None => {}
                }
                Some(performer.next(&mut work).await)
            };
            let shown = async {
                let found = (&mut sight, &mut unclear);
                let failure = self.take_in(&performer, found, applied).await?;
                self.publish(&mut sight, &unclear, &selected).await?;
                Ok::<_, Error>(failure)
            };
            let (more, failure) = tokio::join!(more, shown);
            first_failure = first_failure.or(failure?);
            next = more;
        }
        match first_failure {
            Some(error) => self.applying.failed(&error),
            None => self.applying.worked(),
        }
        Ok(())
    }

    /// Adds what was done to the sight, and waits briefly until the brokers show it. Returns the first failure.
    async fn take_in(
        &mut self,
        performer: &Performer,
        (sight, unclear): (&mut Sight, &mut BTreeSet<TopicName>),
        applied: Applied,
    ) -> Result<Option<Error>> {
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
            performer.settle(sight, &applied.changed).await?;
        }
        sight.created.extend(applied.created);
        Ok(applied.first_failure)
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
