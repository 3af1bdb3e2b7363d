//! Resyncs a partition in preserve mode, where it resumes at the end of its log.
//!
//! Instead of a map it has to be proven that the log was filled from the source, and that no marker lies where the source
//! has a record. Reads only.

use std::time::Duration;

use crate::config::Otherwise;
use crate::error::{Error, Kind, Result};
use crate::kafka::admin::{self, OffsetSpec};
use crate::kafka::batch::{Batch, BatchError, batches};
use crate::kafka::client::{Cluster, Slot};
use crate::kafka::{FetchLimits, FetchOrder, FetchPartition, start_fetch};
use crate::model::{
    HaltCode, LeaderEpoch, OffsetsMode, Reason, SourceOffset, TargetOffset, TopicPartition,
};
use crate::replicate::fetch::eligibility::{Eligibility, Verdict};
use crate::replicate::partition::phase::{StartPosition, Trouble};
use crate::replicate::preserve::filler::is_filler;

use super::compare::{self, LogComparison, batch_holding};
use super::explain;
use super::input::{Placed, ResyncInput, TargetSide};
use super::judge::parted;
use super::view::PartitionSides;

/// The number of offsets before the end that are searched first for the newest record among markers.
const WINDOW: i64 = 4096;
const READ_BYTES: i32 = 1024 * 1024;

/// Finds where a partition resumes, whether its offsets can be preserved, and that they were so far.
pub(crate) async fn place(sides: &PartitionSides<'_>) -> Result<Placed, Trouble> {
    let PartitionSides { input, side, .. } = *sides;
    let end = SourceOffset(side.tail.end.get());
    let blank = end == SourceOffset::ZERO && input.start.is_some();
    let origin = if blank {
        let begin = sides.position_of_empty().await?.max(sides.log_start);
        let longest = longest_prefix(sides, begin).await?;
        if let Some(obstacle) = obstacle(sides, longest).await? {
            return match input.preserve.otherwise {
                Otherwise::Refuse => Err(Trouble::Halt(obstacle)),
                Otherwise::Translate => {
                    tracing::warn!(
                        partition = %input.source, cause = obstacle.message,
                        "offsets are translated, not preserved"
                    );
                    Ok(Placed::translated(begin))
                }
            };
        }
        begin
    } else {
        origin(sides, end).await?
    };
    if end > origin {
        verify(sides).await?;
    }
    Ok(Placed {
        offsets: OffsetsMode::Preserve,
        runs: explain::identity(input.last_run, side.tail.end).runs,
        position: end,
        next: input.record.history.passed(end).max(origin),
        origin,
    })
}

/// Returns the longest prefix among the partitions decided together: the whole topic if it may be translated instead.
async fn longest_prefix(
    sides: &PartitionSides<'_>,
    begin: SourceOffset,
) -> Result<SourceOffset, Trouble> {
    let PartitionSides { input, source, .. } = *sides;
    let alone = input.preserve.otherwise == Otherwise::Refuse;
    if alone || input.start != Some(StartPosition::Earliest) {
        return Ok(begin);
    }
    let topic = &input.source.topic;
    let metadata = source.current_metadata().await?;
    let numbers = metadata.topics.get(topic).into_iter();
    let all: Vec<_> = numbers
        .flat_map(|it| it.partitions.keys())
        .map(|number| {
            (
                TopicPartition::new(topic.clone(), number.0),
                LeaderEpoch::UNKNOWN,
            )
        })
        .collect();
    let mut longest = begin;
    for listed in admin::list_offsets(source, &all, OffsetSpec::Earliest)
        .await?
        .into_values()
    {
        longest = longest.max(SourceOffset(listed?.offset));
    }
    Ok(longest)
}

/// Returns why a partition that is about to begin can't preserve its offsets, if it can't.
async fn obstacle(
    sides: &PartitionSides<'_>,
    begin: SourceOffset,
) -> Result<Option<Reason>, Trouble> {
    let limits = &sides.input.preserve;
    if begin.get() > limits.max_prefix {
        let message = format!(
            "its first record has offset {begin}, more than preserve_max_prefix = {}",
            limits.max_prefix
        );
        let reason = Reason::new(HaltCode::PreserveImpossible, message);
        return Ok(Some(reason.at(Some(begin), None)));
    }
    // A partition without gaps needs no markers; one that lacks the permission resumes without intervention once it is
    // granted.
    if limits.otherwise == Otherwise::Refuse {
        return Ok(None);
    }
    // Checked at this point, because the permission may have been granted since the link was started.
    let refused = admin::refuses_markers(sides.target).await?;
    Ok(refused.map(|error| Reason::new(HaltCode::NotPermitted, error.chain())))
}

