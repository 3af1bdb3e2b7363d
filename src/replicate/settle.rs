//! Settles a partition: finds out from both clusters where to go on, or why not.
//!
//! Runs at every start and after every error, and reads everything anew. Order: the target first, because what it holds
//! can be told with the source gone; then the source; then the proof that both agree. Writes nothing to either cluster.
//! Dropping the future leaves nothing behind.

use std::sync::Arc;

use crate::checkpoint::PartitionRecord;
use crate::config::{Otherwise, Start};
use crate::error::{Error, Result};
use crate::kafka::admin::{self, At};
use crate::kafka::batch::Batch;
use crate::kafka::wire::{Cluster, Leader};
use crate::model::{
    DataPath, HaltCode, LeaderEpoch, LinkIdentity, OffsetsMode, Policies, Policy, Reason, Run,
    SourceOffset, TargetOffset, TopicId, TopicPartition, sequence_of,
};

use super::context::Preserve;
use super::decision::{self, Decision};
use super::foreign::Survey;
use super::judging::{check_holds, judge_tail, recreated};
use super::reasons::{same_topic, source_gap};
use super::resume::{self, Explanation, Tail};
use super::shown::last_shown;
use super::target_log::{Standing, batch_at, marked_end, settled_end, standing};
use super::tracked::Tracked;
use super::{aligned, mapped, transacted};

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
    pub(crate) preserve: Preserve,
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
            DataPath::Record => self.acknowledged.unwrap_or(end).min(end),
        }
    }

    /// How a log can be explained, the most likely first.
    fn explanations(&self, identity: &LinkIdentity, tail: &Tail) -> Vec<Explanation> {
        let (last_run, plans) = (self.last_run, &self.record.plans);
        let own = tail
            .last
            .is_some_and(|last| identity.owns(last.producer_id));
        match (self.offsets, self.record.path) {
            (OffsetsMode::Preserve, _) => vec![resume::identity(last_run, tail.end)],
            (OffsetsMode::Translate, DataPath::Record) if !own => {
                transacted::explanations(last_run, plans, tail.filled)
            }
            (OffsetsMode::Translate, DataPath::Raw | DataPath::Record) => {
                // Behind the last record there may be what the record path gave up, and where the map goes on.
                let known_end = last_run.map_or(tail.filled, |run| run.target_end());
                resume::explanations(last_run, plans, tail.filled.max(known_end))
            }
        }
    }

    pub(crate) fn follows(&self, code: HaltCode) -> bool {
        self.policies.on(code) == Policy::Follow
    }

    /// Whether offsets are translated that were to be preserved or else refused.
    pub(crate) fn breaks_a_wish(&self) -> bool {
        self.wanted == OffsetsMode::Preserve && self.preserve.limits.otherwise == Otherwise::Refuse
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
    /// The next source offset to mirror.
    pub(crate) position: SourceOffset,
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
    /// The next source offset to mirror.
    pub(crate) position: SourceOffset,
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
    same_topic(
        question.target_id,
        leader.topic_id,
        HaltCode::TargetRecreated,
        partition,
    )?;
    let known = question.record.target_topic_id;
    same_topic(known, leader.topic_id, HaltCode::TargetRecreated, partition)?;
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
    for known in [question.source_id, question.record.source_topic_id] {
        let same = same_topic(known, leader.topic_id, HaltCode::SourceRecreated, partition);
        same.map_err(|trouble| recreated(question, &side, &leader, log_start, trouble))?;
    }
    let mirrored = question.record.frontier;
    // Before contents are compared: where records are gone, others may stand in their places.
    check_holds(source, question, &side, &leader, mirrored).await?;
    if let Some(survey) = side.foreign.clone() {
        let start = position_of_empty(source, question, &side, &leader, log_start).await?;
        let decision = survey.adopt(source, question, &side, start).await?;
        return Err(Trouble::Decided(Box::new(decision)));
    }
    let placed = match question.offsets {
        OffsetsMode::Preserve => {
            aligned::place(source, target, question, &side, &leader, log_start).await?
        }
        OffsetsMode::Translate => {
            mapped::place(source, target, question, &side, &leader, log_start).await?
        }
    };
    let position = placed.position;
    if log_start > position.max(placed.origin) {
        let reason = source_gap(position, log_start);
        if !question.follows(reason.code) {
            return Err(Trouble::Halt(reason));
        }
        let runs = placed.runs;
        let found = Explanation { runs, position };
        let decision = decision::follow_gap(reason, found, log_start, side.tail.end);
        let decision = decision.found_up_to(side.tail.filled);
        return Err(Trouble::Decided(Box::new(decision)));
    }
    if position > mirrored {
        check_holds(source, question, &side, &leader, position).await?;
    }
    Ok(Settled {
        target: side,
        runs: placed.runs,
        position,
        origin: placed.origin,
        offsets: placed.offsets,
        source_leader: leader,
        source_log_start: log_start,
        fetched_epoch: question.epoch_before(position),
    })
}

/// Where to go on if the mirror partition holds nothing: behind what was mirrored, or at the link's start.
pub(crate) async fn position_of_empty(
    source: &Cluster,
    question: &Question,
    side: &TargetSide,
    leader: &Leader,
    log_start: SourceOffset,
) -> Result<SourceOffset, Trouble> {
    let at = match question.start {
        None => {
            let explained = side.explanations.first().map(|it| it.position);
            return Ok(question
                .record
                .frontier
                .max(explained.unwrap_or(SourceOffset::ZERO)));
        }
        Some(Start::Earliest) => return Ok(log_start),
        Some(Start::Latest) => At::LastStable,
        Some(Start::At(timestamp)) => At::Timestamp(timestamp),
    };
    let list = async |at| admin::list_offset(source, &question.source, leader.epoch, at).await;
    let found = list(at).await?.offset;
    // No record of that time or later: everything that comes will be.
    let found = if found < 0 {
        list(At::LastStable).await?.offset
    } else {
        found
    };
    Ok(SourceOffset(found))
}
