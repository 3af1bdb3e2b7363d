//! Decisions on how to continue where a map can't simply be extended: where it is cut, where it resumes, and what is
//! recorded about it.
//!
//! Pure. A decision is made by a resync that has read both sides. It is stored as a whole before anything is sent under it,
//! and is from then on part of the stored state: the next resync finds the map, the frontier and the place where the map
//! resumes. Deciding twice changes nothing, because a stored decision removes the trouble that required it.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{
    Anchor, HaltCode, OffsetsMode, Partition, Policy, Reason, Run, SourceOffset, Stretch,
    StretchKind, TargetOffset, TopicId, TopicName,
};
use crate::offsets::Explanation;

/// How much of the map is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MapCut {
    Nothing,
    /// Every image of source offsets from this one on.
    Source(SourceOffset),
    /// Every image of target offsets from this one on.
    Target(TargetOffset),
    /// The whole map.
    Everything,
}

/// Where the map resumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GoesOn {
    /// With this source offset at this target offset.
    At(Anchor),
    /// At this target offset, with the source offset that follows the kept runs.
    Behind(TargetOffset),
}

/// A decision about one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// The trouble it settles.
    pub(crate) reason: Reason,
    /// The policy it follows.
    pub(crate) policy: Policy,
    /// The explanation of the target's log up to the given end, which is added to the map first.
    pub(crate) found: Option<(Explanation, TargetOffset)>,
    /// The part of the map that is given up then.
    pub(crate) cut: MapCut,
    /// Runs found after a foreign stretch.
    pub(crate) runs: Vec<Run>,
    /// Where the map resumes.
    pub(crate) goes_on: GoesOn,
    /// The stretches to add to the history.
    pub(crate) stretches: Vec<Stretch>,
    /// Whether the partition gets a new producer id (H3).
    pub(crate) new_incarnation: bool,
    /// The new source topic's id, if it is another topic.
    pub(crate) source_id: Option<TopicId>,
    /// The new relation between offsets of the two sides, if it changes.
    pub(crate) offsets: Option<OffsetsMode>,
}

/// Returns the reason of a partition that needs a further producer id when none is left.
pub(crate) fn used_up(reason: &Reason, what: &str) -> Reason {
    Reason {
        message: format!(
            "{}; {what}: the partition changed owners {} times, and producer ids can't distinguish more",
            reason.message,
            u16::MAX
        ),
        remedy: "recreate the mirror topic (policy reseed)".to_owned(),
        ..reason.clone()
    }
}

impl Decision {
    fn new(reason: Reason, policy: Policy, cut: MapCut, goes_on: GoesOn) -> Self {
        Self {
            reason,
            policy,
            found: None,
            cut,
            runs: Vec::new(),
            goes_on,
            stretches: Vec::new(),
            new_incarnation: false,
            source_id: None,
            offsets: None,
        }
    }

    /// Returns the reason if the decision needs a new incarnation and `incarnation` is the last one.
    pub(crate) fn beyond(&self, incarnation: u16) -> Option<Reason> {
        let what = format!("the policy {} can't be followed", self.policy);
        let is_used_up = self.new_incarnation && incarnation == u16::MAX;
        is_used_up.then(|| used_up(&self.reason, &what))
    }

    /// Adapts the decision to preserve mode: offsets without an image are filled later, so the map simply continues.
    pub(crate) fn in_place(mut self) -> Self {
        if let GoesOn::At(anchor) = self.goes_on {
            self.goes_on = GoesOn::Behind(anchor.target);
        }
        self
    }

    /// Adapts the decision to a log whose records end at `data_end`, before the log's end.
    pub(crate) fn found_up_to(mut self, data_end: TargetOffset) -> Self {
        if let Some((_, end)) = &mut self.found {
            *end = data_end;
        }
        self
    }
}

/// Resumes at the source's log start: everything before it is lost.
pub(crate) fn follow_gap(
    reason: Reason,
    found: Explanation,
    log_start: SourceOffset,
    end: TargetOffset,
) -> Decision {
    let lost = Stretch {
        kind: StretchKind::Lost,
        from: found.position.get(),
        until: log_start.get(),
    };
    let anchor = Anchor {
        source: log_start,
        target: end,
    };
    Decision {
        found: Some((found, end)),
        stretches: vec![lost],
        ..Decision::new(reason, Policy::Follow, MapCut::Nothing, GoesOn::At(anchor))
    }
}

