//! Settles a partition: finds out from both clusters where to go on, or why not.
//!
//! Runs at every start and after every error, and reads everything anew. Order: the target first, because what it holds
//! can be told with the source gone; then the source; then the proof that both agree. Writes nothing to either cluster.
//! Dropping the future leaves nothing behind.

use std::sync::Arc;

use crate::checkpoint::PartitionRecord;
use crate::config::{Otherwise, PreserveLimits, Start};
use crate::error::{Error, Result};
use crate::kafka::admin::{self, At};
use crate::kafka::batch::Batch;
use crate::kafka::client::{Cluster, Leader};
use crate::model::{
    DataPath, HaltCode, LeaderEpoch, LinkIdentity, OffsetsMode, Policies, Policy, Reason, Run,
    SourceOffset, TargetOffset, TopicId, TopicPartition, sequence_of,
};
use crate::replicate::shared::partition::Tracked;

use super::decision::Decision;
use super::explain::{self, Explanation, Tail};
use super::foreign_writes::Survey;
use super::judge::{check_holds, judge_tail, overtaken, recreated};
use super::reasons::{another_topic, same_topic};
use super::record_path_last::last_shown;
use super::target_log::{Standing, batch_at, marked_end, settled_end, standing};
use super::view::Sides;
use super::{divergence, preserved, record_path_tail, translated};

/// Why a partition can't go on.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// An operator has to look.
    Halt(Reason),
    /// It may pass by itself.
    Retry(Error),
    /// A policy says what to do about it.
    Decided(Box<Decision>),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        match error.code() {
            // TOPIC_, GROUP_ and CLUSTER_AUTHORIZATION_FAILED
            Some(code) if matches!(code.0, 29..=31) => {
                Self::Halt(Reason::new(HaltCode::NotPermitted, error.chain()))
            }
            _ => Self::Retry(error),
        }
    }
}

/// What a settling begins with.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The partition on the source.
    pub(crate) source: TopicPartition,
    /// The partition on the target.
    pub(crate) target: TopicPartition,
    /// The source topic's id as discovered.
    pub(crate) source_id: TopicId,
    /// The mirror topic's id as discovered.
    pub(crate) target_id: TopicId,
    /// What the checkpoint DB knows.
    pub(crate) record: PartitionRecord,
    /// The last run of the map.
    pub(crate) last_run: Option<Run>,
    /// The end of what was acknowledged, if anything ever was.
    pub(crate) acknowledged: Option<TargetOffset>,
    /// Whether requests may still be on their way to the target: the end must be seen to stand still.
    pub(crate) uncertain: bool,
    /// Up to where the record's leader epochs are complete.
    pub(crate) epochs_until: SourceOffset,
    /// Where to start if the target holds nothing and the checkpoint DB knows no start.
    pub(crate) start: Option<Start>,
    /// What to do where it would have to guess.
    pub(crate) policies: Policies,
    /// The trouble that asks for a decision, if one does.
    pub(crate) pending: Option<Reason>,
    /// The partition's map.
    pub(crate) tracked: Arc<Tracked>,
    /// How offsets of the two sides relate, or are to.
    pub(crate) offsets: OffsetsMode,
    /// How the link is configured to relate them where nothing is mirrored yet.
    pub(crate) wanted: OffsetsMode,
    /// How far offsets are preserved.
    pub(crate) preserve: PreserveLimits,
}

impl Question {
    /// The target offset where the map goes on, if nothing has landed there yet.
    pub(crate) fn anchor(&self) -> Option<TargetOffset> {
        self.record.history.anchor.map(|anchor| anchor.target)
    }

    /// Where the records of a log end that holds none any more.
    fn nothing_shown(&self, end: TargetOffset) -> TargetOffset {
        match self.record.path {
            DataPath::Raw => end,
            DataPath::Record => record_path_tail::nothing_shown(self.acknowledged, end),
        }
    }

