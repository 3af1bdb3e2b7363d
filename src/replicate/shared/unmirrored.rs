//! The rows of partitions that have no mirror partition: nothing that the link selects is without a row.

use crate::model::{
    DataPath, Intent, Obstacle, OffsetsMode, PartitionState, Reason, TopicName, TopicPartition,
    Totals, Unmirrored, Untranslatable,
};

use super::link::{LinkView, PartitionStatus};

impl LinkView {
    /// Returns why no offset of an untracked partition can be translated.
    pub(super) fn untranslatable(&self, partition: &TopicPartition) -> Untranslatable {
        let found = self.unmirrored(&partition.topic);
        let found = found.filter(|it| it.partitions.contains(&partition.partition.0));
        match found.map(|it| it.obstacle) {
            Some(Obstacle::Refused(reason)) => Untranslatable::NotReady(reason.message),
            Some(Obstacle::Awaited(why)) => Untranslatable::NotReady(awaited(&why)),
            Some(Obstacle::Held) => Untranslatable::NotReady(NOTHING.to_owned()),
            None => Untranslatable::UnknownPartition,
        }
    }

    /// Returns the rows of a topic's partitions that have no mirror partition, except those that `has_row` knows.
    pub(super) fn unmirrored_rows(
        &self,
        topic: &TopicName,
        unmirrored: &Unmirrored,
        has_row: impl Fn(&TopicPartition) -> bool,
    ) -> Vec<PartitionStatus> {
        let intent = self.intent_of(topic);
        let numbers = unmirrored.partitions.clone();
        let partitions = numbers.map(|number| TopicPartition::new(topic.clone(), number));
        let without = partitions.filter(|partition| !has_row(partition));
        without
            .map(|partition| row(partition, unmirrored, intent))
            .collect()
    }
}

fn row(partition: TopicPartition, unmirrored: &Unmirrored, intent: Intent) -> PartitionStatus {
    let (state, reason, detail) = standing(&unmirrored.obstacle, intent);
    PartitionStatus {
        partition,
        mirror_topic: unmirrored.mirror_topic.clone(),
        has_mirror: false,
        state,
        path: DataPath::default(),
        offsets: OffsetsMode::default(),
        source_log_start: -1,
        source_end: -1,
        source_high_watermark: -1,
        position: -1,
        target_end: -1,
        target_log_start: -1,
        lag_records: -1,
        held_records: -1,
        lag_ms: -1,
        as_of_ms: None,
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
        (Obstacle::Awaited(_) | Obstacle::Held, Some(state)) => {
            (state, None, Some(NOTHING.to_owned()))
        }
    }
}

const NOTHING: &str = "it has no mirror partition yet";

fn awaited(why: &str) -> String {
    format!("waits for its mirror partition: {why}")
}
