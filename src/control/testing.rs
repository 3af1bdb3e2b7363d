//! Two clusters and a mirror in memory, for the tests of group sync and moves.

pub(crate) mod acls;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use crate::control::{Mirrored, MirroredPartition, TargetLog};
use crate::error::{BrokerCode, Error, Kind, Result};
use crate::model::{
    GroupId, Intent, IntentChange, LinkIntents, PartitionState, SourceOffset, TargetOffset,
    TopicName, TopicPartition, Translation, Untranslatable,
};

use super::groups::cluster::{CommittedOffset, GroupActivity, LogEdge, Site};

type Offsets = BTreeMap<TopicPartition, CommittedOffset>;

/// A cluster whose answers are set by the test.
#[derive(Debug, Default)]
pub(crate) struct FakeSite(Mutex<Inner>);

/// What happens to a commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Fate {
    #[default]
    Done,
    /// Committed, but the answer is lost.
    DoneUnheard,
    /// Neither committed nor answered.
    Lost,
    /// Acknowledged but not committed.
    Forgotten,
    /// Committed, and replaced by the next offset before anyone looks.
    Replaced,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    /// The cluster doesn't answer.
    pub(crate) gone: bool,
    pub(crate) active: BTreeSet<GroupId>,
    /// Groups whose offsets can't be carried.
    pub(crate) unsupported: BTreeSet<GroupId>,
    /// The cluster takes a request and never answers it.
    pub(crate) mute: bool,
    /// Groups that aren't listed.
    pub(crate) hidden: BTreeSet<GroupId>,
    /// Topics that may not be seen.
    pub(crate) hidden_topics: BTreeSet<TopicName>,
    /// Groups whose offsets may not be read.
    pub(crate) refused: BTreeSet<GroupId>,
    pub(crate) offsets: BTreeMap<GroupId, Offsets>,
    pub(crate) ends: BTreeMap<TopicPartition, i64>,
    /// Last stable offsets that differ from the log end offsets.
    pub(crate) stable: BTreeMap<TopicPartition, i64>,
    /// Partitions whose ends aren't reported.
    pub(crate) silent: BTreeSet<TopicPartition>,
    /// Whether the cluster doesn't report its offset retention.
    pub(crate) retention_untold: bool,
    /// The longest metadata of a commit, if the cluster reports it.
    pub(crate) metadata_limit: Option<usize>,
    pub(crate) transactions: BTreeSet<TopicPartition>,
    pub(crate) commits_are: Fate,
    /// Every commit that took effect.
    pub(crate) commits: Vec<(GroupId, Offsets)>,
}

impl FakeSite {
    pub(crate) fn set<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.lock())
    }

    /// Commits an offset of a group in partition 0 of topic `t`.
    pub(crate) fn put(&self, group: &str, offset: i64) {
        let committed = CommittedOffset {
            offset,
            metadata: Some("text".into()),
        };
        self.set(|inner| {
            let offsets = inner.offsets.entry(group.into()).or_default();
            offsets.insert(partition(), committed);
        });
    }

    pub(crate) fn offset(&self, group: &str) -> Option<i64> {
        self.set(|inner| {
            Some(
                inner
                    .offsets
                    .get(&GroupId::from(group))?
                    .get(&partition())?
                    .offset,
            )
        })
    }

    fn ask<T>(&self, answer: impl FnOnce(&mut Inner) -> Result<T>) -> BoxFuture<'_, Result<T>>
    where
        T: Send + 'static,
    {
        let mut inner = self.0.lock();
        if inner.mute {
            return std::future::pending().boxed();
        }
        answered(inner.gone, || answer(&mut inner))
    }
}

/// Answers at once; a cluster that is gone doesn't.
pub(crate) fn answered<'a, T: Send + 'a>(
    is_gone: bool,
    answer: impl FnOnce() -> Result<T>,
) -> BoxFuture<'a, Result<T>> {
    let answer = if is_gone {
        Err(Error::new(Kind::Disconnected, "nobody answers"))
    } else {
        answer()
    };
    async move { answer }.boxed()
}

/// The partition used by all tests.
pub(crate) fn partition() -> TopicPartition {
    TopicPartition::new("t", 0)
}

