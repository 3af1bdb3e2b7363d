//! What is decided where a map can't simply be continued: where it is cut, where it goes on, what is on record of it.
//!
//! Pure. A decision is taken by a settling that has read both sides, is stored as a whole before anything is sent under
//! it, and is then a fact like any other: the settling after it finds the map, the frontier and where the map goes on.
//! Doing so twice changes nothing, because a decision that is stored is no longer asked for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::{
    Anchor, HaltCode, OffsetsMode, Partition, Policy, Reason, Run, SourceOffset, Stretch,
    StretchKind, TargetOffset, TopicId, TopicName,
};
use crate::offsets::Explanation;

/// How much of the map is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Nothing.
    Nothing,
    /// Every image of source offsets from here on.
    Source(SourceOffset),
    /// Every image of target offsets from here on.
    Target(TargetOffset),
    /// The whole map.
    Everything,
}

/// Where the map goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GoesOn {
    /// With this source offset at this target offset.
    At(Anchor),
    /// At this target offset with what follows the runs that stay.
    Behind(TargetOffset),
}

/// A decision about one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// What it answers.
    pub(crate) reason: Reason,
    /// By which policy.
    pub(crate) policy: Policy,
    /// How the target's log up to `found_end` continues the map, to be taken over first.
    pub(crate) found: Option<(Explanation, TargetOffset)>,
    /// What is given up then.
    pub(crate) cut: Cut,
    /// Runs found behind a foreign stretch.
    pub(crate) runs: Vec<Run>,
    /// Where the map goes on.
    pub(crate) goes_on: GoesOn,
    /// What goes on record.
    pub(crate) stretches: Vec<Stretch>,
    /// Whether the partition is written under a new producer id from now on (H3).
    pub(crate) new_incarnation: bool,
    /// The source topic's new id, if it is another topic.
    pub(crate) source_id: Option<TopicId>,
    /// How offsets of the two sides relate from now on, if otherwise than before.
    pub(crate) offsets: Option<OffsetsMode>,
}

/// The reason of a partition that would need a further producer id and gets none.
pub(crate) fn used_up(reason: &Reason, what: &str) -> Reason {
    Reason {
        message: format!(
            "{}; {what}: the partition changed hands {} times, and producer ids tell no more of that apart",
            reason.message,
            u16::MAX
        ),
        remedy: "have the mirror topic created anew (policy reseed)".to_owned(),
        ..reason.clone()
    }
}

impl Decision {
    fn new(reason: Reason, policy: Policy, cut: Cut, goes_on: GoesOn) -> Self {
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

    /// Why it can't be made of a partition in this incarnation: there is none behind it.
    pub(crate) fn beyond(&self, incarnation: u16) -> Option<Reason> {
        let what = format!("the policy {} can't be followed", self.policy);
        let is_used_up = self.new_incarnation && incarnation == u16::MAX;
        is_used_up.then(|| used_up(&self.reason, &what))
    }

    /// The same where offsets are preserved: what has no image leaves its offsets to be filled, and the map just goes on.
    pub(crate) fn in_place(mut self) -> Self {
        if let GoesOn::At(anchor) = self.goes_on {
            self.goes_on = GoesOn::Behind(anchor.target);
        }
        self
    }

    /// The same where the log's records end before its end.
    pub(crate) fn found_up_to(mut self, filled: TargetOffset) -> Self {
        if let Some((_, end)) = &mut self.found {
            *end = filled;
        }
        self
    }
}

/// Goes on at the source's log start: what lay before it is lost.
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
        ..Decision::new(reason, Policy::Follow, Cut::Nothing, GoesOn::At(anchor))
    }
}

/// Goes on where both logs part: what was mirrored from there on stays on the target alone.
pub(crate) fn follow_truncation(
    reason: Reason,
    found: Explanation,
    parting: SourceOffset,
    end: TargetOffset,
) -> Decision {
    let anchor = Anchor {
        source: parting,
        target: end,
    };
    Decision {
        found: Some((found, end)),
        new_incarnation: true,
        ..Decision::new(
            reason,
            Policy::Follow,
            Cut::Source(parting),
            GoesOn::At(anchor),
        )
    }
}

/// Appends another topic of the same name behind the former one.
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
        ..Decision::new(reason, Policy::Follow, Cut::Everything, GoesOn::At(anchor))
    }
}

/// Mirrors again what the target lost: what it still shows ends at `kept`, and its log at `end`.
pub(crate) fn follow_target_truncation(
    reason: Reason,
    kept: TargetOffset,
    end: TargetOffset,
) -> Decision {
    Decision::new(
        reason,
        Policy::Follow,
        Cut::Target(kept),
        GoesOn::Behind(end),
    )
}

/// Goes on behind what somebody else wrote, as a new owner; `runs` are this link's own records behind the foreign ones.
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
        ..Decision::new(reason, Policy::Adopt, Cut::Nothing, GoesOn::At(anchor))
    }
}

/// Gives the mirror topic up for one that is created anew; the map is given up with it, later.
pub(crate) fn reseed(reason: Reason, end: TargetOffset) -> Decision {
    Decision::new(reason, Policy::Reseed, Cut::Nothing, GoesOn::Behind(end))
}

/// Passes a refused record, whose receipt is written.
pub(crate) fn skip(reason: Reason, record: SourceOffset, end: TargetOffset) -> Decision {
    let skipped = Stretch {
        kind: StretchKind::Skipped,
        from: record.get(),
        until: record.get() + 1,
    };
    let anchor = Anchor {
        source: record.plus(1),
        target: end,
    };
    Decision {
        stretches: vec![skipped],
        ..Decision::new(
            reason,
            Policy::SkipWithReceipt,
            Cut::Nothing,
            GoesOn::At(anchor),
        )
    }
}

/// Stops to preserve offsets where that can't be gone on with: from here on the records have a map.
///
/// Under a new producer id, because its sequence numbers are target offsets again.
pub(crate) fn translate_from(reason: Reason, next: SourceOffset, end: TargetOffset) -> Decision {
    let anchor = Anchor {
        source: next,
        target: end,
    };
    Decision {
        new_incarnation: true,
        offsets: Some(OffsetsMode::Translate),
        ..Decision::new(reason, Policy::Follow, Cut::Nothing, GoesOn::At(anchor))
    }
}

/// Goes on under a new producer id where the present one has no epoch left with which markers could be shut out.
pub(crate) fn renew_producer(reason: Reason, end: TargetOffset) -> Decision {
    Decision {
        new_incarnation: true,
        ..Decision::new(reason, Policy::Follow, Cut::Nothing, GoesOn::Behind(end))
    }
}

/// What a decision came to, as the audit log and the API tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ReleaseOutcome)]
pub struct Outcome {
    /// What was done.
    pub action: Policy,
    /// The topic, by its name on the source.
    pub topic: TopicName,
    /// The partition.
    pub partition: Partition,
    /// What it was done about.
    pub code: HaltCode,
    /// What had happened, with the figures.
    pub message: String,
    /// The next source offset to mirror.
    pub source_offset: SourceOffset,
    /// The target offset where it lands.
    pub target_offset: TargetOffset,
    /// Stretches without an image on the other side that came of it.
    pub stretches: Vec<Stretch>,
}

/// A record that the target refuses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Why, with its offsets.
    pub(crate) reason: Reason,
    /// The record.
    pub(crate) offset: SourceOffset,
    /// The end of the mirror partition, where it would land.
    pub(crate) end: TargetOffset,
}
