//! What a resync does about trouble: it makes a decision where a policy allows one, and halts everywhere else.

use crate::error::Result;
use crate::model::{
    DataPath, HaltCode, LinkIdentity, OffsetsMode, Policy, Reason, SourceOffset, TargetOffset,
};
use crate::offsets::Explanation;
use crate::replicate::partition::phase::Trouble;

use super::explain::{self, Tail};
use super::input::{Placed, Question};
use super::record_path_tail::{self, Expected};
use super::view::Sides;
use super::{decision, divergence};

/// Returns `None` if the tail is this link's own, or why it is foreign if the policy adopts it.
pub(crate) fn judge_tail(
    identity: &LinkIdentity,
    question: &Question,
    tail: &Tail,
    explanations: &[Explanation],
) -> Result<Option<Reason>, Trouble> {
    let certain = match question.record.path {
        DataPath::Raw => true,
        DataPath::Record => record_path_tail::may_adopt(&question.record.plans),
    };
    let adopts = certain && question.policies.on(HaltCode::ForeignWrite) == Policy::Adopt;
    let reached = question.acknowledged.map(|_| question.record.frontier);
    let (acknowledged, incarnation) = (question.acknowledged, question.record.incarnation);
    let checked = match question.record.path {
        DataPath::Raw => explain::check_tail(
            identity,
            question.offsets,
            tail,
            acknowledged,
            question.anchor(),
        ),
        DataPath::Record => {
            let expected = Expected {
                acknowledged,
                mapped: question.tracked.lock().mapped(),
                explanations,
            };
            record_path_tail::check(identity, tail, &expected)
        }
    }
    .and_then(|()| explain::check_incarnation(identity, tail, acknowledged, incarnation));
    match checked {
        Ok(()) => {
            // The broker refuses our sequence number after our own tail: a new producer id starts afresh (H3).
            let refused = question.pending.clone();
            Ok(refused.filter(|it| adopts && it.code == HaltCode::ForeignWrite))
        }
        Err(reason) => {
            let source = reason.source_offset.or(reached);
            let target = reason.target_offset;
            let reason = reason.at(source, target);
            if adopts && reason.code == HaltCode::ForeignWrite {
                return Ok(Some(reason));
            }
            if reason.code == HaltCode::TargetTruncated && question.follows(reason.code) {
                let decision = decision::follow_target_truncation(reason, tail.kept(), tail.end);
                return Err(Trouble::Decided(Box::new(decision)));
            }
            Err(Trouble::Halt(reason))
        }
    }
}

/// Checks that the source still holds what was mirrored before an offset (H11).
pub(crate) async fn check_holds(sides: &Sides<'_>, before: SourceOffset) -> Result<(), Trouble> {
    match divergence::by_ends(sides, before).await? {
        None => Ok(()),
        Some(_) if divergence::is_another_topic(sides).await? => Err(recreated(
            sides,
            super::reasons::another_topic(&sides.question.source, before),
        )),
        Some(reason) => Err(truncation(sides, reason)),
    }
}

/// Returns what to do about a record that differs from the source's, if the two sides were equal before; `None` if that
/// can't be shown.
pub(crate) async fn parted(
    sides: &Sides<'_>,
    differs: TargetOffset,
) -> Result<Option<Trouble>, Trouble> {
    let Some(reason) = divergence::by_content(sides, differs).await? else {
        return Ok(None);
    };
    Ok(Some(if divergence::is_another_topic(sides).await? {
        let before = sides.question.record.frontier;
        let reason = super::reasons::another_topic(&sides.question.source, before);
        recreated(sides, reason)
    } else {
        truncation(sides, reason)
    }))
}

/// Returns what to do about a source that diverged from the mirror at the reason's source offset.
fn truncation(sides: &Sides<'_>, reason: Reason) -> Trouble {
    let Sides { question, side, .. } = *sides;
    // After that offset contents prove nothing any more: only an unambiguous map may be cut there.
    let found = match side.explanations.as_slice() {
        [only] => Some(only),
        [first, ..] if question.knows_all_of(side) => Some(first),
        _ => None,
    };
    match (found, reason.source_offset) {
        _ if question.policies.on(reason.code) == Policy::Reseed => {
            Trouble::Decided(Box::new(decision::reseed(reason, side.tail.end)))
        }
        (Some(found), Some(parting)) if question.follows(reason.code) => {
            let (found, end) = (found.clone(), side.tail.end);
            let decision = decision::follow_truncation(reason, found, parting, end);
            let decision = decision.found_up_to(side.tail.filled);
            Trouble::Decided(Box::new(decision))
        }
        _ => Trouble::Halt(reason),
    }
}

/// Returns what to do about another source topic of the same name.
pub(crate) fn recreated(sides: &Sides<'_>, reason: Reason) -> Trouble {
    let (question, end) = (sides.question, sides.side.tail.end);
    if question.policies.on(reason.code) == Policy::Reseed {
        Trouble::Decided(Box::new(decision::reseed(reason, end)))
    } else if question.follows(reason.code) {
        let (id, log_start) = (sides.leader.topic_id, sides.log_start);
        let decision = decision::follow_recreation(reason, id, log_start, end);
        Trouble::Decided(Box::new(decision))
    } else {
        Trouble::Halt(reason)
    }
}

/// Returns what to do about a source whose log start passed the next offset to fetch.
pub(crate) fn overtaken(sides: &Sides<'_>, placed: Placed) -> Trouble {
    let Sides {
        side, log_start, ..
    } = *sides;
    let reason = super::reasons::source_gap(placed.next, log_start);
    if !sides.question.follows(reason.code) {
        return Trouble::Halt(reason);
    }
    let found = Explanation {
        runs: placed.runs,
        position: placed.next,
    };
    let decision = decision::follow_gap(reason, found, log_start, side.tail.end);
    let decision = decision.found_up_to(side.tail.filled);
    Trouble::Decided(Box::new(match placed.offsets {
        OffsetsMode::Translate => decision,
        OffsetsMode::Preserve => decision.in_place(),
    }))
}
