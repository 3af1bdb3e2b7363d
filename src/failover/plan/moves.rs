//! The offset each group gets in each partition of the target, and what is lost.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::control::MirroredPartition;
use crate::control::groups::commit::{PlannedCommit, SourceCommit};
use crate::control::groups::translate::{Fit, TargetPosition, place};
use crate::model::{GroupId, SourceOffset, TargetOffset, TopicPartition};

use super::{CommitSituation, MoveKind, Situation};

/// The offsets of a plan or an operation: fixed once, and shared by all phases.
pub type Moves = Arc<Vec<Move>>;

/// One offset to commit on the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Move {
    pub group: GroupId,
    /// The partition, by its source name.
    #[serde(flatten)]
    pub partition: TopicPartition,
    /// The offset the group committed on the source.
    pub source_offset: SourceOffset,
    /// The offset to commit on the target.
    pub target_offset: TargetOffset,
    /// The source offset that `target_offset` represents.
    pub stands_for: SourceOffset,
    /// Whether a consumer that resumes there neither skips nor repeats anything.
    pub exact: bool,
    /// Why the offset isn't exact.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// The maximum number of source offsets that never reached the target in this partition, up to the last known high
    /// watermark.
    pub unreachable_records: i64,
    /// Whether fewer records than `unreachable_records` may be missing: markers, aborted and compacted records count too.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub at_most: bool,
    /// Text set by the application, carried unchanged.
    pub metadata: Option<String>,
}

impl Move {
    /// The commit that makes the move.
    pub fn intent(&self) -> PlannedCommit {
        PlannedCommit {
            offset: self.target_offset,
            stands_for: self.stands_for,
            metadata: self.metadata.clone(),
        }
    }
}

/// The moves of a situation in order, and a warning for each offset left out.
pub(super) fn moves(situation: &Situation) -> (Vec<Move>, Vec<String>) {
    let commits = situation.groups.values().map(|group| group.commits.len());
    let (mut moves, mut left_out) = (Vec::with_capacity(commits.sum()), Vec::new());
    for (id, group) in &situation.groups {
        for (partition, commit) in &group.commits {
            if let Some(found) = commit.progress {
                left_out.push(format!(
                    "group {id} was already moved on to {found} in {partition} on the target; it is left there"
                ));
            } else if let Some(planned) = planned(situation, id, partition, commit) {
                moves.push(planned);
            }
        }
    }
    (moves, left_out)
}

fn planned(
    situation: &Situation,
    group: &GroupId,
    partition: &TopicPartition,
    commit: &CommitSituation,
) -> Option<Move> {
    let mirrored = situation.partitions.get(partition)?;
    let committed = commit.commit.offset;
    let place = place(committed, commit.lookup.clone(), mirrored.target_log_start).ok()?;
    let (exact, detail, unreachable_records) = match situation.kind {
        MoveKind::Switchover => after_draining(&place.fit),
        MoveKind::Failover => {
            let unreachable = unreachable(situation, mirrored, committed);
            (place.fit.is_exact(), place.fit.detail(), unreachable)
        }
    };
    Some(Move {
        exact,
        detail,
        unreachable_records,
        at_most: unreachable_records > 0,
        ..made(group, partition, &commit.commit, &place)
    })
}

/// By the time a switchover has drained, offsets held at the frontier now have arrived.
fn after_draining(fit: &Fit) -> (bool, Option<String>, i64) {
    match fit {
        Fit::Exact | Fit::Held { .. } => (true, None, 0),
        Fit::Clamped { .. } | Fit::Near(_) => (false, fit.detail(), 0),
    }
}

/// The number of offsets the source is known to have had beyond the frontier: by its last known end, or because a group had
/// read them.
fn unreachable(
    situation: &Situation,
    mirrored: &MirroredPartition,
    committed: SourceOffset,
) -> i64 {
    let end = situation.known_end(mirrored).max(committed);
    let frontier = mirrored.frontier.unwrap_or(SourceOffset::ZERO);
    end.since(frontier).max(0)
}

fn made(
    group: &GroupId,
    partition: &TopicPartition,
    commit: &SourceCommit,
    place: &TargetPosition,
) -> Move {
    Move {
        group: group.clone(),
        partition: partition.clone(),
        source_offset: commit.offset,
        target_offset: place.offset,
        stands_for: place.stands_for,
        exact: place.fit.is_exact(),
        detail: place.fit.detail(),
        unreachable_records: 0,
        at_most: false,
        metadata: commit.metadata.clone(),
    }
}
