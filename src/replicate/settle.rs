//! Settles a partition: finds out from both clusters where to go on, or why not.
//!
//! Runs at every start and after every error, and reads everything anew. Order: the target first, because what it holds
//! can be told with the source gone; then the source; then the proof that both agree. Writes nothing to either cluster.
//! Dropping the future leaves nothing behind.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::checkpoint::PartitionRecord;
use crate::config::Start;
use crate::error::{Error, Kind, Result};
use crate::kafka::admin::{self, At};
use crate::kafka::batch::Batch;
use crate::kafka::wire::{Cluster, Leader};
use crate::model::{
    HaltCode, LeaderEpoch, LinkIdentity, Reason, Run, SourceOffset, TargetOffset, TopicId,
    TopicPartition, sequence_of,
};

use super::likeness::{self, Likeness};
use super::rederive;
use super::resume::{self, Explanation, Tail};

/// Two reads of the end this far apart have to agree before an end is believed after an uncertainty (H5).
const STABLE_FOR: Duration = Duration::from_millis(250);
/// How often the high watermark is asked for while it lies below the end (H6).
const WATERMARK_POLL: Duration = Duration::from_millis(50);
/// After this long without the high watermark reaching the end the settling starts over.
const WATERMARK_PATIENCE: Duration = Duration::from_secs(30);

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
    /// The newest timestamp under which the leader knows our producer id with the right sequence.
    pub(crate) known_at: Option<i64>,
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
    /// Who leads the source partition.
    pub(crate) source_leader: Leader,
    /// The source log's start.
    pub(crate) source_log_start: SourceOffset,
    /// The source's leader epoch of the record before the position, if it is known.
    pub(crate) fetched_epoch: LeaderEpoch,
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
        last: last.as_ref().map(|batch| batch.header().clone()),
    };
    resume::check_tail(identity, &tail, question.acknowledged).map_err(Trouble::Halt)?;
    let explanations = resume::explanations(question.last_run, &question.record.plans, tail.end);
    let known_at = known_at(cluster, identity, question, &tail).await?;
    Ok(TargetSide {
        leader,
        tail,
        last,
        explanations,
        known_at,
    })
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
    let (runs, position) = if let Some(last) = &side.last {
        if side.explanations.is_empty() {
            let derived =
                rederive::derive(source, target, question, &side.tail, last, log_start).await?;
            (vec![derived], derived.source_end())
        } else {
            let chosen = prove(source, question, &side, last).await?;
            let position = chosen.position.max(question.record.frontier);
            (chosen.runs, position)
        }
    } else {
        (
            Vec::new(),
            position_of_empty(source, question, &side, &leader, log_start).await?,
        )
    };
    if log_start > position {
        return Err(Trouble::Halt(source_gap(position, log_start)));
    }
    // Only what every in-sync replica holds is mirrored, so a leader that was elected cleanly can't end before it.
    let end = admin::list_offset(source, partition, leader.epoch, At::TrueEnd)
        .await?
        .offset;
    if end < position.get() {
        return Err(Trouble::Halt(truncated(position, end, leader.epoch.0)));
    }
    let epochs = &question.record.epochs;
    let fetched_epoch = resume::epoch_before(epochs, question.epochs_until, position);
    check_epoch(source, partition, &leader, fetched_epoch, position).await?;
    Ok(Settled {
        target: side,
        runs,
        position,
        source_leader: leader,
        source_log_start: log_start,
        fetched_epoch,
    })
}