    /// How a log can be explained, the most likely first.
    fn explanations(&self, identity: &LinkIdentity, tail: &Tail) -> Vec<Explanation> {
        let (last_run, plans) = (self.last_run, &self.record.plans);
        let own = tail
            .last
            .is_some_and(|last| identity.owns(last.producer_id));
        match (self.offsets, self.record.path) {
            (OffsetsMode::Preserve, _) => vec![explain::identity(last_run, tail.end)],
            (OffsetsMode::Translate, DataPath::Record) if !own => {
                record_path_tail::explanations(last_run, plans, tail.filled)
            }
            (OffsetsMode::Translate, DataPath::Raw | DataPath::Record) => {
                // Behind the last record there may be what the record path gave up, and where the map goes on.
                let known_end = last_run.map_or(tail.filled, |run| run.target_end());
                explain::explanations(last_run, plans, tail.filled.max(known_end))
            }
        }
    }

    pub(crate) fn follows(&self, code: HaltCode) -> bool {
        self.policies.on(code) == Policy::Follow
    }

    /// Whether the mirror ends where it was acknowledged, so that nothing in it is unknown.
    pub(crate) fn knows_all_of(&self, side: &TargetSide) -> bool {
        self.acknowledged >= Some(side.tail.filled)
    }

    /// Whether offsets are translated that were to be preserved or else refused.
    pub(crate) fn breaks_a_wish(&self) -> bool {
        self.wanted == OffsetsMode::Preserve && self.preserve.otherwise == Otherwise::Refuse
    }
}

/// What the target alone tells.
#[derive(Debug, Clone)]
pub(crate) struct TargetSide {
    /// Who leads the mirror partition.
    pub(crate) leader: Leader,
    /// The log's tail.
    pub(crate) tail: Tail,
    /// The batch that holds the last record.
    pub(crate) last: Option<Batch>,
    /// How the tail can be explained, the most likely first; empty if the map has no part in it.
    pub(crate) explanations: Vec<Explanation>,
    /// What the leader remembers of our producer id, as far as that fits the log.
    pub(crate) standing: Option<Standing>,
    /// What others wrote, if it is to be adopted.
    pub(crate) foreign: Option<Survey>,
}

/// Where to go on.
#[derive(Debug)]
pub(crate) struct Settled {
    /// The target's side.
    pub(crate) target: TargetSide,
    /// Runs that are new to the map; the last run of the map or of these reaches up to the end.
    pub(crate) runs: Vec<Run>,
    /// The source offset before which nothing is missing on the target.
    pub(crate) position: SourceOffset,
    /// The next source offset to fetch: behind the position if what lies between was given up.
    pub(crate) next: SourceOffset,
    /// Where the first mirrored record is, or will be.
    pub(crate) origin: SourceOffset,
    /// How offsets of the two sides relate.
    pub(crate) offsets: OffsetsMode,
    /// Who leads the source partition.
    pub(crate) source_leader: Leader,
    /// The source log's start.
    pub(crate) source_log_start: SourceOffset,
    /// The source's leader epoch of the record before the position, if it is known.
    pub(crate) fetched_epoch: LeaderEpoch,
}

/// Where the target's log and the source's fit together.
#[derive(Debug)]
pub(crate) struct Placed {
    /// How offsets of the two sides relate.
    pub(crate) offsets: OffsetsMode,
    /// Runs that are new to the map.
    pub(crate) runs: Vec<Run>,
    /// The source offset before which nothing is missing on the target.
    pub(crate) position: SourceOffset,
    /// The next source offset to fetch: behind the position if what lies between was given up.
    pub(crate) next: SourceOffset,
    /// Where the first mirrored record is, or will be.
    pub(crate) origin: SourceOffset,
}

impl Placed {
    /// At the beginning of an offset map.
    pub(crate) fn translated(position: SourceOffset) -> Self {
        Self {
            offsets: OffsetsMode::Translate,
            runs: Vec::new(),
            position,
            next: position,
            origin: position,
        }
    }
}

