//! The loop that cares for the ACLs of a link's mirror topics: observes, plans, records, changes and reads back.
//!
//! Trouble with ACLs never ends it, and holds up nothing else; it is shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::Store;
use crate::checkpoint::acls::acls_of;
use crate::checkpoint::audit::AuditLog;
use crate::config::LinkConfig;
use crate::control::Mirrored;
use crate::error::{Kind, Result};
use crate::kafka::acl::entry::{AclEntry, AclPurpose, AclState, Permission};
use crate::model::{Intent, LinkIntents, LinkName, MirrorSet, TopicName};
use crate::task::log_once::Notice;
use crate::task::{InFlight, Rounds};

use super::apply::{Applier, TopicChanges, goes_on};
use super::cluster::AclSite;
use super::desired::TopicRole;
use super::judge::{Judgement, Observation, for_operator, judge, status};
use super::plan::{AclChanges, AclRecords, Recorded, added};
use super::status::{AclBoard, AclStatus};

#[cfg(test)]
mod tests;
mod trial;

use trial::{Tried, is_first, leave_out};

/// How long the first look waits for topic discovery.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// How long the source may take to tell its ACLs: a guard may have to be taken off because it is lost.
const SOURCE_LIMIT: Duration = Duration::from_secs(10);
/// How many entries are added and removed in one round.
const CHANGES_AT_ONCE: usize = 2_000;
/// How many changes of a round are tried one by one.
const TRIALS: usize = 32;

/// The parts that the care for a link's ACLs works with.
#[derive(Debug)]
pub struct AclSync {
    pub config: LinkConfig,
    pub source: Arc<dyn AclSite>,
    pub target: Arc<dyn AclSite>,
    pub store: Arc<dyn Store>,
    pub audit: Arc<AuditLog>,
    pub mirrored: Arc<dyn Mirrored>,
    /// What discovery found.
    pub set: watch::Receiver<Arc<MirrorSet>>,
    /// Where the status is published.
    pub board: Arc<AclBoard>,
    /// Tracks changes in flight.
    pub in_flight: InFlight,
}

/// What the loop knows in a term.
#[derive(Debug)]
struct Memory {
    records: AclRecords,
    tried: Tried,
    looking: Notice,
}

impl AclSync {
    /// Runs until `token` is cancelled.
    ///
    /// Errors: the checkpoint DB failed; nothing else ends the loop.
    pub async fn run(self, token: CancellationToken) -> Result<()> {
        // What an earlier term showed may be wrong by now.
        self.board.show(AclStatus::default());
        let mut memory = self.memory()?;
        let mut set = self.set.clone();
        // Soon there may be more topics; without the source, those that are stored are cared for.
        let confirmed = timeout(FIRST_LOOK, set.wait_for(|set| set.confirmed));
        if token.run_until_cancelled(confirmed).await.is_none() {
            return Ok(());
        }
        let mut rounds = Rounds::every(self.config.acls.interval, token);
        while rounds.next().await {
            let Some(round) = rounds.unless_stopped(self.round(&mut memory)).await else {
                break;
            };
            round?;
        }
        self.board.show(AclStatus::default());
        Ok(())
    }

    /// What an earlier process or term recorded.
    fn memory(&self) -> Result<Memory> {
        let link = &self.config.name;
        Ok(Memory {
            records: stored_acls(&*self.store, link)?,
            tried: Tried::knowing(self.target.own_principal()),
            looking: Notice::of(format!("care for the ACLs of link {link}")),
        })
    }

    async fn round(&self, memory: &mut Memory) -> Result<()> {
        let rules = self.config.acls;
        let mut recorded = memory.records.values().flat_map(|it| it.added.values());
        let is_guarded = recorded.any(|(purpose, _)| *purpose == AclPurpose::Guard);
        if !rules.sync && !rules.guard && !is_guarded {
            self.board.show(AclStatus::default());
            return Ok(());
        }
        match self.care(memory).await {
            Ok(()) => memory.looking.worked(),
            Err(error) if error.kind() == Kind::Store => return Err(error),
            Err(error) => {
                memory.looking.failed(&error);
                self.board.show(AclStatus {
                    sync_acls: rules.sync,
                    guard_mirrors: rules.guard,
                    is_refused: matches!(error.kind(), Kind::Broker(_)),
                    waits_for: Some(error.chain()),
                    ..AclStatus::clone(&self.board.status())
                });
            }
        }
        Ok(())
    }

    async fn care(&self, memory: &mut Memory) -> Result<()> {
        memory.tried.expire();
        let (source, source_failure) = self.look_at_source().await;
        let Some(mut seen) = self.look_at_target(memory).await? else {
            self.show_without_authorizer();
            return Ok(());
        };
        seen.source = source;
        let changed = {
            // Whether changes are allowed is asked once they count as in flight.
            let _writing = self.in_flight.begin().await;
            match self.recover(memory, &mut seen).await {
                Ok(()) => self.change(memory, &mut seen).await,
                failed => failed,
            }
        };
        self.show(memory, &seen, source_failure);
        changed
    }