/// Where to go on if the mirror partition holds nothing: behind what was mirrored, or at the link's start.
async fn position_of_empty(
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

/// The reason for a source whose log start passed what was mirrored.
pub(crate) fn source_gap(position: SourceOffset, log_start: SourceOffset) -> Reason {
    Reason::new(
        HaltCode::SourceGap,
        format!(
            "source offsets {position} to {} were deleted before they were mirrored",
            log_start.plus(-1)
        ),
    )
    .at(Some(position), None)
}

fn same_topic(
    known: TopicId,
    found: TopicId,
    code: HaltCode,
    partition: &TopicPartition,
) -> Result<(), Trouble> {
    if !known.is_known() || !found.is_known() || known == found {
        return Ok(());
    }
    Err(Trouble::Halt(Reason::new(
        code,
        format!(
            "topic {} has id {found}, not {known}: it was deleted and created again",
            partition.topic
        ),
    )))
}

/// The true end of the log once it stands still and the high watermark has reached it (H6), in one leader epoch.
async fn settled_end(
    cluster: &Cluster,
    partition: &TopicPartition,
    leader: &Leader,
    uncertain: bool,
) -> Result<TargetOffset, Trouble> {
    let read = async |at| admin::list_offset(cluster, partition, leader.epoch, at).await;
    let mut end = read(At::TrueEnd).await?.offset;
    if uncertain {
        loop {
            sleep(STABLE_FOR).await;
            let again = read(At::TrueEnd).await?.offset;
            if again == end {
                break;
            }
            end = again;
        }
    }
    let begun = Instant::now();
    while read(At::HighWatermark).await?.offset < end {
        if begun.elapsed() > WATERMARK_PATIENCE {
            let message = format!(
                "the high watermark stays below the log end {end}: check the in-sync replicas of the mirror partition"
            );
            return Err(Error::new(Kind::TimedOut, message)
                .partition(partition)
                .into());
        }
        sleep(WATERMARK_POLL).await;
    }
    // A lower end now means that a leader change undid an append that was never acknowledged.
    if read(At::TrueEnd).await?.offset != end {
        let message = "the end of the mirror partition still moves; reading it again";
        return Err(Error::new(Kind::TimedOut, message)
            .partition(partition)
            .into());
    }
    Ok(TargetOffset(end))
}

/// The batch that holds the last record below `end`.
async fn batch_at(
    cluster: &Cluster,
    partition: &TopicPartition,
    end: TargetOffset,
) -> Result<Batch, Trouble> {
    let wanted = end.plus(-1);
    likeness::batch_holding(cluster, partition, wanted.get())
        .await?
        .ok_or_else(|| {
            let message = "the batch at the end of the mirror partition could not be read";
            Error::new(Kind::Protocol, message)
                .partition(partition)
                .offset(wanted.get())
                .into()
        })
}

/// The newest timestamp under which the leader knows our id with the sequence of the tail (H1), if it does.
async fn known_at(
    cluster: &Cluster,
    identity: &LinkIdentity,
    question: &Question,
    tail: &Tail,
) -> Result<Option<i64>, Trouble> {
    if tail.end == TargetOffset::ZERO {
        return Ok(None);
    }
    let id = identity.producer_id(question.record.incarnation);
    let expected = sequence_of(tail.end.plus(-1));
    let producers = admin::describe_producers(cluster, &question.target).await?;
    Ok(producers.unwrap_or_default().iter().find_map(|producer| {
        (producer.producer_id == id && producer.last_sequence == expected)
            .then_some(producer.last_timestamp)
    }))
}

/// Chooses the explanation whose last record is the same on both sides.
async fn prove(
    source: &Cluster,
    question: &Question,
    side: &TargetSide,
    last: &Batch,
) -> Result<Explanation, Trouble> {
    let mut undecided = Vec::new();
    for explanation in &side.explanations {
        let map =
            |target| explanation.source_of(open_ended(question.last_run, side.tail.end), target);
        match likeness::compare(source, &question.source, last, map).await? {
            Likeness::Same => return Ok(explanation.clone()),
            Likeness::Different => {}
            Likeness::Unknown => undecided.push(explanation),
        }
    }
    let nothing_new = question.acknowledged == Some(side.tail.end);
    match undecided.as_slice() {
        [only] if nothing_new || side.explanations.len() == 1 => Ok((*only).clone()),
        _ => Err(Trouble::Halt(
            Reason::new(
                HaltCode::MapUnknown,
                "the last record of the mirror partition is not the source's record at the mapped offset",
            )
            .at(side.explanations.first().map(|it| it.position.plus(-1)), Some(side.tail.end.plus(-1))),
        )),
    }
}

/// The last run reaches up to the end as long as no later one is known.
fn open_ended(run: Option<Run>, end: TargetOffset) -> Option<Run> {
    run.map(|run| Run {
        length: run.length.max(end.since(run.target)),
        ..run
    })
}

/// Source brokers that can't tell a truncation in a fetch are asked for the end of the last mirrored epoch (H11).
async fn check_epoch(
    source: &Cluster,
    partition: &TopicPartition,
    leader: &Leader,
    epoch: LeaderEpoch,
    position: SourceOffset,
) -> Result<(), Trouble> {
    if epoch == LeaderEpoch::UNKNOWN || epoch == leader.epoch {
        return Ok(());
    }
    let (found, end) = admin::end_of_epoch(source, partition, epoch).await?;
    if end >= 0 && end < position.get() {
        return Err(Trouble::Halt(truncated(position, end, found.0)));
    }
    Ok(())
}

/// The reason for a source that lost what was mirrored.
pub(crate) fn truncated(position: SourceOffset, end: i64, epoch: i32) -> Reason {
    Reason::new(
        HaltCode::SourceTruncated,
        format!(
            "the source lost offsets {end} to {} after they were mirrored (its log of leader epoch {epoch} ends at {end})",
            position.plus(-1)
        ),
    )
    .at(Some(SourceOffset(end)), None)
}
