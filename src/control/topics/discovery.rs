//! The topic loop: looks at both clusters, plans, acts, and publishes what the workers mirror.
//!
//! An unreachable cluster doesn't end it: the last set remains, after a start the one stored in the checkpoint DB.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::Store;
use crate::checkpoint::records::load_topic;
use crate::config::LinkConfig;
use crate::control::mirrored::Mirrored;
use crate::error::{Kind, Result};
use crate::model::{KnownTopic, LinkIntents, MirrorSet, TopicName};
use crate::task::log_once::Notice;
use crate::task::{InFlight, Rounds};

use super::apply::{Performer, Work};
use super::cluster::{ConfigMemory, SeenConfigs, TopicSite};
use super::namesakes::Namesakes;
use super::plan::plan;
use super::remembered::{first_look, known};
use super::starts::FirstLook;

mod looking;
mod showing;
#[cfg(test)]
mod tests;

/// How many requests' outcomes wait to be published.
const APPLIED_AT_ONCE: usize = 4;

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

    /// Shows the configs that it reads of source topics and of mirror topics.
    #[must_use]
    pub fn showing(mut self, [source, target]: [SeenConfigs; 2]) -> Self {
        self.source_configs = ConfigMemory::shown(source);
        self.target_configs = ConfigMemory::shown(target);
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
        let work = Work::of(plan(&sight));
        let performer = Performer {
            target: Arc::clone(&self.target),
            mirrored: self.mirrored.clone(),
            in_flight: self.in_flight.clone(),
            wanted,
        };
        let until = Instant::now() + self.config.refresh_interval;
        let (sender, applied) = mpsc::channel(APPLIED_AT_ONCE);
        // The target creates more topics while earlier ones appear.
        let ((), shown) = tokio::join!(
            performer.run(work, until, sender),
            self.show((&mut sight, &mut unclear), applied, &selected),
        );
        let first_failure = shown?;
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
}