    /// The source's entries, or why they aren't known.
    async fn look_at_source(&self) -> (Option<BTreeSet<AclEntry>>, Option<String>) {
        if !self.config.acls.sync {
            return (None, None);
        }
        match timeout(SOURCE_LIMIT, self.source.acls()).await {
            Ok(Ok(Some(entries))) => (Some(entries), None),
            // It may be configured again: what was carried over stays.
            Ok(Ok(None)) => (None, Some("its brokers have no authorizer".to_owned())),
            Ok(Err(error)) => (None, Some(error.chain())),
            Err(_) => (None, Some("it doesn't answer".to_owned())),
        }
    }

    /// The target's entries and what the link may do on its mirrors; `None` if the target has no authorizer.
    async fn look_at_target(&self, memory: &Memory) -> Result<Option<Observation>> {
        let set = Arc::clone(&self.set.borrow());
        let topics = set.topics.iter();
        let topics = topics.map(|(topic, it)| (topic.clone(), it.target_name.clone()));
        let topics: BTreeMap<TopicName, TopicName> = topics.collect();
        let mut asked: BTreeSet<TopicName> = topics.values().cloned().collect();
        asked.extend(memory.records.keys().cloned());
        let asked: Vec<TopicName> = asked.into_iter().collect();
        let seen = self.target.acls_and_permitted(&asked).await?;
        Ok(seen.map(|seen| Observation {
            topics,
            source: None,
            target: seen.entries,
            permitted: seen.permitted,
            at: Timestamp::now(),
        }))
    }

    /// Takes back denials, and what was added last, where the link itself is refused: a process may have been killed between
    /// adding them and looking, or the link may have another principal now.
    async fn recover(&self, memory: &mut Memory, seen: &mut Observation) -> Result<()> {
        let intents = self.mirrored.intents();
        let mut back = Vec::new();
        for (topic, mirror) in &seen.topics {
            let is_refused = seen.permitted.get(mirror).is_some_and(|it| !goes_on(it));
            let recorded = memory.records.get(mirror).filter(|_| is_refused);
            let Some(recorded) = recorded.filter(|_| intents.of(topic).writes()) else {
                continue;
            };
            let suspects = recorded.added.iter().filter(|(entry, (_, state))| {
                *state == AclState::Adding || entry.permission == Permission::Deny
            });
            let remove: BTreeSet<AclEntry> = suspects.map(|(entry, _)| entry.clone()).collect();
            if !remove.is_empty() {
                let why = "the link itself was refused on it, so that what was added for the link was taken back; set `principal` in the section of the target, or grant the link's principal what it needs";
                memory.tried.hold(mirror, why.to_owned());
                back.push(TopicChanges {
                    topic: topic.clone(),
                    mirror: mirror.clone(),
                    changes: AclChanges {
                        remove,
                        ..AclChanges::default()
                    },
                    permitted: None,
                });
            }
        }
        if back.is_empty() {
            return Ok(());
        }
        self.apply(memory, &back, seen).await.map(drop)
    }

    /// Makes the changes that are due: first, one by one, those that might shut out the link itself.
    async fn change(&self, memory: &mut Memory, seen: &mut Observation) -> Result<()> {
        let mut rest = self.due(memory, seen);
        if rest.is_empty() {
            let mirrors: Vec<TopicName> = memory.records.keys().cloned().collect();
            let (records, there) = (&mut memory.records, &seen.target);
            return self.applier().confirm(records, mirrors.iter(), there).await;
        }
        for _ in 0..TRIALS {
            let Some(trial) = memory.tried.next(&rest, &seen.target) else {
                break;
            };
            let was_first = is_first(&trial, &seen.target);
            if was_first && !memory.tried.may_try_first() {
                rest.retain(|it| it.mirror != trial.mirror);
                continue;
            }
            let alone = std::slice::from_ref(&trial);
            let is_harmless = self.apply(memory, alone, seen).await?;
            if is_harmless {
                memory.tried.passed(&trial, was_first);
            }
            leave_out(&mut rest, &trial, &memory.tried);
        }
        // What couldn't be tried waits for the next round.
        while let Some(trial) = memory.tried.next(&rest, &seen.target) {
            rest.retain(|it| it.mirror != trial.mirror);
        }
        if !rest.is_empty() {
            self.apply(memory, &rest, seen).await?;
        }
        Ok(())
    }