/// Returns where the records begin in a partition that holds data or once did.
async fn origin(sides: &PartitionSides<'_>, end: SourceOffset) -> Result<SourceOffset, Trouble> {
    let PartitionSides {
        input,
        side,
        log_start,
        ..
    } = *sides;
    let known = input.record.origin;
    check_emptied(input, side, log_start)?;
    if input.start.is_none() {
        // As long as no record is mirrored, none is lost if the source's log start advances.
        return Ok(if end < known {
            known.max(log_start)
        } else {
            known
        });
    }
    // The checkpoint DB knows nothing: fillers show that the first record hasn't been mirrored yet, or that they haven't
    // been deleted yet.
    let Some(last) = &side.last else {
        return Ok(log_start);
    };
    if is_filler(last).map_err(unreadable)? {
        return Ok(log_start.max(end));
    }
    let first = side.tail.log_start.get();
    let first = batch_holding(sides.target, &input.target, first).await?;
    let begins_filled = match first {
        Some(first) => is_filler(&first).map_err(unreadable)?,
        None => false,
    };
    Ok(if begins_filled {
        log_start.min(end)
    } else {
        SourceOffset::ZERO
    })
}

/// An emptied log shows nothing of ours. It is accepted where nothing can be missing.
fn check_emptied(
    input: &ResyncInput,
    side: &TargetSide,
    log_start: SourceOffset,
) -> Result<(), Trouble> {
    let end = side.tail.end;
    let nothing_new = input.acknowledged == Some(end) || end == TargetOffset::ZERO;
    let remembered = side.producer_status.is_some();
    if side.last.is_some() || nothing_new || remembered || end.get() <= log_start.get() {
        return Ok(());
    }
    let message = format!(
        "the mirror partition is empty and ends at {end}, and nothing shows which producer wrote its former records"
    );
    let reason = Reason::new(HaltCode::PreserveImpossible, message);
    Err(Trouble::Halt(reason.at(None, Some(end))))
}

/// Compares the newest record with the source's at the same offset, and the markers after it with the source's gaps.
async fn verify(sides: &PartitionSides<'_>) -> Result<(), Trouble> {
    let PartitionSides { input, side, .. } = *sides;
    let end = side.tail.end;
    let all_known = input.knows_all_of(side);
    if !all_known {
        check_reach(sides, end).await?;
    }
    let known = input.acknowledged.filter(|_| !all_known);
    let low = side.tail.log_start.max(known.unwrap_or(TargetOffset::ZERO));
    let (newest, records_end) = newest_record(sides, low).await?;
    if let Some(newest) = &newest {
        let image = |offset: TargetOffset| Some(SourceOffset(offset.get()));
        let comparison = compare::compare(sides.source, &input.source, newest, image).await?;
        if comparison == LogComparison::Different {
            return Err(differs(sides, newest).await?);
        }
    }
    if all_known {
        return Ok(());
    }
    let from = records_end.max(TargetOffset(sides.log_start.get()));
    match record_between(sides, from, end).await? {
        None => Ok(()),
        Some(at) => Err(impossible(
            format!(
                "more offsets were filled than the source leaves open: its record at offset {at} has no place left"
            ),
            at,
        )),
    }
}

/// Checks that the log doesn't reach beyond the source's.
async fn check_reach(sides: &PartitionSides<'_>, end: TargetOffset) -> Result<(), Trouble> {
    let theirs = sides.source_end().await?.get();
    if end.get() <= theirs {
        return Ok(());
    }
    let message = format!(
        "the mirror partition ends at {end}, but the source ends at {theirs}: more offsets were filled than the source leaves open"
    );
    Err(impossible(message, theirs))
}

/// Returns the trouble of a source whose record differs from the mirror's newest: it lost what was mirrored, unless nothing
/// shows that it ever had it.
async fn differs(sides: &PartitionSides<'_>, newest: &Batch) -> Result<Trouble, Trouble> {
    let at = newest.last_offset();
    let parted = match sides.input.acknowledged {
        Some(_) => parted(sides, TargetOffset(at)).await?,
        None => None,
    };
    Ok(parted.unwrap_or_else(|| {
        let message =
            format!("the mirror partition and the source hold different records at offset {at}");
        impossible(message, at)
    }))
}