impl Site for FakeSite {
    fn is_lost(&self) -> bool {
        self.0.lock().gone
    }

    fn groups(&self) -> BoxFuture<'_, Result<BTreeMap<GroupId, GroupActivity>>> {
        self.ask(|inner| {
            let at_rest = inner
                .offsets
                .keys()
                .map(|g| (g.clone(), GroupActivity::AtRest));
            let active = inner
                .active
                .iter()
                .map(|g| (g.clone(), GroupActivity::Active));
            let others = inner.unsupported.iter();
            let others = others.map(|g| (g.clone(), GroupActivity::Unsupported));
            let all = at_rest.chain(active).chain(others);
            Ok(all.filter(|(g, _)| !inner.hidden.contains(g)).collect())
        })
    }

    fn offsets<'a>(&'a self, group: &'a GroupId) -> BoxFuture<'a, Result<Offsets>> {
        self.ask(|inner| {
            if inner.refused.contains(group) {
                return Err(Error::new(Kind::Broker(BrokerCode(30)), "not permitted"));
            }
            let mut offsets = inner.offsets.get(group).cloned().unwrap_or_default();
            offsets.retain(|it, _| !inner.hidden_topics.contains(&it.topic));
            Ok(offsets)
        })
    }

    fn hidden_topics<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, Error>>> {
        self.ask(|inner| {
            let hidden = topics.iter().filter(|it| inner.hidden_topics.contains(*it));
            let why = || Error::new(Kind::Broker(BrokerCode(29)), "not permitted");
            Ok(hidden.map(|it| (it.clone(), why())).collect())
        })
    }

    fn commit<'a>(
        &'a self,
        group: &'a GroupId,
        offsets: &'a Offsets,
    ) -> BoxFuture<'a, Result<BTreeMap<TopicPartition, Result<()>>>> {
        self.ask(|inner| {
            let fate = inner.commits_are;
            if fate == Fate::Lost {
                return Err(Error::new(Kind::Disconnected, "connection lost"));
            }
            if inner.active.contains(group) {
                let refused = || Err(Error::new(Kind::Broker(BrokerCode(25)), "members"));
                return Ok(offsets.keys().map(|p| (p.clone(), refused())).collect());
            }
            let limit = inner.metadata_limit.unwrap_or(usize::MAX);
            let is_long =
                |it: &CommittedOffset| it.metadata.as_ref().is_some_and(|m| m.len() > limit);
            if offsets.values().any(is_long) {
                let refused = || Err(Error::new(Kind::Broker(BrokerCode(12)), "metadata"));
                return Ok(offsets.keys().map(|p| (p.clone(), refused())).collect());
            }
            if fate != Fate::Forgotten {
                inner.commits.push((group.clone(), offsets.clone()));
                let present = inner.offsets.entry(group.clone()).or_default();
                present.extend(offsets.clone());
                if fate == Fate::Replaced {
                    for committed in present.values_mut() {
                        committed.offset += 1;
                    }
                }
            }
            if fate == Fate::DoneUnheard {
                return Err(Error::new(Kind::TimedOut, "no answer"));
            }
            Ok(offsets.keys().map(|p| (p.clone(), Ok(()))).collect())
        })
    }

    fn partitions<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, i32>>> {
        self.ask(|inner| {
            let count = |name: &TopicName| {
                let of_topic = inner.ends.range(TopicPartition::all_of(name));
                let last = of_topic.last()?;
                Some((name.clone(), last.0.partition.0 + 1))
            };
            Ok(topics.iter().filter_map(count).collect())
        })
    }

    fn ends<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
        end: LogEdge,
    ) -> BoxFuture<'a, Result<BTreeMap<TopicPartition, i64>>> {
        self.ask(|inner| {
            let at = |p: &TopicPartition| {
                let log_end = inner.ends.get(p).copied().unwrap_or(0);
                match end {
                    LogEdge::Log | LogEdge::HighWatermark => log_end,
                    LogEdge::LastStable => inner.stable.get(p).copied().unwrap_or(log_end),
                }
            };
            let told = partitions.iter().filter(|p| !inner.silent.contains(*p));
            Ok(told.map(|p| (p.clone(), at(p))).collect())
        })
    }

    fn has_open_transaction<'a>(
        &'a self,
        partition: &'a TopicPartition,
    ) -> BoxFuture<'a, Result<Option<bool>>> {
        self.ask(|inner| Ok(Some(inner.transactions.contains(partition))))
    }

    fn offsets_retention_ms(&self) -> BoxFuture<'_, Result<Option<i64>>> {
        self.ask(|inner| Ok((!inner.retention_untold).then_some(400)))
    }

    fn metadata_limit(&self) -> BoxFuture<'_, Result<Option<usize>>> {
        self.ask(|inner| Ok(inner.metadata_limit))
    }
}

