//! The rows of partitions that have no mirror partition: nothing that the link selects is without a row.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::RwLock;

use crate::model::{
    DataPath, Intent, Moment, Obstacle, OffsetsMode, PartitionState, Reason, TopicName,
    TopicPartition, Totals, Unmirrored, Untranslatable,
};

use super::lag_time::{Milestones, lag_ms, missing_since};
use super::source_ends::{Missing, SourceEnds};
use super::status::PartitionStatus;

/// The selected partitions without a mirror partition, and what is known of their source.
#[derive(Debug, Default)]
pub(crate) struct UnmirroredPartitions(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    topics: BTreeMap<TopicName, Unmirrored>,
    heard: BTreeMap<TopicPartition, Heard>,
}

/// The ends of a source partition, as last heard.
#[derive(Debug, Default)]
struct Heard {
    ends: Option<(SourceEnds, Moment)>,
    /// Where its mirror would begin, as far as that is known before it does.
    start: Option<i64>,
    milestones: Milestones,
    complete_ms: Option<i64>,
    first_timestamp: Option<i64>,
}

impl UnmirroredPartitions {
    /// Replaces the topics; what is known of partitions that are still among them stays known.
    pub(super) fn show(&self, topics: &BTreeMap<TopicName, Unmirrored>) {
        if self.0.read().topics == *topics {
            return;
        }
        let known = &mut *self.0.write();
        known.topics.clone_from(topics);
        let is_among = |it: &TopicPartition| {
            let topic = topics.get(&it.topic);
            topic.is_some_and(|topic| topic.partitions.contains(&it.partition.0))
        };
        known.heard.retain(|partition, _| is_among(partition));
    }

    /// Forgets everything.
    pub(super) fn clear(&self) {
        *self.0.write() = Known::default();
    }

    /// Returns what is known of a topic.
    pub(super) fn topic(&self, topic: &TopicName) -> Option<Unmirrored> {
        self.0.read().topics.get(topic).cloned()
    }

    /// Returns the partitions whose ends were heard more than `limit` ago, or never, and whether the link's `start` applies
    /// to them.
    pub(crate) fn silent(&self, now: Moment, limit: Duration) -> Vec<(TopicPartition, bool)> {
        let known = self.0.read();
        let is_silent = |partition: &TopicPartition| {
            let ends = known.heard.get(partition).and_then(|heard| heard.ends);
            ends.is_none_or(|(_, at)| now.monotonic.since(at.monotonic) > limit)
        };
        let all = known.topics.iter().flat_map(|(name, topic)| {
            let is_initial = |number| number < topic.initial_partitions;
            let numbers = topic.partitions.clone();
            numbers.map(move |it| (TopicPartition::new(name.clone(), it), is_initial(it)))
        });
        all.filter(|(partition, _)| is_silent(partition)).collect()
    }

    /// Takes over the ends of a partition, and where its mirror would begin now.
    pub(crate) fn hear(
        &self,
        partition: &TopicPartition,
        (ends, start): (SourceEnds, Option<i64>),
        at: Moment,
    ) {
        let known = &mut *self.0.write();
        let topic = known.topics.get(&partition.topic);
        if topic.is_none_or(|topic| !topic.partitions.contains(&partition.partition.0)) {
            return;
        }
        let heard = known.heard.entry(partition.clone()).or_default();
        if heard.start != start {
            // Another record is the first one.
            heard.first_timestamp = None;
        }
        (heard.ends, heard.start) = (Some((ends, at)), start);
        if let Some(start) = start {
            let is_complete = heard
                .milestones
                .hear(start, ends.high_watermark, at.wall_ms);
            if is_complete {
                heard.complete_ms = Some(at.wall_ms);
                heard.first_timestamp = None;
            }
        }
    }

    /// Returns the first missing record of each partition of which something is missing, but not known since when.
    pub(crate) fn undated(&self) -> Vec<(TopicPartition, i64)> {
        let known = self.0.read();
        let undated = known.heard.iter().filter_map(|(partition, heard)| {
            let is_undated = heard.missing().records > 0 && heard.first_timestamp.is_none();
            Some((partition.clone(), heard.start.filter(|_| is_undated)?))
        });
        undated.collect()
    }

    /// Takes over the timestamp of the first missing record, at `offset`.
    pub(crate) fn date(&self, partition: &TopicPartition, offset: i64, timestamp: i64) {
        let heard = &mut self.0.write().heard;
        let heard = heard.get_mut(partition);
        if let Some(heard) = heard.filter(|heard| heard.start == Some(offset)) {
            heard.first_timestamp = Some(timestamp);
        }
    }