    /// The changes that may be made now, within the limit of a round.
    fn due(&self, memory: &Memory, seen: &Observation) -> Vec<TopicChanges> {
        let intents = self.mirrored.intents();
        let mut room = CHANGES_AT_ONCE;
        let mut due: Vec<TopicChanges> = Vec::new();
        for judgement in self.judged(memory, seen) {
            let is_held = memory.tried.held(&judgement.mirror).is_some();
            if judgement.changes.is_empty()
                || is_held
                || !may_change(&intents, &judgement)
                || is_closed(&judgement, seen)
            {
                continue;
            }
            // A topic's changes belong together.
            if judgement.changes.len() > room && !due.is_empty() {
                break;
            }
            room = room.saturating_sub(judgement.changes.len());
            due.push(TopicChanges {
                permitted: seen.permitted.get(&judgement.mirror).cloned(),
                topic: judgement.topic,
                mirror: judgement.mirror,
                changes: judgement.changes,
            });
        }
        due
    }

    /// Makes changes, and remembers what was taken back. Returns whether nothing was.
    async fn apply(
        &self,
        memory: &mut Memory,
        changes: &[TopicChanges],
        seen: &mut Observation,
    ) -> Result<bool> {
        let records = &mut memory.records;
        let applied = self.applier().carry_out(records, changes).await?;
        seen.target = applied.there;
        for change in changes {
            if let Some(lost) = applied.lost.get(&change.mirror) {
                let lost: Vec<String> = lost.iter().map(ToString::to_string).collect();
                let why = memory.tried.failed(change, &lost.join(" and no "));
                tracing::warn!(link = %self.config.name, topic = %change.mirror, "ACLs were taken back: {why}");
            }
        }
        for (entry, error) in &applied.refused {
            let mut of_entry = changes.iter().filter(|it| it.changes.has(entry));
            if let Some(change) = of_entry.next() {
                memory.tried.hold(&change.mirror, error.chain());
            }
        }
        Ok(applied.lost.is_empty() && applied.refused.is_empty())
    }

    fn applier(&self) -> Applier<'_> {
        Applier {
            store: &*self.store,
            audit: &self.audit,
            link: &self.config.name,
            target: &*self.target,
        }
    }

    fn judged(&self, memory: &Memory, seen: &Observation) -> Vec<Judgement> {
        let intents = self.mirrored.intents();
        let own = &memory.tried.own;
        judge(self.config.acls, seen, &intents, own, &memory.records)
    }

    fn show(&self, memory: &Memory, seen: &Observation, source_failure: Option<String>) {
        let judged = self.judged(memory, seen);
        let ends = (&self.source.grantee(), &self.target.grantee());
        let by_hand = for_operator(&self.config, seen, &judged, ends);
        let intents = self.mirrored.intents();
        let detail = |it: &Judgement| {
            if let Some(why) = memory.tried.held(&it.mirror) {
                return Some(why.to_owned());
            }
            let waits = !it.changes.is_empty() && may_change(&intents, it) && is_closed(it, seen);
            waits.then(|| "the link itself may not read and write it".to_owned())
        };
        self.board.show(AclStatus {
            source_failure,
            by_hand,
            ..status(self.config.acls, seen, judged, detail)
        });
    }

    fn show_without_authorizer(&self) {
        let rules = self.config.acls;
        let topics = self.set.borrow().topics.len();
        let why = "the brokers of the target have no authorizer, so that everybody may write (authorizer.class.name)";
        self.board.show(AclStatus {
            sync_acls: rules.sync,
            guard_mirrors: rules.guard,
            as_of: Some(Timestamp::now()),
            waits_for: Some(why.to_owned()),
            is_refused: true,
            unguarded: if rules.guard { topics } else { 0 },
            ..AclStatus::default()
        });
    }
}

/// What is recorded of the ACLs that a link added. Errors: those of the store.
pub fn stored_acls(store: &dyn Store, link: &LinkName) -> Result<AclRecords> {
    let stored = acls_of(store, link)?.into_iter();
    let records = stored.map(|(mirror, record)| {
        let recorded = Recorded {
            added: added(&record.entries),
            topic: record.topic,
        };
        (mirror, recorded)
    });
    Ok(records.collect())
}

/// Whether the intents allow changes of a topic. Where applications write, only the guard is taken off.
fn may_change(intents: &LinkIntents, judgement: &Judgement) -> bool {
    let intent = if judgement.is_selected {
        intents.of(&judgement.topic)
    } else {
        intents.of_link()
    };
    match judgement.role {
        TopicRole::Mirror => intent.writes(),
        TopicRole::Open => matches!(intent, Intent::Mirror | Intent::Open),
    }
}

/// Whether something would be added to a topic that is closed to the link itself: whether it does harm couldn't be told.
fn is_closed(judgement: &Judgement, seen: &Observation) -> bool {
    let permitted = seen.permitted.get(&judgement.mirror);
    !judgement.changes.add.is_empty() && permitted.is_some_and(|it| !goes_on(it))
}