/// A mirror of partition 0 of topic `t` whose target offsets are the source's minus `SHIFT`.
#[derive(Debug)]
pub(crate) struct FakeMirror {
    mirrored: Mutex<MirroredPartition>,
    intents: Mutex<Arc<LinkIntents>>,
    /// Whether frontiers can't be stored.
    is_full: Mutex<bool>,
}

/// How far target offsets are below source offsets.
pub(crate) const SHIFT: i64 = 5;

impl FakeMirror {
    pub(crate) fn at(frontier: i64) -> Self {
        let mirror = Self {
            mirrored: Mutex::new(MirroredPartition {
                partition: partition(),
                has_mirror: true,
                state: PartitionState::Live,
                reason: None,
                frontier: None,
                source_high_watermark: SourceOffset::ZERO,
                at_risk_since_ms: Some(0),
                target_log_start: TargetOffset::ZERO,
                target_end: TargetOffset::ZERO,
                target_log: TargetLog::Whole,
                map_since_ms: 0,
            }),
            intents: Mutex::default(),
            is_full: Mutex::default(),
        };
        mirror.advance(frontier);
        mirror
    }

    pub(crate) fn advance(&self, frontier: i64) {
        self.set(|mirrored| {
            mirrored.frontier = Some(SourceOffset(frontier));
            mirrored.source_high_watermark = SourceOffset(frontier);
            mirrored.target_end = TargetOffset(frontier - SHIFT);
        });
    }

    /// Sets the link's intent.
    pub(crate) fn want(&self, intent: Intent) {
        let change = IntentChange::Set(intent);
        let wanted = LinkIntents::default().change(None, change, "test", 1);
        *self.intents.lock() = Arc::new(wanted.unwrap());
    }

    pub(crate) fn set(&self, change: impl FnOnce(&mut MirroredPartition)) {
        change(&mut self.mirrored.lock());
    }

    /// Sets whether frontiers can't be stored.
    pub(crate) fn be_full(&self, is_full: bool) {
        *self.is_full.lock() = is_full;
    }
}

impl MirroredPartition {
    fn is_disowned(&self) -> bool {
        matches!(self.target_log, TargetLog::CutAt(_) | TargetLog::Another)
    }
}

impl Mirrored for FakeMirror {
    fn partitions(&self) -> Vec<MirroredPartition> {
        vec![self.mirrored.lock().clone()]
    }

    fn mirror_topic(&self, topic: &TopicName) -> Option<TopicName> {
        (topic.as_str() == "t").then(|| topic.clone())
    }

    fn intents(&self) -> Arc<LinkIntents> {
        Arc::clone(&self.intents.lock())
    }

    fn lookup(
        &self,
        at: &TopicPartition,
        offset: SourceOffset,
    ) -> Result<Translation, Untranslatable> {
        let mirrored = self.mirrored.lock();
        match mirrored.frontier {
            _ if *at != mirrored.partition => Err(Untranslatable::UnknownPartition),
            None => Err(Untranslatable::NotReady("preparing".into())),
            _ if mirrored.is_disowned() => {
                Err(Untranslatable::NotReady("the target lost it".into()))
            }
            Some(frontier) if offset > frontier => Err(Untranslatable::BeyondFrontier {
                frontier,
                target_end: mirrored.target_end,
            }),
            Some(_) => Ok(Translation {
                source_offset: offset,
                target_offset: TargetOffset(offset.get() - SHIFT),
                exact: true,
                reason: None,
            }),
        }
    }

    fn persist_frontiers(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        let stored = if *self.is_full.lock() {
            Err(Error::new(Kind::Store, "disk full"))
        } else {
            Ok(())
        };
        async { stored }.boxed()
    }
}
