//! Carries out a plan. A topic that fails doesn't hold up the others.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::info;

use crate::control::mirrored::Mirrored;
use crate::control::permit::link_permit;
use crate::error::{BrokerCode, Error};
use crate::model::{HaltCode, LinkIntents, Obstacle, Reason, TopicName};
use crate::task::InFlight;

use super::cluster::TopicSite;
use super::plan::{Action, NewMirror};

/// How much one request creates: the controller makes all of it one write of its log.
const TOPICS_AT_ONCE: usize = 100;
const PARTITIONS_AT_ONCE: i32 = 1_000;
/// The shortest pause after the target's quota admitted no more creations.
const THROTTLED_PAUSE: Duration = Duration::from_millis(500);
const THROTTLING_QUOTA_EXCEEDED: BrokerCode = BrokerCode(89);

/// The actions of a plan that are still to be carried out, in the order of the topics' names.
#[derive(Debug)]
pub(super) struct Work {
    /// Actions on topics that exist, until they are carried out.
    present: Option<Vec<Action>>,
    creations: VecDeque<(TopicName, NewMirror)>,
}

/// Performs the actions of a plan under the intents.
#[derive(Debug)]
pub(super) struct Performer {
    pub(super) target: Arc<dyn TopicSite>,
    /// Reports the current intents.
    pub(super) mirrored: Option<Arc<dyn Mirrored>>,
    /// Tracks changes to the target in flight.
    pub(super) in_flight: InFlight,
    /// The intents that were planned for.
    pub(super) wanted: Arc<LinkIntents>,
}

impl Performer {
    /// Performs the next actions, except on source topics whose intent forbids writes now.
    async fn next(&self, work: &mut Work) -> Applied {
        let intents = || {
            let mirrored = self.mirrored.as_deref();
            mirrored.map(Mirrored::intents).unwrap_or_default()
        };
        let (_, _writing) = link_permit(&self.in_flight, intents).await;
        let may_write = |it: &TopicName| self.wanted.of(it).writes() && intents().of(it).writes();
        work.next(self.target.as_ref(), &may_write).await
    }

    /// Performs all actions, one request after the other as the target's quota admits them, and passes on what each did, those
    /// on topics that exist first. Ends early if the quota admits nothing more until `until`, which leaves the rest to the next look, or if the receiver is
    /// gone.
    pub(super) async fn run(&self, mut work: Work, until: Instant, applied: mpsc::Sender<Applied>) {
        while !work.is_done() {
            let next = self.next(&mut work).await;
            let pause = next.pause.map(|it| it.max(THROTTLED_PAUSE));
            if applied.send(next).await.is_err() {
                return;
            }
            let Some(pause) = pause else { continue };
            let resumes = Instant::now() + pause;
            if resumes >= until {
                return;
            }
            sleep_until(resumes).await;
        }
    }
}

/// The outcome of a part of a plan.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Source topics whose mirror was created.
    pub(super) created: BTreeSet<TopicName>,
    /// Mirror topics created or extended, with the number of partitions they must show.
    pub(super) changed: BTreeMap<TopicName, i32>,
    /// Mirror topics whose configs were changed.
    pub(super) configured: Vec<TopicName>,
    /// Source topics whose mirror can't be created or configured until an operator changes something.
    pub(super) refused: BTreeMap<TopicName, Reason>,
    /// Source topics whose mirror couldn't be created or extended, with the obstacle.
    pub(super) obstacles: BTreeMap<TopicName, Obstacle>,
    /// Source topics that must stay as they are until the next look.
    pub(super) postponed: BTreeSet<TopicName>,
    pub(super) first_failure: Option<Error>,
    /// How long the target wants no more creations.
    pub(super) pause: Option<Duration>,
}

impl Work {
    /// Sorts the actions of a plan.
    pub(super) fn of(plan: Vec<Action>) -> Self {
        let (mut present, mut creations) = (Vec::new(), VecDeque::new());
        for action in plan {
            match action {
                Action::CreateTopic { source, mirror } => creations.push_back((source, mirror)),
                other => present.push(other),
            }
        }
        Self {
            present: Some(present),
            creations,
        }
    }

    /// Whether everything was carried out.
    fn is_done(&self) -> bool {
        self.present.is_none() && self.creations.is_empty()
    }

    /// Performs the next actions: all those on topics that exist, even if there are none, then one request's worth of creations
    /// at a time. Source topics for which `may_write` doesn't permit writes any more are skipped.
    pub(super) async fn next(
        &mut self,
        target: &dyn TopicSite,
        may_write: &(dyn Fn(&TopicName) -> bool + Sync),
    ) -> Applied {
        let mut applied = Applied::default();
        if let Some(present) = self.present.take() {
            for action in present {
                if may_write(action.source()) {
                    applied.perform(target, action).await;
                } else {
                    applied.holds(action.source().clone());
                }
            }
            return applied;
        }
        let batch = self.batch(&mut applied, may_write);
        if !batch.is_empty() {
            let again = applied.create(target, batch).await;
            self.creations.extend(again);
        }
        applied
    }

