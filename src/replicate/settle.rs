//! Settles a partition: finds out from both clusters where to go on, or why not.
//!
//! Runs at every start and after every error, and reads everything anew. Order: the target first, because what it holds
//! can be told with the source gone; then the source; then the proof that both agree. Writes nothing to either cluster.
//! Dropping the future leaves nothing behind.

use crate::checkpoint::PartitionRecord;
use crate::config::{Otherwise, Start};
use crate::error::{Error, Result};
use crate::kafka::admin::{self, At};
use crate::kafka::batch::Batch;
use crate::kafka::wire::{Cluster, Leader};
use crate::model::{
    HaltCode, LeaderEpoch, LinkIdentity, OffsetsMode, Reason, Run, SourceOffset, TargetOffset,
    TopicId, TopicPartition, sequence_of,
};

use super::context::Preserve;
use super::reasons::{same_topic, source_gap, truncated};
use super::resume::{self, Explanation, Tail};
use super::target_log::{Standing, batch_at, settled_end, standing};
use super::{aligned, mapped};

/// Why a partition can't go on.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// An operator has to look.
    Halt(Reason),
    /// It may pass by itself.
    Retry(Error),
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
    /// How offsets of the two sides relate, or are to.
    pub(crate) offsets: OffsetsMode,
    /// How the link is configured to relate them where nothing is mirrored yet.
    pub(crate) wanted: OffsetsMode,
    /// How far offsets are preserved.
    pub(crate) preserve: Preserve,
}

impl Question {
    /// The source's leader epoch of the record before an offset, if it is known.
    fn epoch_before(&self, offset: SourceOffset) -> LeaderEpoch {
        resume::epoch_before(&self.record.epochs, self.epochs_until, offset)
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
    let end = settled_end(cluster, partition, &leader, question.uncertain).await?;
    let log_start = TargetOffset(
        admin::list_offset(cluster, partition, leader.epoch, At::Earliest)
            .await?
            .offset,
    );
    let last = if end > log_start {
        Some(batch_at(cluster, partition, end).await?)
    } else {
        None
    };
    let tail = Tail {
        end,
        log_start,
        last: last.as_ref().map(|batch| *batch.header()),
    };
    let acknowledged = question.acknowledged;
    resume::check_tail(identity, question.offsets, &tail, acknowledged).map_err(|reason| {
        let reached = question.acknowledged.map(|_| question.record.frontier);
        let source = reason.source_offset.or(reached);
        let target = reason.target_offset;
        Trouble::Halt(reason.at(source, target))
    })?;
    let explanations = match question.offsets {
        OffsetsMode::Translate => {
            resume::explanations(question.last_run, &question.record.plans, tail.end)
        }
        OffsetsMode::Preserve => vec![resume::identity(question.last_run, tail.end)],
    };
    let standing = standing_of(cluster, identity, question, &tail).await?;
    Ok(TargetSide {
        leader,
        tail,
        last,
        explanations,
        standing,
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
    same_topic(
        question.source_id,
        leader.topic_id,
        HaltCode::SourceRecreated,
        partition,
    )?;
    let known = question.record.source_topic_id;
    same_topic(known, leader.topic_id, HaltCode::SourceRecreated, partition)?;
    let log_start = SourceOffset(
        admin::list_offset(source, partition, leader.epoch, At::Earliest)
            .await?
            .offset,
    );
    let mirrored = question.record.frontier;
    // Before contents are compared: where records are gone, others may stand in their places.
    check_holds(source, question, &leader, mirrored).await?;
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
        return Err(Trouble::Halt(source_gap(position, log_start)));
    }
    if position > mirrored {
        check_holds(source, question, &leader, position).await?;
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

/// Checks that the source still holds what was mirrored before an offset (H11).
///
/// Only what every in-sync replica holds is mirrored, so a leader that was elected cleanly can't end before it; and brokers
/// that can't tell a truncation in a fetch are asked for the end of the last mirrored epoch.
async fn check_holds(
    source: &Cluster,
    question: &Question,
    leader: &Leader,
    before: SourceOffset,
) -> Result<(), Trouble> {
    let partition = &question.source;
    let end = admin::list_offset(source, partition, leader.epoch, At::TrueEnd).await?;
    if end.offset < before.get() {
        let reason = truncated(before, end.offset, leader.epoch.0);
        return Err(Trouble::Halt(reason));
    }
    let epoch = question.epoch_before(before);
    if epoch == LeaderEpoch::UNKNOWN || epoch == leader.epoch {
        return Ok(());
    }
    let (found, end) = admin::end_of_epoch(source, partition, epoch).await?;
    if end >= 0 && end < before.get() {
        return Err(Trouble::Halt(truncated(before, end, found.0)));
    }
    Ok(())
}
