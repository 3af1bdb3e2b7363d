//! What reading both logs of a partition begins with, and what it finds. Plain data.

use std::sync::Arc;

use crate::checkpoint::PartitionRecord;
use crate::config::{Otherwise, PreserveLimits, Start};
use crate::kafka::admin::Standing;
use crate::kafka::batch::Batch;
use crate::kafka::client::Leader;
use crate::model::{
    DataPath, HaltCode, LeaderEpoch, LinkIdentity, OffsetsMode, Policies, Policy, Reason, Run,
    SourceOffset, Stretch, TargetOffset, TopicId, TopicPartition,
};
use crate::offsets::Explanation;
use crate::replicate::shared::partition::Tracked;

use super::adopted::Segment;
use super::explain::{self, Tail};
use super::record_path_tail;

/// What a settling begins with.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// The partition on the source.
    pub(crate) source: TopicPartition,
    /// The partition on the target.
    pub(crate) target: TopicPartition,
    /// The source topic's id as discovered.
    pub(crate) source_id: TopicId,
    /// The mirror topic's id as discovered.
    pub(crate) target_id: TopicId,
    /// What the checkpoint DB knows.
    pub(crate) record: PartitionRecord,
    /// The last run of the map.
    pub(crate) last_run: Option<Run>,
    /// The end of what was acknowledged, if anything ever was.
    pub(crate) acknowledged: Option<TargetOffset>,
    /// Whether requests may still be on their way to the target: the end must be seen to stand still.
    pub(crate) uncertain: bool,
    /// Up to where the record's leader epochs are complete.
    pub(crate) epochs_until: SourceOffset,
    /// Where to start if the target holds nothing and the checkpoint DB knows no start.
    pub(crate) start: Option<Start>,
    /// What to do where it would have to guess.
    pub(crate) policies: Policies,
    /// The trouble that asks for a decision, if one does.
    pub(crate) pending: Option<Reason>,
    /// The partition's map.
    pub(crate) tracked: Arc<Tracked>,
    /// How offsets of the two sides relate, or are to.
    pub(crate) offsets: OffsetsMode,
    /// How the link is configured to relate them where nothing is mirrored yet.
    pub(crate) wanted: OffsetsMode,
    /// How far offsets are preserved.
    pub(crate) preserve: PreserveLimits,
}

impl Question {
    /// The target offset where the map goes on, if nothing has landed there yet.
    pub(crate) fn anchor(&self) -> Option<TargetOffset> {
        self.record.history.anchor.map(|anchor| anchor.target)
    }

    /// Where the records of a log end that holds none any more.
    pub(crate) fn nothing_shown(&self, end: TargetOffset) -> TargetOffset {
        match self.record.path {
            DataPath::Raw => end,
            DataPath::Record => record_path_tail::nothing_shown(self.acknowledged, end),
        }
    }

    /// How a log can be explained, the most likely first.
    pub(crate) fn explanations(&self, identity: &LinkIdentity, tail: &Tail) -> Vec<Explanation> {
        let (last_run, plans) = (self.last_run, &self.record.plans);
        let own = tail
            .last
            .is_some_and(|last| identity.owns(last.producer_id));
        match (self.offsets, self.record.path) {
            (OffsetsMode::Preserve, _) => vec![explain::identity(last_run, tail.end)],
            (OffsetsMode::Translate, DataPath::Record) if !own => {
                record_path_tail::explanations(last_run, plans, tail.filled)
            }
            (OffsetsMode::Translate, DataPath::Raw | DataPath::Record) => {
                // Behind the last record there may be what the record path gave up, and where the map goes on.
                let known_end = last_run.map_or(tail.filled, |run| run.target_end());
                explain::explanations(last_run, plans, tail.filled.max(known_end))
            }
        }
    }

    pub(crate) fn follows(&self, code: HaltCode) -> bool {
        self.policies.on(code) == Policy::Follow
    }

    /// Whether the mirror ends where it was acknowledged, so that nothing in it is unknown.
    pub(crate) fn knows_all_of(&self, side: &TargetSide) -> bool {
        self.acknowledged >= Some(side.tail.filled)
    }

    /// Whether offsets are translated that were to be preserved or else refused.
    pub(crate) fn breaks_a_wish(&self) -> bool {
        self.wanted == OffsetsMode::Preserve && self.preserve.otherwise == Otherwise::Refuse
    }
}

/// What the target alone tells.
#[derive(Debug, Clone)]
pub(crate) struct TargetSide {
    /// Who leads the mirror partition.
    pub(crate) leader: Leader,
    /// The log's tail.
    pub(crate) tail: Tail,
    /// The batch that holds the last record.
    pub(crate) last: Option<Batch>,
    /// How the tail can be explained, the most likely first; empty if the map has no part in it.
    pub(crate) explanations: Vec<Explanation>,
    /// What the leader remembers of our producer id, as far as that fits the log.
    pub(crate) standing: Option<Standing>,
    /// What others wrote, if it is to be adopted.
    pub(crate) foreign: Option<Survey>,
}

/// Where to go on.
#[derive(Debug)]
pub(crate) struct Settled {
    /// The target's side.
    pub(crate) target: TargetSide,
    /// Runs that are new to the map; the last run of the map or of these reaches up to the end.
    pub(crate) runs: Vec<Run>,
    /// The source offset before which nothing is missing on the target.
    pub(crate) position: SourceOffset,
    /// The next source offset to fetch: behind the position if what lies between was given up.
    pub(crate) next: SourceOffset,
    /// Where the first mirrored record is, or will be.
    pub(crate) origin: SourceOffset,
    /// How offsets of the two sides relate.
    pub(crate) offsets: OffsetsMode,
    /// Who leads the source partition.
    pub(crate) source_leader: Leader,
    /// The source log's start.
    pub(crate) source_log_start: SourceOffset,
    /// The source's leader epoch of the record before the position, if it is known.
    pub(crate) fetched_epoch: LeaderEpoch,
}

/// Where the target's log and the source's fit together.
#[derive(Debug)]
pub(crate) struct Placed {
    /// How offsets of the two sides relate.
    pub(crate) offsets: OffsetsMode,
    /// Runs that are new to the map.
    pub(crate) runs: Vec<Run>,
    /// The source offset before which nothing is missing on the target.
    pub(crate) position: SourceOffset,
    /// The next source offset to fetch: behind the position if what lies between was given up.
    pub(crate) next: SourceOffset,
    /// Where the first mirrored record is, or will be.
    pub(crate) origin: SourceOffset,
}

impl Placed {
    /// At the beginning of an offset map.
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

/// What stands behind the records known to be this link's.
#[derive(Debug, Clone)]
pub(crate) struct Survey {
    pub(super) reason: Reason,
    /// Own records, by where they were to land.
    pub(super) own: Vec<Segment>,
    /// What others wrote.
    pub(super) foreign: Vec<Stretch>,
    /// Where own records would end had nobody written between them.
    pub(super) predicted_end: TargetOffset,
    /// The last own batch behind foreign records.
    pub(super) last: Option<Batch>,
}