/// Reads the target's side.
pub(crate) async fn settle_target(
    cluster: &Cluster,
    identity: &LinkIdentity,
    question: &Question,
) -> Result<TargetSide, Trouble> {
    let partition = &question.target;
    let leader = cluster.leader(partition).await?;
    for known in [question.target_id, question.record.target_topic_id] {
        let same = same_topic(known, leader.topic_id, HaltCode::TargetRecreated, partition);
        same.map_err(Trouble::Halt)?;
    }
    let by_records = question.record.path == DataPath::Record;
    if by_records {
        marked_end(cluster, partition, &leader, question.record.acked_end).await?;
    }
    let end = settled_end(cluster, partition, &leader, question.uncertain).await?;
    let log_start = TargetOffset(
        admin::list_offset(cluster, partition, leader.epoch, At::Earliest)
            .await?
            .offset,
    );
    let last = if by_records {
        let acknowledged = question.record.acked_end;
        last_shown(cluster, partition, end, log_start, acknowledged).await?
    } else if end > log_start {
        Some(batch_at(cluster, partition, end).await?)
    } else {
        None
    };
    let shown_end = last.as_ref().map(|batch| TargetOffset(batch.next_offset()));
    let tail = Tail {
        end,
        log_start,
        last: last.as_ref().map(|batch| *batch.header()),
        filled: shown_end.unwrap_or_else(|| question.nothing_shown(end)),
    };
    let explanations = question.explanations(identity, &tail);
    let foreign = match judge_tail(identity, question, &tail, &explanations) {
        Ok(None) => None,
        Ok(Some(reason)) => Some(Survey::read(cluster, identity, question, &tail, reason).await?),
        Err(trouble) => return Err(trouble),
    };
    let standing = standing_of(cluster, identity, question, &tail).await?;
    Ok(TargetSide {
        leader,
        tail,
        last,
        explanations,
        standing,
        foreign,
    })
}

/// What the leader remembers of our producer id, if that is what a log with this end would leave (H1).
async fn standing_of(
    cluster: &Cluster,
    identity: &LinkIdentity,
    question: &Question,
    tail: &Tail,
) -> Result<Option<Standing>, Trouble> {
    if tail.end == TargetOffset::ZERO {
        return Ok(None);
    }
    let id = identity.producer_id(question.record.incarnation);
    let found = standing(cluster, &question.target, id).await?;
    let expected = sequence_of(tail.end.plus(-1));
    Ok(found.filter(|it| match question.offsets {
        OffsetsMode::Translate => it.last_sequence == expected,
        OffsetsMode::Preserve => true,
    }))
}

/// Reads the source's side and proves that both agree.
pub(crate) async fn settle_source(
    source: &Cluster,
    target: &Cluster,
    question: &Question,
    side: TargetSide,
) -> Result<Settled, Trouble> {
    let partition = &question.source;
    let leader = source.leader(partition).await?;
    let log_start = SourceOffset(
        admin::list_offset(source, partition, leader.epoch, At::Earliest)
            .await?
            .offset,
    );
    let sides = Sides {
        source,
        target,
        question,
        side: &side,
        leader: &leader,
        log_start,
    };
    for known in [question.source_id, question.record.source_topic_id] {
        let same = same_topic(known, leader.topic_id, HaltCode::SourceRecreated, partition);
        same.map_err(|reason| recreated(&sides, reason))?;
    }
    let mirrored = question.record.frontier;
    if !leader.topic_id.is_known() && divergence::has_older_leader(&sides) {
        return Err(recreated(&sides, another_topic(partition, mirrored)));
    }
    // Before contents are compared: where records are gone, others may stand in their places.
    check_holds(&sides, mirrored).await?;
    if let Some(survey) = side.foreign.clone() {
        let start = sides.position_of_empty().await?;
        let decision = survey.adopt(source, question, &side, start).await?;
        return Err(Trouble::Decided(Box::new(decision)));
    }
    let placed = match question.offsets {
        OffsetsMode::Preserve => preserved::place(&sides).await?,
        OffsetsMode::Translate => translated::place(&sides).await?,
    };
    if log_start > placed.next {
        return Err(overtaken(&sides, placed));
    }
    let position = placed.position;
    if position > mirrored {
        check_holds(&sides, position).await?;
    }
    let fetched_epoch = if placed.next > question.epochs_until {
        divergence::epoch_before(&sides, placed.next).await?
    } else {
        question.epoch_before(placed.next)
    };
    Ok(Settled {
        target: side,
        runs: placed.runs,
        position,
        next: placed.next,
        origin: placed.origin,
        offsets: placed.offsets,
        source_leader: leader,
        source_log_start: log_start,
        fetched_epoch,
    })
}
