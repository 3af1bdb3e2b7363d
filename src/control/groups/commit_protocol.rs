//! Commits offsets on the target so that it is always known which committed offsets may be this link's.
//!
//! The intent is durable before the commit is sent, and the outcome is recorded after it. A refused commit restores the
//! previous record; an unanswered one leaves the intent, which the next round repeats.

use std::collections::BTreeMap;

use crate::control::Mirrored;
use crate::error::{Error, Kind, Result};
use crate::kafka::client::{Retry, retry_of};
use crate::model::{GroupId, TopicPartition};

use super::cluster::{CommittedOffset, Site};
use super::commit::{PlannedCommit, Written};
use super::committed::CommitGuard;

/// What to commit, by source partition: the record of earlier commits, and the commit to make.
pub type Writes = BTreeMap<TopicPartition, (Written, PlannedCommit)>;

/// Commits a group's offsets, keyed by source partition, and records the outcome of each.
///
/// Errors: the checkpoint DB failed, or the target didn't answer for the group as a whole.
pub async fn write(
    guard: &CommitGuard<'_>,
    target: &dyn Site,
    mirrored: &dyn Mirrored,
    group: &GroupId,
    writes: &Writes,
    now_ms: i64,
) -> Result<BTreeMap<TopicPartition, Result<()>>> {
    // The commits depend on frontiers that only the workers know so far (H9).
    mirrored.persist_frontiers().await?;
    let intending = |(before, intent): &(Written, PlannedCommit)| before.intending(intent);
    guard.save(group, &map(writes, intending)).await?;
    let mut commits = BTreeMap::new();
    for (partition, (_, intent)) in writes {
        commits.insert(on_target(mirrored, partition)?, committed(intent));
    }
    let mut outcomes = BTreeMap::new();
    match target.commit(group, &commits).await {
        Ok(mut answers) => {
            for partition in writes.keys() {
                let answer = answers.remove(&on_target(mirrored, partition)?);
                outcomes.insert(
                    partition.clone(),
                    answer.unwrap_or_else(|| Err(no_answer())),
                );
            }
            let known = remember(writes, &outcomes, now_ms);
            guard.save(group, &known).await?;
            Ok(outcomes)
        }
        Err(error) if is_refusal(&error) => {
            guard
                .save(group, &map(writes, |(before, _)| before.clone()))
                .await?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// The target's name of a source partition.
pub fn on_target(mirrored: &dyn Mirrored, partition: &TopicPartition) -> Result<TopicPartition> {
    let topic = mirrored.mirror_topic(&partition.topic).ok_or_else(|| {
        Error::new(Kind::Refused, "the partition is no longer mirrored").partition(partition)
    })?;
    Ok(TopicPartition {
        topic,
        partition: partition.partition,
    })
}

fn map(
    writes: &Writes,
    written: impl Fn(&(Written, PlannedCommit)) -> Written,
) -> BTreeMap<TopicPartition, Written> {
    let each = writes.iter();
    each.map(|(partition, write)| (partition.clone(), written(write)))
        .collect()
}

fn committed(intent: &PlannedCommit) -> CommittedOffset {
    CommittedOffset {
        offset: intent.offset.get(),
        metadata: intent.metadata.clone(),
    }
}

fn remember(
    writes: &Writes,
    outcomes: &BTreeMap<TopicPartition, Result<()>>,
    now_ms: i64,
) -> BTreeMap<TopicPartition, Written> {
    let mut known = BTreeMap::new();
    for (partition, (before, intent)) in writes {
        let after = match outcomes.get(partition) {
            Some(Ok(())) => before.intending(intent).fulfilled(now_ms),
            Some(Err(error)) if is_refusal(error) => before.clone(),
            Some(Err(_)) | None => before.intending(intent),
        };
        known.insert(partition.clone(), after);
    }
    known
}

/// Whether an error means that nothing was committed. After a retriable error the offset may have been appended anyway.
fn is_refusal(error: &Error) -> bool {
    error
        .code()
        .is_some_and(|code| retry_of(code) == Retry::None)
}

fn no_answer() -> Error {
    Error::new(
        Kind::Protocol,
        "the broker gave no answer for this partition",
    )
}
