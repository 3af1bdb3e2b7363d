//! Recovers the map of a mirror partition if the checkpoint DB knows nothing of it.
//!
//! Works for partitions without gaps: source offset minus target offset never falls as offsets rise, so if the difference is
//! the same at the oldest and at the newest record that both sides still have, it is the same everywhere between, and the
//! partition is one run. In any other case it halts the partition instead of guessing.

use crate::error::Result;
use crate::kafka::admin::{self, OffsetSpec};
use crate::kafka::batch::Batch;
use crate::kafka::client::Cluster;
use crate::model::{HaltCode, Reason, Run, SourceOffset, TargetOffset};
use crate::replicate::partition::phase::Trouble;

use super::compare::{self, LogComparison};
use super::explain::Tail;
use super::input::ResyncInput;

/// The amount of source data searched for records equal to the mirror's last, in bytes.
const SEARCH_LIMIT: usize = 8 * 1024 * 1024;
const READ_BYTES: i32 = 1024 * 1024;

/// Derives the single run of a contiguous partition, or returns the reason why that can't be done.
///
/// In a partition that changed owners the difference between the offsets may have fallen and risen again, so there the ends
/// prove nothing about what lies between.
pub(crate) async fn derive(
    source: &Cluster,
    target: &Cluster,
    input: &ResyncInput,
    tail: &Tail,
    last: &Batch,
    source_start: SourceOffset,
) -> Result<Run, Trouble> {
    if last.header().producer_id.incarnation() > 0 {
        return Err(unknown(
            "the mirror was interrupted and resumed before; only the checkpoint knew what lies in between",
            tail,
        ));
    }
    let Some(shift) = shift_of_tail(source, input, last, source_start).await? else {
        return Err(unknown(
            "the mirror's last records were not found on the source",
            tail,
        ));
    };
    // The oldest record that can exist on both sides.
    let low = tail
        .log_start
        .max(TargetOffset(source_start.get() - shift))
        .max(TargetOffset::ZERO);
    let oldest = compare::batch_holding(target, &input.target, low.get()).await?;
    let comparison = match oldest {
        Some(batch) => {
            let map = |offset: TargetOffset| Some(SourceOffset(offset.get() + shift));
            compare::compare_from(source, &input.source, &batch, low, map).await?
        }
        None => LogComparison::NoCommonRecord,
    };
    match comparison {
        LogComparison::Equal => Ok(Run::new(
            SourceOffset(low.get() + shift),
            low,
            tail.end.since(low),
        )),
        LogComparison::Different | LogComparison::NoCommonRecord => Err(unknown(
            &format!(
                "target offset {low} is not source offset {}: the partition has gaps, and only the checkpoint knew where",
                low.get() + shift
            ),
            tail,
        )),
    }
}

fn unknown(what: &str, tail: &Tail) -> Trouble {
    Trouble::Halt(
        Reason::new(
            HaltCode::MapUnknown,
            format!("no checkpoint is left and {what}"),
        )
        .at(None, Some(tail.end.plus(-1))),
    )
}

/// Returns source minus target offset at the mirror's last record, if exactly one place on the source equals it.
async fn shift_of_tail(
    source: &Cluster,
    input: &ResyncInput,
    last: &Batch,
    source_start: SourceOffset,
) -> Result<Option<i64>, Trouble> {
    let wanted = TargetOffset(last.last_offset());
    let same_offset = SourceOffset(wanted.get());
    let from = if same_offset >= source_start {
        let identity = |offset: TargetOffset| Some(SourceOffset(offset.get()));
        match compare::compare(source, &input.source, last, identity).await? {
            LogComparison::Equal => same_offset,
            LogComparison::Different | LogComparison::NoCommonRecord => {
                by_time(source, input, last).await?
            }
        }
    } else {
        by_time(source, input, last).await?
    };
    let places = places(source, input, last, from.max(source_start)).await?;
    Ok(match places.as_slice() {
        [only] => Some(only.since(SourceOffset(wanted.get()))),
        _ => None,
    })
}

/// Returns where the source's records with the timestamp of the mirror's last record begin.
async fn by_time(
    source: &Cluster,
    input: &ResyncInput,
    last: &Batch,
) -> Result<SourceOffset, Trouble> {
    let leader = source.leader(&input.source).await?;
    let at = OffsetSpec::Timestamp(last.header().max_timestamp);
    let found = admin::list_offset(source, &input.source, leader.epoch, at).await?;
    Ok(SourceOffset(found.offset.max(0)))
}

/// Returns every source offset from `from` on, within the search limit, whose record equals the mirror's last one; stops at
/// two.
async fn places(
    source: &Cluster,
    input: &ResyncInput,
    last: &Batch,
    from: SourceOffset,
) -> Result<Vec<SourceOffset>, Trouble> {
    let (timestamp, content) = last_record(last)?;
    let mut places = Vec::new();
    let mut offset = from.get();
    let mut read_bytes = 0;
    while read_bytes < SEARCH_LIMIT && places.len() < 2 {
        let read = admin::read_at(source, &input.source, offset, READ_BYTES).await?;
        let Some(newest) = read.batches.last() else {
            break;
        };
        let next = newest.next_offset();
        for batch in read
            .batches
            .iter()
            .filter(|batch| !batch.header().attributes.is_control())
        {
            read_bytes += batch.size();
            for record in &batch.records().map_err(undecodable)? {
                let record = record.map_err(undecodable)?;
                let equal = record.timestamp == timestamp && record.content == content;
                if equal && record.offset >= from.get() {
                    places.push(SourceOffset(record.offset));
                }
            }
        }
        offset = next;
    }
    Ok(places)
}

fn last_record(batch: &Batch) -> Result<(i64, Vec<u8>), Trouble> {
    let mut found = None;
    for record in &batch.records().map_err(undecodable)? {
        let record = record.map_err(undecodable)?;
        found = Some((record.timestamp, record.content.to_vec()));
    }
    found.ok_or_else(|| {
        Trouble::Halt(Reason::new(
            HaltCode::MapUnknown,
            "no checkpoint is left and the mirror's last batch no longer holds any record",
        ))
    })
}

fn undecodable(error: crate::kafka::batch::BatchError) -> Trouble {
    Trouble::retry(
        &crate::error::Error::new(crate::error::Kind::Protocol, "a batch cannot be decoded")
            .caused_by(error),
    )
}
