//! Resyncs a partition: finds its position from both clusters, or the reason why there is none.
//!
//! Runs at every start and after every error, and reads everything again. Order: the target first, because it can be read
//! without the source; then the source; then the proof that both agree. Writes nothing to either cluster. Dropping the
//! future leaves nothing behind.

use crate::error::Result;
use crate::kafka::admin::{self, At, Standing};
use crate::kafka::client::Cluster;
use crate::model::{
    DataPath, HaltCode, LinkIdentity, OffsetsMode, SourceOffset, TargetOffset, sequence_of,
};
use crate::replicate::partition::phase::Trouble;
use crate::replicate::resync::input::{Question, Settled, TargetSide};

use super::explain::Tail;
use super::input::Survey;
use super::judge::{check_holds, judge_tail, overtaken, recreated};
use super::reasons::{another_topic, same_topic};
use super::record_path_last::last_shown;
use super::target_log::{batch_at, marked_end, settled_end, standing};
use super::view::Sides;
use super::{divergence, preserved, translated};

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

/// Returns the leader's state for our producer id, if it is consistent with a log with this end (H1).
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
    // Has to precede comparing contents: where records are gone, others may have taken their offsets.
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
