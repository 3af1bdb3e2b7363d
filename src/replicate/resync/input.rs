//! The input of a resync, and the position it finds. Plain data.

use std::sync::Arc;

use crate::checkpoint::PartitionRecord;
use crate::config::{Otherwise, PreserveLimits};
use crate::kafka::admin::ProducerStatus;
use crate::kafka::batch::Batch;
use crate::kafka::client::Leader;
use crate::model::{
    DataPath, HaltCode, LeaderEpoch, LinkIdentity, OffsetsMode, Policies, Policy, Reason, Run,
    SourceOffset, Stretch, TargetOffset, TopicId, TopicPartition,
};
use crate::offsets::Explanation;
use crate::replicate::partition::phase::StartPosition;
use crate::replicate::shared::partition::TrackedPartition;
use crate::replicate::shared::source_writers::MarkedBatch;

use super::adopted::Segment;
use super::explain::{self, Tail};
use super::record_path_tail;
use super::seen_end::SeenEnd;

/// The input of a resync.
#[derive(Debug, Clone)]
pub(crate) struct ResyncInput {
    pub(crate) source: TopicPartition,
    pub(crate) target: TopicPartition,
    /// The source topic's id as discovered.
    pub(crate) source_id: TopicId,
    /// The mirror topic's id as discovered.
    pub(crate) target_id: TopicId,
    /// The partition's record in the checkpoint DB.
    pub(crate) record: PartitionRecord,
    /// The last run of the map.
    pub(crate) last_run: Option<Run>,
    /// The end of the acknowledged records, if any ever were.
    pub(crate) acknowledged: Option<TargetOffset>,
    /// Whether requests may still be in flight to the target: the log end then has to remain unchanged for a while.
    pub(crate) uncertain: bool,
    /// The end of the target's log as it was read before this resync had its turn.
    pub(crate) seen_end: Option<SeenEnd>,
    /// The offset up to which the record's leader epochs are complete.
    pub(crate) epochs_until: SourceOffset,
    /// The start position if the target is empty and the checkpoint DB has none.
    pub(crate) start: Option<StartPosition>,
    /// The policies for cases in which resuming would mean guessing.
    pub(crate) policies: Policies,
    /// The trouble that needs a decision, if one does.
    pub(crate) pending: Option<Reason>,
    /// What the partition was last halted for, if no batch has landed since.
    pub(crate) reported: Option<Reason>,
    /// The partition's shared state, which holds the map.
    pub(crate) tracked: Arc<TrackedPartition>,
    /// The current or intended relation between offsets of the two sides.
    pub(crate) offsets: OffsetsMode,
    /// The relation configured for partitions of which nothing is mirrored yet.
    pub(crate) wanted: OffsetsMode,
    /// The limits of preserve mode.
    pub(crate) preserve: PreserveLimits,
    /// A batch in the source of a farshore link that has to be identified.
    pub(crate) suspect: Option<MarkedBatch>,
}

impl ResyncInput {
    /// Returns the target offset at which the map resumes, if nothing has landed there yet.
    pub(crate) fn anchor(&self) -> Option<TargetOffset> {
        self.record.history.anchor.map(|anchor| anchor.target)
    }

    /// Returns the end of the records in a log in which none is visible any more.
    pub(crate) fn empty_data_end(&self, end: TargetOffset) -> TargetOffset {
        match self.record.path {
            DataPath::Raw => end,
            DataPath::Record => record_path_tail::empty_data_end(self.acknowledged, end),
        }
    }

    /// Returns the possible explanations of a log, the most likely first.
    pub(crate) fn explanations(&self, identity: &LinkIdentity, tail: &Tail) -> Vec<Explanation> {
        let (last_run, plans) = (self.last_run, &self.record.plans);
        let own = tail
            .last
            .is_some_and(|last| identity.owns(last.producer_id));
        match (self.offsets, self.record.path) {
            (OffsetsMode::Preserve, _) => vec![explain::identity(last_run, tail.end)],
            (OffsetsMode::Translate, DataPath::Record) if !own => {
                record_path_tail::explanations(last_run, plans, tail.data_end)
            }
            (OffsetsMode::Translate, DataPath::Raw | DataPath::Record) => {
                // After the last record there may be offsets that the record path gave up, and the anchor of the map.
                let known_end = last_run.map_or(tail.data_end, |run| run.target_end());
                explain::explanations(last_run, plans, tail.data_end.max(known_end))
            }
        }
    }

