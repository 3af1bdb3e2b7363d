//! Whether a source is at rest and fully mirrored (H15).
//!
//! A lag of zero isn't enough: an open transaction holds back the last stable offset, and hides the committed records of
//! others above it.

use std::collections::BTreeMap;

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;

use crate::control::groups::cluster::{GroupActivity, LogEdge};
use crate::error::Result;
use crate::model::{SourceOffset, TopicPartition};

use super::plan::Plan;
use super::sites::Sites;
use super::states::{Ends, Event};

/// The number of partitions queried for open transactions concurrently.
const PARTITIONS_AT_ONCE: usize = 16;
/// The maximum number of reasons to wait that are reported.
const TOLD_MAX: usize = 20;

/// Looks once at the partitions and groups of a plan.
pub(super) async fn look(sites: &Sites, plan: &Plan, now: Timestamp) -> Result<Event> {
    let progress = progress(sites, plan).await?;
    let partitions: Vec<TopicPartition> = progress.keys().cloned().collect();
    let log = sites.source.ends(&partitions, LogEdge::Log).await?;
    let replicated = sites
        .source
        .ends(&partitions, LogEdge::HighWatermark)
        .await?;
    let stable = sites.source.ends(&partitions, LogEdge::LastStable).await?;
    let open = open_transactions(sites, &partitions).await?;
    // Where the log still ends there, everything read in between was true at one moment.
    let after = sites.source.ends(&partitions, LogEdge::Log).await?;
    let activity = sites.source.groups().await?;
    let mut waits_for = Vec::new();
    for group in &plan.chosen {
        if activity.get(group) == Some(&GroupActivity::Active) {
            waits_for.push(format!("group {group} has members on the source"));
        }
    }
    for partition in &partitions {
        let look = Look {
            log: log.get(partition).copied(),
            after: after.get(partition).copied(),
            replicated: replicated.get(partition).copied(),
            stable: stable.get(partition).copied(),
            open: open.get(partition).copied().flatten(),
            progress: progress
                .get(partition)
                .copied()
                .unwrap_or(Progress::NoMirror),
        };
        waits_for.extend(look.unrest().map(|why| format!("{partition} {why}")));
    }
    waits_for.truncate(TOLD_MAX);
    let ends = log.into_iter().map(|(p, end)| (p, SourceOffset(end)));
    Ok(Event::Looked {
        ends: Ends(ends.collect()),
        waits_for,
        now_ms: now.as_millisecond(),
    })
}

/// How far a partition is mirrored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// The source has it, and the target doesn't.
    NoMirror,
    Preparing,
    UpTo(SourceOffset),
}

/// The progress of all partitions of the plan's topics: those that the source has now, and those that are mirrored.
async fn progress(sites: &Sites, plan: &Plan) -> Result<BTreeMap<TopicPartition, Progress>> {
    let mut found = BTreeMap::new();
    for (topic, count) in sites.source.partitions(&plan.topics).await? {
        let partitions = (0..count).map(|number| TopicPartition::new(topic.clone(), number));
        found.extend(partitions.map(|partition| (partition, Progress::NoMirror)));
    }
    for mirrored in sites.mirrored.partitions() {
        if plan.topics.contains(&mirrored.partition.topic) && mirrored.has_mirror {
            let progress = mirrored
                .frontier
                .map_or(Progress::Preparing, Progress::UpTo);
            found.insert(mirrored.partition, progress);
        }
    }
    Ok(found)
}

async fn open_transactions(
    sites: &Sites,
    partitions: &[TopicPartition],
) -> Result<BTreeMap<TopicPartition, Option<bool>>> {
    let look = |partition: TopicPartition| async move {
        let open = sites.source.has_open_transaction(&partition).await?;
        Ok((partition, open))
    };
    // Owned partitions: a closure over borrowed ones would keep the compiler from seeing that the future is `Send`.
    let looks = partitions.iter().cloned().map(look);
    stream::iter(looks.collect::<Vec<_>>())
        .buffer_unordered(PARTITIONS_AT_ONCE)
        .try_collect()
        .await
}

/// One look at a partition.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// The end of the log, read before everything else.
    log: Option<i64>,
    /// The end of the log, read after everything else.
    after: Option<i64>,
    replicated: Option<i64>,
    stable: Option<i64>,
    /// `None` if the brokers are too old to say; the last stable offset must do in that case.
    open: Option<bool>,
    progress: Progress,
}

impl Look {
    /// The reason the partition isn't drained, if any.
    fn unrest(&self) -> Option<String> {
        let ends = (self.log, self.after, self.replicated, self.stable);
        let (Some(log), Some(after), Some(replicated), Some(stable)) = ends else {
            return Some("doesn't report its ends".to_owned());
        };
        if after != log {
            return Some("is being written to".to_owned());
        }
        if replicated != log {
            return Some(format!("is replicated up to {replicated} of {log}"));
        }
        if stable != log {
            return Some(format!(
                "has an open transaction: its last stable offset is {stable}, its end {log}"
            ));
        }
        if self.open == Some(true) {
            return Some("has an open transaction".to_owned());
        }
        match self.progress {
            Progress::UpTo(frontier) if frontier.get() >= log => None,
            Progress::UpTo(frontier) => Some(format!("is mirrored up to {frontier} of {log}")),
            Progress::Preparing => Some("is being prepared".to_owned()),
            Progress::NoMirror => Some("has no mirror partition yet".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
