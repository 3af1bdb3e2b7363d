//! What a settling makes of trouble: a decision where a policy has one, a halt everywhere else.

use crate::error::Result;
use crate::kafka::wire::{Cluster, Leader};
use crate::model::{DataPath, HaltCode, LinkIdentity, Policy, Reason, SourceOffset};

use super::decision;
use super::parting;
use super::resume::{self, Explanation, Tail};
use super::settle::{Question, TargetSide, Trouble};
use super::transacted::{self, Expected};

/// Whether the tail is this link's own, or why it is somebody else's that is to be adopted.
pub(crate) fn judge_tail(
    identity: &LinkIdentity,
    question: &Question,
    tail: &Tail,
    explanations: &[Explanation],
) -> Result<Option<Reason>, Trouble> {
    let adopts = question.policies.on(HaltCode::ForeignWrite) == Policy::Adopt;
    let reached = question.acknowledged.map(|_| question.record.frontier);
    let (acknowledged, incarnation) = (question.acknowledged, question.record.incarnation);
    let checked = match question.record.path {
        DataPath::Raw => resume::check_tail(
            identity,
            question.offsets,
            tail,
            acknowledged,
            question.anchor(),
        ),
        DataPath::Record => {
            let expected = Expected {
                acknowledged,
                mapped: question.tracked.lock().map.target_end(),
                explanations,
            };
            transacted::check(identity, tail, &expected)
        }
    }
    .and_then(|()| resume::check_incarnation(identity, tail, acknowledged, incarnation));
    match checked {
        Ok(()) => {
            // The broker refuses our sequence behind a tail that is ours: a new producer id begins anew (H3).
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
                let decision = decision::follow_target_truncation(reason, tail.end);
                return Err(Trouble::Decided(Box::new(decision)));
            }
            Err(Trouble::Halt(reason))
        }
    }
}

/// Checks that the source still holds what was mirrored before an offset (H11).
pub(crate) async fn check_holds(
    source: &Cluster,
    question: &Question,
    side: &TargetSide,
    leader: &Leader,
    before: SourceOffset,
) -> Result<(), Trouble> {
    match parting::by_ends(source, question, leader, before).await? {
        Some(reason) => Err(truncation(question, side, reason)),
        None => Ok(()),
    }
}

/// What to do about a source that parted from what was mirrored at the reason's source offset.
pub(crate) fn truncation(question: &Question, side: &TargetSide, reason: Reason) -> Trouble {
    // Behind the parting nothing can be proven by content any more: only an unequivocal map may be cut there.
    let nothing_new = question.acknowledged >= Some(side.tail.filled);
    let found = match side.explanations.as_slice() {
        [only] => Some(only),
        [first, ..] if nothing_new => Some(first),
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

/// What to do about another source topic of the same name.
pub(crate) fn recreated(
    question: &Question,
    side: &TargetSide,
    leader: &Leader,
    log_start: SourceOffset,
    trouble: Trouble,
) -> Trouble {
    match trouble {
        Trouble::Halt(reason) if question.policies.on(reason.code) == Policy::Reseed => {
            Trouble::Decided(Box::new(decision::reseed(reason, side.tail.end)))
        }
        Trouble::Halt(reason) if question.follows(reason.code) => {
            let end = side.tail.end;
            let decision = decision::follow_recreation(reason, leader.topic_id, log_start, end);
            Trouble::Decided(Box::new(decision))
        }
        trouble => trouble,
    }
}