/// Resumes where both logs diverge: records mirrored from that point on remain on the target only.
pub(crate) fn follow_truncation(
    reason: Reason,
    found: Explanation,
    divergence: SourceOffset,
    end: TargetOffset,
) -> Decision {
    let anchor = Anchor {
        source: divergence,
        target: end,
    };
    Decision {
        found: Some((found, end)),
        new_incarnation: true,
        ..Decision::new(
            reason,
            Policy::Follow,
            MapCut::Source(divergence),
            GoesOn::At(anchor),
        )
    }
}

/// Appends another source topic of the same name after the former one.
pub(crate) fn follow_recreation(
    reason: Reason,
    source_id: TopicId,
    log_start: SourceOffset,
    end: TargetOffset,
) -> Decision {
    let anchor = Anchor {
        source: log_start,
        target: end,
    };
    Decision {
        new_incarnation: true,
        source_id: Some(source_id),
        ..Decision::new(
            reason,
            Policy::Follow,
            MapCut::Everything,
            GoesOn::At(anchor),
        )
    }
}

/// Mirrors again what the target lost: its visible records end at `kept`, and its log at `end`.
pub(crate) fn follow_target_truncation(
    reason: Reason,
    kept: TargetOffset,
    end: TargetOffset,
) -> Decision {
    Decision::new(
        reason,
        Policy::Follow,
        MapCut::Target(kept),
        GoesOn::Behind(end),
    )
}

/// Resumes after foreign records as a new owner; `runs` are this link's own records after the foreign ones.
pub(crate) fn adopt(
    reason: Reason,
    runs: Vec<Run>,
    foreign: Vec<Stretch>,
    position: SourceOffset,
    end: TargetOffset,
) -> Decision {
    let anchor = Anchor {
        source: position,
        target: end,
    };
    Decision {
        runs,
        stretches: foreign,
        new_incarnation: true,
        ..Decision::new(reason, Policy::Adopt, MapCut::Nothing, GoesOn::At(anchor))
    }
}

/// Gives up the mirror topic for a recreated one; its map is given up later.
pub(crate) fn reseed(reason: Reason, end: TargetOffset) -> Decision {
    Decision::new(reason, Policy::Reseed, MapCut::Nothing, GoesOn::Behind(end))
}

/// Skips a refused record or a batch that can't be decoded, of which a receipt is written.
pub(crate) fn skip(reason: Reason, skipped: Range<SourceOffset>, end: TargetOffset) -> Decision {
    let anchor = Anchor {
        source: skipped.end,
        target: end,
    };
    let skipped = Stretch {
        kind: StretchKind::Skipped,
        from: skipped.start.get(),
        until: skipped.end.get(),
    };
    Decision {
        stretches: vec![skipped],
        ..Decision::new(
            reason,
            Policy::SkipWithReceipt,
            MapCut::Nothing,
            GoesOn::At(anchor),
        )
    }
}

/// Stops preserving offsets where that is no longer possible: from here on the records have an offset map.
///
/// Needs a new producer id, because sequence numbers are target offsets again.
pub(crate) fn translate_from(reason: Reason, next: SourceOffset, end: TargetOffset) -> Decision {
    let anchor = Anchor {
        source: next,
        target: end,
    };
    Decision {
        new_incarnation: true,
        offsets: Some(OffsetsMode::Translate),
        ..Decision::new(reason, Policy::Follow, MapCut::Nothing, GoesOn::At(anchor))
    }
}

/// Resumes under a new producer id when the current one has no epoch left to fence off markers with.
pub(crate) fn renew_producer(reason: Reason, end: TargetOffset) -> Decision {
    Decision {
        new_incarnation: true,
        ..Decision::new(reason, Policy::Follow, MapCut::Nothing, GoesOn::Behind(end))
    }
}

/// The outcome of a decision, for the audit log and the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecisionOutcome {
    /// The policy that was followed.
    pub action: Policy,
    /// The source topic's name.
    pub topic: TopicName,
    pub partition: Partition,
    /// The code of the trouble it settled.
    pub code: HaltCode,
    /// What had happened, with the figures.
    pub message: String,
    /// The next source offset to mirror.
    pub source_offset: SourceOffset,
    /// The target offset where it lands.
    pub target_offset: TargetOffset,
    /// The new stretches without an image on the other side.
    pub stretches: Vec<Stretch>,
}

/// A record that the target refuses, or a batch that can't be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Why, with its offsets.
    pub(crate) reason: Reason,
    /// Its first source offset that isn't mirrored.
    pub(crate) offset: SourceOffset,
    /// The end of the mirror partition, where the record would land.
    pub(crate) end: TargetOffset,
}

/// What a receipt was needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Receipted {
    /// It is on the target, for everything before this source offset.
    Until(SourceOffset),
    /// No receipt is needed: the batch can be decoded now.
    Sound,
}
