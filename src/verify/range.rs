//! The range of a partition that can be verified at a given moment: what both sides still have, up to what is mirrored.

use crate::error::{Error, Kind, Result};
use crate::kafka::admin::{self, OffsetSpec};
use crate::kafka::client::Cluster;
use crate::model::{PartitionState, SourceOffset, TargetOffset, TopicId, TopicPartition};
use crate::offsets::Lookup;
use crate::replicate::{LinkView, VerificationSnapshot};

use super::examined::{Examined, VerifyPosition};

/// The two sides of a link.
#[derive(Debug, Clone)]
pub(crate) struct LinkSides {
    pub(crate) view: LinkView,
    pub(crate) source: Cluster,
    pub(crate) target: Cluster,
}

/// The range to verify.
#[derive(Debug)]
pub(crate) struct Range {
    pub(crate) snapshot: VerificationSnapshot,
    pub(crate) mirror: TopicPartition,
    /// Where to continue.
    pub(crate) begin: VerifyPosition,
    /// The source offset at which the range ends, exclusive.
    pub(crate) until: SourceOffset,
    /// The target's high watermark when the range was determined.
    pub(crate) target_end: TargetOffset,
}

impl LinkSides {
    /// Determines the range; it excludes what was `reached` before and what a side no longer has.
    ///
    /// Errors: the partition isn't mirrored, or one of its topics was replaced by another; how far it is mirrored isn't
    /// known at the moment; errors of the requests.
    pub(crate) async fn range(
        &self,
        partition: &TopicPartition,
        known: &Examined,
    ) -> Result<Range> {
        if let Some(why) = self.view.disowned(partition) {
            return Err(Error::new(Kind::Refused, why));
        }
        let unknown = || Error::new(Kind::Refused, "the partition isn't mirrored yet");
        let mirrored = self.view.snapshot(partition).ok_or_else(unknown)?;
        if matches!(
            mirrored.state,
            PartitionState::Preparing | PartitionState::Retrying
        ) {
            let text = "waiting until it is known how far the partition is mirrored";
            return Err(Error::new(Kind::TimedOut, text));
        }
        let mirror = TopicPartition {
            topic: mirrored.mirror_topic.clone(),
            partition: partition.partition,
        };
        let source_id = mirrored.decisions.source_topic_id;
        let source_start = first(&self.source, partition, source_id, OffsetSpec::Earliest).await?;
        let target_id = mirrored.decisions.target_topic_id;
        let target_end = first(&self.target, &mirror, target_id, OffsetSpec::HighWatermark).await?;
        let target_start = first(&self.target, &mirror, target_id, OffsetSpec::Earliest).await?;
        let (source_start, target_start) = (SourceOffset(source_start), TargetOffset(target_start));

        // Read after the target's end, so it covers at least what was mirrored at that time.
        let snapshot = self.view.snapshot(partition).ok_or_else(unknown)?;
        let image = self.view.origin_of(partition, target_start)?;
        let from = snapshot.origin.max(source_start).max(image);
        let until = known.from.map_or(snapshot.until, |_| known.until);
        let until = until.min(snapshot.until);
        let source = known.reached.source.max(from).min(until);
        let mut target = known.reached.target.max(target_start);
        if source > known.reached.source || known.reached.target == TargetOffset::ZERO {
            let image = self.view.image(partition, source)?;
            target = target.max(image.map_or(target, Lookup::or_next));
        }
        Ok(Range {
            snapshot,
            mirror,
            begin: VerifyPosition { source, target },
            until,
            target_end: TargetOffset(target_end),
        })
    }
}

pub(super) const CREATED_AGAIN: &str =
    "the topic was deleted and created again since it was mirrored";

/// Whether a topic is known to differ from the expected one.
pub(super) fn topic_changed(expected: TopicId, found: TopicId) -> bool {
    expected.is_known() && found.is_known() && expected != found
}

/// An offset of a partition, provided its topic is the expected one.
pub(super) async fn first(
    cluster: &Cluster,
    partition: &TopicPartition,
    expected: TopicId,
    at: OffsetSpec,
) -> Result<i64> {
    let leader = cluster.leader(partition).await?;
    if topic_changed(expected, leader.topic_id) {
        return Err(Error::new(Kind::Refused, CREATED_AGAIN)
            .cluster(cluster.name())
            .partition(partition));
    }
    let listed = admin::list_offset(cluster, partition, leader.epoch, at).await?;
    Ok(listed.offset)
}
