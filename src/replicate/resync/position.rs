//! Resyncs a partition: finds its position from both clusters, or the reason why there is none.
//!
//! Runs at every start and after every error, and reads everything again. Order: the target first, because it can be read
//! without the source; then the source; then the proof that both agree. Writes nothing to either cluster. Dropping the
//! future leaves nothing behind.

use crate::error::Result;
use crate::kafka::admin::{self, OffsetSpec, ProducerStatus};
use crate::kafka::client::Cluster;
use crate::model::{
    DataPath, HaltCode, LinkIdentity, OffsetsMode, SourceOffset, TargetOffset, sequence_of,
};
use crate::replicate::partition::phase::Trouble;
use crate::replicate::resync::input::{ResyncInput, ResyncResult, TargetSide};

use super::explain::Tail;
use super::input::Survey;
use super::judge::{check_holds, judge_tail, overtaken, recreated};
use super::reasons::{another_topic, same_topic};
use super::record_path_last::last_committed;
use super::target_log::{batch_at, marked_end, producer_status, stable_end};
use super::view::PartitionSides;
use super::{divergence, preserved, translated};

/// Reads the target's side.
pub(crate) async fn resync_target(
    cluster: &Cluster,
    identity: &LinkIdentity,
    input: &ResyncInput,
) -> Result<TargetSide, Trouble> {
    let partition = &input.target;
    let leader = cluster.leader(partition).await?;
    for known in [input.target_id, input.record.target_topic_id] {
        let same = same_topic(known, leader.topic_id, HaltCode::TargetRecreated, partition);
        same.map_err(Trouble::Halt)?;
    }
    let by_records = input.record.path == DataPath::Record;
    if by_records {
        marked_end(cluster, partition, &leader, input.record.acked_end).await?;
    }
    let end = stable_end(cluster, input, &leader).await?;
    let log_start = TargetOffset(
        admin::list_offset(cluster, partition, leader.epoch, OffsetSpec::Earliest)
            .await?
            .offset,
    );
    let last = if by_records {
        let acknowledged = input.record.acked_end;
        last_committed(cluster, partition, end, log_start, acknowledged).await?
    } else if end > log_start {
        Some(batch_at(cluster, partition, end).await?)
    } else {
        None
    };
    let committed_end = last.as_ref().map(|batch| TargetOffset(batch.next_offset()));
    let tail = Tail {
        end,
        log_start,
        last: last.as_ref().map(|batch| *batch.header()),
        data_end: committed_end.unwrap_or_else(|| input.empty_data_end(end)),
    };
    let explanations = input.explanations(identity, &tail);
    let foreign = match judge_tail(identity, input, &tail, &explanations) {
        Ok(None) => None,
        Ok(Some(reason)) => Some(Survey::read(cluster, identity, input, &tail, reason).await?),
        Err(trouble) => return Err(trouble),
    };
    let producer_status = producer_status_of(cluster, identity, input, &tail).await?;
    Ok(TargetSide {
        leader,
        tail,
        last,
        explanations,
        producer_status,
        foreign,
    })
}

/// Returns the leader's state for our producer id, if it is consistent with a log with this end (H1).
async fn producer_status_of(
    cluster: &Cluster,
    identity: &LinkIdentity,
    input: &ResyncInput,
    tail: &Tail,
) -> Result<Option<ProducerStatus>, Trouble> {
    if tail.end == TargetOffset::ZERO {
        return Ok(None);
    }
    let id = identity.producer_id(input.record.incarnation);
    let found = producer_status(cluster, &input.target, id).await?;
    let expected = sequence_of(tail.end.plus(-1));
    Ok(found.filter(|it| match input.offsets {
        OffsetsMode::Translate => it.last_sequence == expected,
        OffsetsMode::Preserve => true,
    }))
}

/// Reads the source's side and proves that both agree.
pub(crate) async fn resync_source(
    source: &Cluster,
    target: &Cluster,
    input: &ResyncInput,
    side: TargetSide,
) -> Result<ResyncResult, Trouble> {
    let partition = &input.source;
    let leader = source.leader(partition).await?;
    let log_start = SourceOffset(
        admin::list_offset(source, partition, leader.epoch, OffsetSpec::Earliest)
            .await?
            .offset,
    );
    let sides = PartitionSides {
        source,
        target,
        input,
        side: &side,
        leader: &leader,
        log_start,
    };
    for known in [input.source_id, input.record.source_topic_id] {
        let same = same_topic(known, leader.topic_id, HaltCode::SourceRecreated, partition);
        same.map_err(|reason| recreated(&sides, reason))?;
    }
    let mirrored = input.record.frontier;
    if !leader.topic_id.is_known() && divergence::has_older_leader(&sides) {
        return Err(recreated(&sides, another_topic(partition, mirrored)));
    }
    // Has to precede comparing contents: where records are gone, others may have taken their offsets.
    check_holds(&sides, mirrored).await?;
    if let Some(survey) = side.foreign.clone() {
        let start = sides.position_of_empty().await?;
        let decision = survey.adopt(source, input, &side, start).await?;
        return Err(Trouble::Decided(Box::new(decision)));
    }
    let placed = match input.offsets {
        OffsetsMode::Preserve => preserved::place(&sides).await?,
        OffsetsMode::Translate => translated::place(&sides).await?,
    };
    // A partition begins where its start was resolved, and learns afterwards that the source has lost records there.
    if log_start > placed.next && input.start.is_none() {
        return Err(overtaken(&sides, placed));
    }
    let position = placed.position;
    if position > mirrored {
        check_holds(&sides, position).await?;
    }
    let fetched_epoch = if placed.next > input.epochs_until {
        divergence::epoch_before(&sides, placed.next).await?
    } else {
        input.epoch_before(placed.next)
    };
    Ok(ResyncResult {
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
