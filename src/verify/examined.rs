//! The progress and outcome of a partition's verification: as stored and shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::tally::{Outcome, Tally};
use crate::model::{Partition, SourceOffset, TargetOffset, TopicName, TopicPartition};

/// The next offsets to read on both sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VerifyPosition {
    pub source: SourceOffset,
    pub target: TargetOffset,
}

impl VerifyPosition {
    /// The start of both logs.
    pub const BEGIN: Self = Self {
        source: SourceOffset::ZERO,
        target: TargetOffset::ZERO,
    };
}

/// The verification of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Examined {
    /// The topic's name on the source.
    pub topic: TopicName,
    pub partition: Partition,
    /// The first source offset of the range, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<SourceOffset>,
    /// The source offset after the range.
    pub until: SourceOffset,
    /// Everything before this was compared with nothing pending: where it resumes after an interruption.
    pub reached: VerifyPosition,
    /// The findings up to there.
    #[serde(flatten)]
    pub tally: Tally,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What it waits for, or why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Examined {
    /// A partition whose verification hasn't started; it starts at `position` or later.
    pub(crate) fn at(partition: &TopicPartition, position: VerifyPosition) -> Self {
        Self {
            topic: partition.topic.clone(),
            partition: partition.partition,
            from: None,
            until: SourceOffset::ZERO,
            reached: position,
            tally: Tally::default(),
            outcome: None,
            detail: None,
        }
    }

    /// The partition on the source.
    pub fn topic_partition(&self) -> TopicPartition {
        TopicPartition {
            topic: self.topic.clone(),
            partition: self.partition,
        }
    }
}