    /// Returns the rows of all topics, or of one, without those of partitions that `has_row` knows.
    pub(super) fn rows(
        &self,
        of: Option<&TopicName>,
        intent_of: impl Fn(&TopicName) -> Intent,
        has_row: impl Fn(&TopicPartition) -> bool,
        now_ms: i64,
    ) -> Vec<PartitionStatus> {
        let known = self.0.read();
        let mut rows = Vec::new();
        for (name, topic) in &known.topics {
            if of.is_some_and(|of| of != name) {
                continue;
            }
            let intent = intent_of(name);
            for number in topic.partitions.clone() {
                let partition = TopicPartition::new(name.clone(), number);
                if !has_row(&partition) {
                    let heard = known.heard.get(&partition);
                    rows.push(row(partition, topic, intent, heard, now_ms));
                }
            }
        }
        rows
    }

    /// Returns why no offset of an untracked partition can be translated.
    pub(super) fn untranslatable(&self, partition: &TopicPartition) -> Untranslatable {
        let found = self.topic(&partition.topic);
        let found = found.filter(|it| it.partitions.contains(&partition.partition.0));
        match found.map(|it| it.obstacle) {
            Some(Obstacle::Refused(reason)) => Untranslatable::NotReady(reason.message),
            Some(Obstacle::Awaited(why)) => Untranslatable::NotReady(awaited(&why)),
            Some(Obstacle::Held) => Untranslatable::NotReady(NOTHING.to_owned()),
            Some(Obstacle::Absent(_)) | None => Untranslatable::UnknownPartition,
        }
    }
}

impl Heard {
    fn missing(&self) -> Missing {
        let ends = self.ends.map(|(ends, _)| ends);
        Missing::between(self.start, ends.unwrap_or(SourceEnds::UNKNOWN))
    }

    fn missing_since(&self) -> Option<i64> {
        let noticed = self.milestones.noticed_ms();
        missing_since(self.complete_ms, self.first_timestamp, noticed)
    }
}

fn row(
    partition: TopicPartition,
    unmirrored: &Unmirrored,
    intent: Intent,
    heard: Option<&Heard>,
    now_ms: i64,
) -> PartitionStatus {
    let (state, reason, detail) = standing(&unmirrored.obstacle, intent);
    let unheard = Heard::default();
    let heard = heard.unwrap_or(&unheard);
    let (ends, at) = heard.ends.unzip();
    let ends = ends.unwrap_or(SourceEnds::UNKNOWN);
    let is_absent = matches!(unmirrored.obstacle, Obstacle::Absent(_));
    let missing = if is_absent {
        Missing::NOTHING
    } else {
        heard.missing()
    };
    PartitionStatus {
        partition,
        mirror_topic: unmirrored.mirror_topic.clone(),
        has_mirror: false,
        is_absent,
        state,
        path: DataPath::default(),
        offsets: OffsetsMode::default(),
        source_log_start: ends.log_start,
        source_end: ends.stable,
        source_high_watermark: ends.high_watermark,
        position: -1,
        target_end: -1,
        target_log_start: -1,
        lag_records: missing.records,
        held_records: missing.held,
        held_by: None,
        lag_ms: lag_ms(missing.records, heard.missing_since(), now_ms),
        as_of_ms: at.map(|at| at.wall_ms),
        read_from: None,
        runs: 0,
        reason,
        detail,
        records: 0,
        bytes: 0,
        batches: 0,
        resyncs: 0,
        expired_on_target: 0,
        without_image: Totals::default(),
        missed_deletions: None,
        map_since_ms: 0,
    }
}

/// The state of a partition with this obstacle, its reason and what it waits for.
fn standing(
    obstacle: &Obstacle,
    intent: Intent,
) -> (PartitionState, Option<Reason>, Option<String>) {
    let held = match intent {
        Intent::Mirror => None,
        Intent::Paused => Some(PartitionState::Paused),
        Intent::Sealed => Some(PartitionState::Sealed),
        Intent::Open => Some(PartitionState::Open),
    };
    match (obstacle, held) {
        (Obstacle::Refused(reason), held) => {
            let reason = reason.clone();
            (held.unwrap_or(reason.code.state()), Some(reason), None)
        }
        (Obstacle::Awaited(why), None) => (PartitionState::Preparing, None, Some(awaited(why))),
        (Obstacle::Held, None) => (PartitionState::Preparing, None, None),
        (Obstacle::Absent(why), held) => {
            let state = held.unwrap_or(PartitionState::Preparing);
            (state, None, Some(awaited(why)))
        }
        (Obstacle::Awaited(_) | Obstacle::Held, Some(state)) => {
            (state, None, Some(NOTHING.to_owned()))
        }
    }
}

const NOTHING: &str = "it has no mirror partition yet";

fn awaited(why: &str) -> String {
    format!("waits for its mirror partition: {why}")
}

#[cfg(test)]
mod tests;