/// Returns the newest batch of records at or after `low`, and where the markers after it begin.
async fn newest_record(
    sides: &PartitionSides<'_>,
    low: TargetOffset,
) -> Result<(Option<Batch>, TargetOffset), Trouble> {
    let (partition, end) = (&sides.input.target, sides.side.tail.end);
    let is_marker = |batch: &Batch| batch.header().attributes.is_control();
    if let Some(last) = sides.side.last.as_ref().filter(|last| !is_marker(last)) {
        return Ok((Some(last.clone()), end));
    }
    let mut window = WINDOW;
    loop {
        let from = low.max(end.plus(-window));
        let mut next = from;
        let (mut newest, mut records_end) = (None, from);
        while next < end {
            let read = admin::read_at(sides.target, partition, next.get(), READ_BYTES).await?;
            let Some(last) = read.batches.last() else {
                break;
            };
            next = TargetOffset(last.next_offset());
            if let Some(batch) = read.batches.iter().rev().find(|batch| !is_marker(batch)) {
                records_end = TargetOffset(batch.next_offset());
                newest = Some(batch.clone());
            }
        }
        if newest.is_some() || from == low {
            return Ok((newest, records_end));
        }
        window *= 8;
    }
}

/// Returns the first record that a `read_committed` consumer would find on the source in a range that counts as a gap.
async fn record_between(
    sides: &PartitionSides<'_>,
    from: TargetOffset,
    to: TargetOffset,
) -> Result<Option<i64>, Trouble> {
    let PartitionSides { input, source, .. } = *sides;
    let partition = &input.source;
    let history = &input.record.history;
    let passed = |offset: i64| history.passed(SourceOffset(offset)).get();
    let (mut next, to) = (passed(from.get()), to.get());
    while next < to {
        let fetched = fetch(source, partition, next).await?;
        if let Some(code) = fetched.error {
            let message = "the source can't be compared with the filled offsets";
            let error = Error::new(Kind::Broker(code), message).partition(partition);
            return Err(error.offset(next).into());
        }
        let mut eligibility = Eligibility::of(&fetched.aborted);
        let begin = next;
        for batch in batches(fetched.records) {
            let batch = match batch {
                Ok(batch) => batch,
                // It was left out because it can't be decoded.
                Err(_) if passed(next) > next => break,
                Err(error) => return Err(unreadable(error)),
            };
            next = next.max(batch.next_offset());
            if passed(batch.base_offset()) >= batch.next_offset() {
                continue;
            }
            let verdict = eligibility.judge(&batch, SourceOffset(from.get()));
            if verdict.map_err(unreadable)? == Verdict::Skip {
                continue;
            }
            let first = first_record(&batch, from.get(), input).map_err(unreadable)?;
            if let Some(at) = first {
                return Ok((at < to).then_some(at));
            }
        }
        next = passed(next);
        if next == begin {
            break;
        }
    }
    Ok(None)
}

async fn fetch(
    source: &Cluster,
    partition: &TopicPartition,
    offset: i64,
) -> Result<crate::kafka::FetchedPartition> {
    let leader = source.leader(partition).await?;
    let connection = source.connection(leader.broker, Slot::Control).await?;
    let bytes = usize::try_from(READ_BYTES).unwrap_or_default();
    let order = FetchOrder {
        limits: FetchLimits {
            max_wait: Duration::ZERO,
            max_bytes: bytes,
        },
        partitions: vec![FetchPartition {
            partition: partition.clone(),
            topic_id: leader.topic_id,
            offset: SourceOffset(offset),
            max_bytes: bytes,
            leader_epoch: leader.epoch,
            fetched_epoch: LeaderEpoch::UNKNOWN,
        }],
    };
    let answer = start_fetch(&connection, &order, source.settings().request_timeout)?;
    let fetched = answer.await?.into_iter().next().map(|(_, it)| it);
    fetched.ok_or_else(|| {
        let message = "the source left the partition out of its answer";
        Error::new(Kind::Protocol, message).partition(partition)
    })
}

/// Returns the first record of a batch that needs its place on the target: records skipped by a decision don't.
fn first_record(batch: &Batch, from: i64, input: &ResyncInput) -> Result<Option<i64>, BatchError> {
    let history = &input.record.history;
    for record in &batch.records()? {
        let offset = record?.offset;
        if offset >= from && history.at_source(SourceOffset(offset)).is_none() {
            return Ok(Some(offset));
        }
    }
    Ok(None)
}

fn impossible(message: String, at: i64) -> Trouble {
    let reason = Reason::new(HaltCode::PreserveImpossible, message);
    Trouble::Halt(reason.at(Some(SourceOffset(at)), Some(TargetOffset(at))))
}

fn unreadable(error: BatchError) -> Trouble {
    Trouble::retry(&Error::new(Kind::Protocol, "a batch cannot be decoded").caused_by(error))
}