    /// Whether requests to a log that ends here may be in flight.
    pub(crate) fn is_uncertain_at(&self, end: TargetOffset) -> bool {
        self.uncertain && !never_began(self.start, end)
    }

    pub(crate) fn follows(&self, code: HaltCode) -> bool {
        self.policies.on(code) == Policy::Follow
    }

    /// Whether the mirror ends at the acknowledged end, so that nothing in it is unknown.
    pub(crate) fn knows_all_of(&self, side: &TargetSide) -> bool {
        self.acknowledged >= Some(side.tail.data_end)
    }

    /// Whether offsets are translated although the setting is to preserve them or else refuse.
    pub(crate) fn breaks_a_wish(&self) -> bool {
        self.wanted == OffsetsMode::Preserve && self.preserve.otherwise == Otherwise::Refuse
    }
}

/// Whether nothing was ever sent to a log that ends here: a start position is forgotten before the first request.
pub(crate) fn never_began(start: Option<StartPosition>, end: TargetOffset) -> bool {
    end == TargetOffset::ZERO && start.is_some()
}

/// The findings from the target alone.
#[derive(Debug, Clone)]
pub(crate) struct TargetSide {
    /// The leader of the mirror partition.
    pub(crate) leader: Leader,
    pub(crate) tail: Tail,
    /// The batch that holds the last record.
    pub(crate) last: Option<Batch>,
    /// The possible explanations of the tail, the most likely first; empty if the map isn't involved.
    pub(crate) explanations: Vec<Explanation>,
    /// The leader's state for our producer id, if it fits the log.
    pub(crate) producer_status: Option<ProducerStatus>,
    /// Foreign records, if the policy adopts them.
    pub(crate) foreign: Option<Survey>,
}

/// The position found by a resync.
#[derive(Debug)]
pub(crate) struct ResyncResult {
    /// The findings from the target.
    pub(crate) target: TargetSide,
    /// Runs that are new to the map; the last run of the map or of these reaches up to the end.
    pub(crate) runs: Vec<Run>,
    /// The source offset before which nothing is missing on the target.
    pub(crate) position: SourceOffset,
    /// The next source offset to fetch: after the position if the offsets between were given up.
    pub(crate) next: SourceOffset,
    /// The offset of the first mirrored record, present or future.
    pub(crate) origin: SourceOffset,
    /// The relation between offsets of the two sides.
    pub(crate) offsets: OffsetsMode,
    /// The leader of the source partition.
    pub(crate) source_leader: Leader,
    /// The source's log start offset.
    pub(crate) source_log_start: SourceOffset,
    /// The source's leader epoch of the record before the position, if it is known.
    pub(crate) fetched_epoch: LeaderEpoch,
}

/// The position at which the two logs fit together.
#[derive(Debug)]
pub(crate) struct Placed {
    /// The relation between offsets of the two sides.
    pub(crate) offsets: OffsetsMode,
    /// Runs that are new to the map.
    pub(crate) runs: Vec<Run>,
    /// The source offset before which nothing is missing on the target.
    pub(crate) position: SourceOffset,
    /// The next source offset to fetch: after the position if the offsets between were given up.
    pub(crate) next: SourceOffset,
    /// The offset of the first mirrored record, present or future.
    pub(crate) origin: SourceOffset,
}

impl Placed {
    /// Returns the position at the beginning of an offset map.
    pub(crate) fn translated(position: SourceOffset) -> Self {
        Self {
            offsets: OffsetsMode::Translate,
            runs: Vec::new(),
            position,
            next: position,
            origin: position,
        }
    }
}

/// The log after the records known to be this link's.
#[derive(Debug, Clone)]
pub(crate) struct Survey {
    pub(super) reason: Reason,
    /// Own records, by the offsets they were meant for.
    pub(super) own: Vec<Segment>,
    pub(super) foreign: Vec<Stretch>,
    /// The end of own records, had no other writer appended between them.
    pub(super) predicted_end: TargetOffset,
    /// The last own batch after foreign records.
    pub(super) last: Option<Batch>,
}