    /// Takes as many creations as one request makes.
    fn batch(
        &mut self,
        applied: &mut Applied,
        may_write: &(dyn Fn(&TopicName) -> bool + Sync),
    ) -> Vec<(TopicName, NewMirror)> {
        let (mut batch, mut partitions) = (Vec::new(), 0);
        while let Some((source, mirror)) = self.creations.pop_front() {
            if !may_write(&source) {
                applied.holds(source);
                continue;
            }
            let is_full = batch.len() == TOPICS_AT_ONCE
                || (partitions > 0 && mirror.partitions > PARTITIONS_AT_ONCE - partitions);
            if is_full {
                self.creations.push_front((source, mirror));
                break;
            }
            partitions += mirror.partitions;
            batch.push((source, mirror));
        }
        batch
    }
}

impl Applied {
    async fn perform(&mut self, target: &dyn TopicSite, action: Action) {
        match action {
            Action::CreatePartitions {
                source,
                target: name,
                count,
            } => self.grow(target, source, name, count).await,
            Action::AlterConfigs {
                source,
                target: name,
                changes,
            } => match target.alter(&name, &changes).await {
                Ok(()) => {
                    info!("set configs of mirror topic {name}: {changes:?}");
                    self.configured.push(name);
                }
                Err(error) => self.refused(source, error),
            },
            Action::DeleteTopic {
                source,
                target: name,
            } => match target.delete(&name).await {
                Ok(()) => info!("deleted mirror topic {name} to create it anew"),
                Err(error) => self.refused(source, error),
            },
            Action::Conflict { source, reason } => {
                self.refused.insert(source, reason);
            }
            Action::CreateTopic { .. } => {}
        }
    }

    /// Creates mirror topics with one request. Returns those that the target's quota doesn't admit yet.
    async fn create(
        &mut self,
        target: &dyn TopicSite,
        batch: Vec<(TopicName, NewMirror)>,
    ) -> Vec<(TopicName, NewMirror)> {
        let (sources, mirrors): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        let created = match target.create(&mirrors).await {
            Ok(created) => created,
            Err(error) => {
                for source in sources {
                    self.awaits(source, error.chain());
                }
                self.failed(error);
                return Vec::new();
            }
        };
        let mut again = Vec::new();
        for ((source, mirror), result) in sources.into_iter().zip(mirrors).zip(created.results) {
            match result {
                Ok(is_new) => {
                    if is_new {
                        let (name, partitions) = (&mirror.name, mirror.partitions);
                        info!("created mirror topic {name} with {partitions} partitions");
                        self.created.insert(source);
                    }
                    self.changed.insert(mirror.name, mirror.partitions);
                }
                Err(error) if error.code() == Some(THROTTLING_QUOTA_EXCEEDED) => {
                    let limited = Obstacle::Awaited(format!(
                        "the target limits how much may be created (controller_mutation_rate): {}",
                        error.chain()
                    ));
                    self.obstacles.insert(source.clone(), limited);
                    self.pause = Some(created.throttle);
                    self.failed(error);
                    again.push((source, mirror));
                }
                Err(error) => self.refused(source, error),
            }
        }
        again
    }

    async fn grow(
        &mut self,
        target: &dyn TopicSite,
        source: TopicName,
        name: TopicName,
        count: i32,
    ) {
        match target.grow(&name, count).await {
            Ok(()) => {
                info!("extended mirror topic {name} to {count} partitions");
                self.changed.insert(name, count);
            }
            // The existing partitions continue; the missing ones are requested again after the next look.
            Err(error) => {
                let obstacle = if refusal(&error).is_some() {
                    let reason = Reason::new(HaltCode::PartitionsMissing, error.chain());
                    Obstacle::Refused(reason)
                } else {
                    Obstacle::Awaited(error.chain())
                };
                self.obstacles.insert(source, obstacle);
                self.failed(error);
            }
        }
    }

    fn refused(&mut self, source: TopicName, error: Error) {
        match refusal(&error) {
            Some(code) => {
                self.refused
                    .insert(source, Reason::new(code, error.chain()));
            }
            None => self.awaits(source, error.chain()),
        }
        self.failed(error);
    }

    fn holds(&mut self, source: TopicName) {
        self.obstacles.insert(source.clone(), Obstacle::Held);
        self.postponed.insert(source);
    }

    fn awaits(&mut self, source: TopicName, why: String) {
        self.obstacles
            .insert(source.clone(), Obstacle::Awaited(why));
        self.postponed.insert(source);
    }

    fn failed(&mut self, error: Error) {
        self.first_failure.get_or_insert(error);
    }
}

/// What an operator has to change before the target accepts a topic, a partition or a setting; `None` if it may accept it the
/// next time.
fn refusal(error: &Error) -> Option<HaltCode> {
    match error.code()?.0 {
        // INVALID_TOPIC_EXCEPTION; only the message tells a collision from another fault of the name.
        17 if error.chain().contains("collide") => Some(HaltCode::NameCollision),
        17 => Some(HaltCode::NameRefused),
        // TOPIC_AUTHORIZATION_FAILED, CLUSTER_AUTHORIZATION_FAILED.
        29 | 31 => Some(HaltCode::NotPermitted),
        // INVALID_REPLICATION_FACTOR.
        38 => Some(HaltCode::TooManyReplicas),
        // INVALID_PARTITIONS, INVALID_CONFIG, POLICY_VIOLATION.
        37 | 40 | 44 => Some(HaltCode::PolicyRefused),
        _ => None,
    }
}
