//! What a resync does about trouble: it makes a decision where a policy allows one, and halts everywhere else.

use crate::error::Result;
use crate::model::{
    DataPath, HaltCode, LinkIdentity, OffsetsMode, Policy, Reason, SourceOffset, TargetOffset,
};
use crate::offsets::Explanation;
use crate::replicate::partition::phase::Trouble;

use super::explain::{self, Tail};
use super::input::{Placed, ResyncInput};
use super::record_path_tail::{self, Expected};
use super::view::PartitionSides;
use super::{decision, divergence};

/// Returns `None` if the tail is this link's own, or why it is foreign if the policy adopts it.
pub(crate) fn judge_tail(
    identity: &LinkIdentity,
    input: &ResyncInput,
    tail: &Tail,
    explanations: &[Explanation],
) -> Result<Option<Reason>, Trouble> {
    let certain = match input.record.path {
        DataPath::Raw => true,
        DataPath::Record => record_path_tail::may_adopt(&input.record.plans),
    };
    let adopts = certain && input.policies.on(HaltCode::ForeignWrite) == Policy::Adopt;
    let reached = input.acknowledged.map(|_| input.record.frontier);
    let (acknowledged, incarnation) = (input.acknowledged, input.record.incarnation);
    let checked = match input.record.path {
        DataPath::Raw => {
            explain::check_tail(identity, input.offsets, tail, acknowledged, input.anchor())
        }
        DataPath::Record => {
            let expected = Expected {
                acknowledged,
                mapped: input.tracked.lock().mapped(),
                explanations,
            };
            record_path_tail::check(identity, tail, &expected)
        }
    }
    .and_then(|()| explain::check_incarnation(identity, tail, acknowledged, incarnation));
    match checked {
        Ok(()) => {
            // The broker refuses our sequence number after our own tail: a new producer id starts afresh (H3).
            let refused = input.pending.clone();
            Ok(refused.filter(|it| adopts && it.code == HaltCode::ForeignWrite))
        }
        Err(reason) => {
            let source = reason.source_offset.or(reached);
            let target = reason.target_offset;
            let reason = reason.at(source, target);
            if adopts && reason.code == HaltCode::ForeignWrite {
                return Ok(Some(reason));
            }
            if reason.code == HaltCode::TargetTruncated && input.follows(reason.code) {
                let decision = decision::follow_target_truncation(reason, tail.kept(), tail.end);
                return Err(Trouble::Decided(Box::new(decision)));
            }
            Err(Trouble::Halt(reason))
        }
    }
}

/// Checks that the source still holds what was mirrored before an offset (H11).
pub(crate) async fn check_holds(
    sides: &PartitionSides<'_>,
    before: SourceOffset,
) -> Result<(), Trouble> {
    match divergence::by_ends(sides, before).await? {
        None => Ok(()),
        Some(_) if divergence::is_another_topic(sides).await? => Err(recreated(
            sides,
            super::reasons::another_topic(&sides.input.source, before),
        )),
        Some(reason) => Err(truncation(sides, reason)),
    }
}

/// Returns what to do about a record that differs from the source's, if the two sides were equal before; `None` if that
/// can't be shown.
pub(crate) async fn parted(
    sides: &PartitionSides<'_>,
    differs: TargetOffset,
) -> Result<Option<Trouble>, Trouble> {
    let Some(reason) = divergence::by_content(sides, differs).await? else {
        return Ok(None);
    };
    Ok(Some(if divergence::is_another_topic(sides).await? {
        let before = sides.input.record.frontier;
        let reason = super::reasons::another_topic(&sides.input.source, before);
        recreated(sides, reason)
    } else {
        truncation(sides, reason)
    }))
}

/// Returns what to do about a source that diverged from the mirror at the reason's source offset.
fn truncation(sides: &PartitionSides<'_>, reason: Reason) -> Trouble {
    let PartitionSides { input, side, .. } = *sides;
    // After that offset contents prove nothing any more: only an unambiguous map may be cut there.
    let found = match side.explanations.as_slice() {
        [only] => Some(only),
        [first, ..] if input.knows_all_of(side) => Some(first),
        _ => None,
    };
    match (found, reason.source_offset) {
        _ if input.policies.on(reason.code) == Policy::Reseed => {
            Trouble::Decided(Box::new(decision::reseed(reason, side.tail.end)))
        }
        (Some(found), Some(divergence)) if input.follows(reason.code) => {
            let (found, end) = (found.clone(), side.tail.end);
            let decision = decision::follow_truncation(reason, found, divergence, end);
            let decision = decision.found_up_to(side.tail.data_end);
            Trouble::Decided(Box::new(decision))
        }
        _ => Trouble::Halt(reason),
    }
}

/// Returns what to do about another source topic of the same name.
pub(crate) fn recreated(sides: &PartitionSides<'_>, reason: Reason) -> Trouble {
    let (input, end) = (sides.input, sides.side.tail.end);
    if input.policies.on(reason.code) == Policy::Reseed {
        Trouble::Decided(Box::new(decision::reseed(reason, end)))
    } else if input.follows(reason.code) {
        let (id, log_start) = (sides.leader.topic_id, sides.log_start);
        let decision = decision::follow_recreation(reason, id, log_start, end);
        Trouble::Decided(Box::new(decision))
    } else {
        Trouble::Halt(reason)
    }
}

/// Returns what to do about a source whose log start passed the next offset to fetch.
pub(crate) fn overtaken(sides: &PartitionSides<'_>, placed: Placed) -> Trouble {
    let PartitionSides {
        side, log_start, ..
    } = *sides;
    let reason = super::reasons::source_gap(placed.next, log_start);
    if !sides.input.follows(reason.code) {
        return Trouble::Halt(reason);
    }
    let found = Explanation {
        runs: placed.runs,
        position: placed.next,
    };
    let decision = decision::follow_gap(reason, found, log_start, side.tail.end);
    let decision = decision.found_up_to(side.tail.data_end);
    Trouble::Decided(Box::new(match placed.offsets {
        OffsetsMode::Translate => decision,
        OffsetsMode::Preserve => decision.in_place(),
    }))
}
