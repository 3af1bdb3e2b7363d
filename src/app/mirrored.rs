//! A link's view as seen by control and moves, and its source's topics as seen by the API.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use jiff::Timestamp;

use crate::api::state::{Sighting, SourceTopics};
use crate::control::{Mirrored, MirroredPartition, TargetLog};
use crate::error::Result;
use crate::kafka::client::Cluster;
use crate::model::{
    HaltCode, LinkIntents, SourceOffset, TargetOffset, TopicName, TopicPartition, Translation,
    Untranslatable,
};
use crate::replicate::{LinkView, PartitionStatus};

/// Adapts replication to control; neither depends on the other.
#[derive(Debug)]
pub(crate) struct View(pub(crate) LinkView);

impl Mirrored for View {
    fn partitions(&self) -> Vec<MirroredPartition> {
        self.0.partitions().into_iter().map(partition).collect()
    }

    fn mirror_topic(&self, topic: &TopicName) -> Option<TopicName> {
        self.0.mirror_topic(topic)
    }

    fn intents(&self) -> Arc<LinkIntents> {
        Arc::clone(&self.0.intents().borrow())
    }

    fn lookup(
        &self,
        partition: &TopicPartition,
        offset: SourceOffset,
    ) -> Result<Translation, Untranslatable> {
        match self.0.disowned(partition) {
            Some(reason) => Err(Untranslatable::NotReady(reason)),
            None => self.0.translate(partition, offset),
        }
    }

    fn persist_frontiers(&self) -> BoxFuture<'_, Result<()>> {
        self.0.persist_frontiers().boxed()
    }
}

/// Adapts a link's source to the API, which knows no clusters.
#[derive(Debug)]
pub(crate) struct SourceView(pub(crate) Cluster);

impl SourceTopics for SourceView {
    fn seen(&self, topic: &TopicName) -> Sighting {
        let metadata = self.0.metadata();
        if metadata.generation == 0 {
            return Sighting::Unknown;
        }
        let seen = metadata.topics.get(topic);
        seen.map_or(Sighting::Absent, |seen| Sighting::Present {
            is_internal: seen.internal,
        })
    }
}

fn partition(status: PartitionStatus) -> MirroredPartition {
    MirroredPartition {
        frontier: (status.target_end >= 0).then_some(SourceOffset(status.position)),
        source_high_watermark: SourceOffset(status.source_high_watermark),
        at_risk_since_ms: match (status.lag_records, status.lag_ms) {
            (0, _) => status.as_of_ms,
            (_, ..0) => None,
            (_, lag_ms) => Some(Timestamp::now().as_millisecond() - lag_ms),
        },
        target_log_start: TargetOffset(status.target_log_start),
        target_end: TargetOffset(status.target_end),
        target_log: target_log(&status),
        map_since_ms: status.map_since_ms,
        partition: status.partition,
        has_mirror: status.has_mirror,
        state: status.state,
        reason: status.reason,
    }
}

fn target_log(status: &PartitionStatus) -> TargetLog {
    let reason = status.reason.as_ref();
    match reason.map(|reason| (reason.code, reason.target_offset)) {
        Some((HaltCode::TargetTruncated, Some(end))) => TargetLog::CutAt(end),
        Some((HaltCode::TargetRecreated | HaltCode::TargetTopicMissing, _)) => TargetLog::Another,
        None if status.target_log_start < 0 => TargetLog::Unread,
        // Other reasons arise only where the log was read and recognized as the mirror's.
        Some(_) | None => TargetLog::Whole,
    }
}
