//! The plan of a move: what would be done, what would be lost, and what blocks it.
//!
//! Promises: is made from a [`Situation`] alone; equal content has an equal hash, whenever it was made. Pure.

use std::io::BufWriter;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

mod blocker;
mod moves;
mod risk;
mod situation;
mod steps;

#[cfg(test)]
mod tests;

pub use blocker::{Blocker, BlockerCode, Present, conditions};
pub use moves::{Move, Moves};
pub use risk::Risk;
pub use situation::{CommitSituation, GroupSituation, LossLimit, MoveKind, Situation};
pub use steps::Step;

use std::collections::BTreeSet;

use crate::model::{GroupId, LinkName, TopicName};

/// How long a plan may be executed.
pub const VALID_FOR: SignedDuration = SignedDuration::from_mins(15);

/// The length of a plan's hash in hexadecimal digits.
const HASH_DIGITS: usize = 12;

/// A description of a move that can be read, approved and executed by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plan {
    pub id: String,
    pub kind: MoveKind,
    /// The link whose groups are moved.
    pub link: LinkName,
    pub created_at: Timestamp,
    /// When the plan expires; it can't be executed from then on.
    pub expires_at: Timestamp,
    /// When the source's group offsets were read.
    pub offsets_as_of: Option<Timestamp>,
    /// The groups to move, including those without moves.
    pub chosen: Vec<GroupId>,
    /// The topics these groups read, by their source names; a switchover waits until they are drained.
    pub topics: Vec<TopicName>,
    #[schema(value_type = Vec<Move>)]
    /// The offsets to commit, by group and partition. A switchover reads the final offsets after draining.
    pub groups: Moves,
    /// What a failover would lose in the topics above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_risk: Option<Risk>,
    /// How much it may lose, if the caller set a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_loss: Option<LossLimit>,
    /// What is done, in order.
    pub steps: Vec<Step>,
    /// What blocks the move; the plan can't be executed while there are any.
    pub blockers: Vec<Blocker>,
    /// What the operator should know before executing the plan.
    pub warnings: Vec<String>,
    /// The first twelve hexadecimal digits of the SHA-256 of the content except for id, times and warnings: enough to tell
    /// plans apart, and short enough to be typed.
    pub hash: String,
}

/// Makes the plan for a situation.
pub fn plan(situation: &Situation, id: String, now: Timestamp) -> Plan {
    let (groups, left_out) = moves::moves(situation);
    let mut warnings = situation.warnings();
    warnings.extend(left_out);
    let mut blockers = blocker::blockers(situation);
    let at_risk = (situation.kind == MoveKind::Failover).then(|| Risk::of(situation, now));
    if let (Some(risk), Some(limit)) = (&at_risk, situation.allow_loss) {
        blockers.extend(risk.beyond(limit));
    }
    if groups.is_empty() && blockers.is_empty() && situation.asked_topics.is_empty() {
        let message = "no offset is left to be moved: these groups were moved before, or applications have committed on the target since";
        blockers.push(Blocker::new(BlockerCode::NothingToMove, message));
    }
    let mut plan = Plan {
        id,
        kind: situation.kind,
        link: situation.link.clone(),
        created_at: now,
        expires_at: now + VALID_FOR,
        offsets_as_of: situation.offsets_as_of,
        chosen: situation.groups.keys().cloned().collect(),
        topics: situation.topics().into_iter().collect(),
        steps: steps::steps(situation.kind),
        blockers,
        groups: groups.into(),
        at_risk,
        allow_loss: situation.allow_loss,
        warnings,
        hash: String::new(),
    };
    plan.hash = hash(&plan);
    plan
}

/// The moves of a drained switchover, or why they can't be what its plan said.
pub fn final_moves(planned: &[Move], situation: &Situation) -> Result<Vec<Move>, Vec<Blocker>> {
    let (moves, _) = moves::moves(situation);
    let mut blockers = blocker::blockers(situation);
    let inexact = planned.iter().filter(|m| !m.exact);
    let inexact: BTreeSet<_> = inexact.map(|m| (&m.group, &m.partition)).collect();
    let was_exact = |fixed: &Move| !inexact.contains(&(&fixed.group, &fixed.partition));
    for fixed in moves
        .iter()
        .filter(|fixed| !fixed.exact && was_exact(fixed))
    {
        let why = fixed.detail.clone().unwrap_or_default();
        let blocker = Blocker::new(BlockerCode::NotExact, why)
            .group(&fixed.group)
            .partition(&fixed.partition);
        blockers.push(blocker);
    }
    blockers.extend(left_out(planned, &moves, situation));
    if blockers.is_empty() {
        Ok(moves)
    } else {
        Err(blockers)
    }
}

/// What the plan would have moved and the final moves leave out: an operation is done only if it moved everything.
fn left_out(planned: &[Move], moves: &[Move], situation: &Situation) -> Vec<Blocker> {
    let kept: BTreeSet<_> = moves.iter().map(|m| (&m.group, &m.partition)).collect();
    let mut blockers = Vec::new();
    for planned in planned {
        let (group, partition) = (&planned.group, &planned.partition);
        if kept.contains(&(group, partition)) {
            continue;
        }
        let commits = situation.groups.get(group).map(|it| &it.commits);
        let commit = commits.and_then(|commits| commits.get(partition));
        // A group may have been reset on the source since; then there is nothing to move.
        if let Some(found) = commit.and_then(|commit| commit.progress) {
            let blocker = blocker::progress(planned, found);
            blockers.push(blocker.group(group).partition(partition));
        }
    }
    blockers
}

impl Plan {
    /// Whether the plan has expired at `now`.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }
}

/// The part of a plan that its hash covers. Warnings are left out, because a source that stops answering doesn't make
/// another plan. So are the offsets of a switchover, which advance until it has drained.
#[derive(Serialize)]
struct Agreed<'a> {
    kind: MoveKind,
    link: &'a LinkName,
    chosen: &'a [GroupId],
    topics: &'a [TopicName],
    steps: &'a [Step],
    blockers: &'a [Blocker],
    groups: &'a [Move],
}

fn hash(plan: &Plan) -> String {
    let groups = match plan.kind {
        MoveKind::Switchover => &[][..],
        MoveKind::Failover => &plan.groups[..],
    };
    let agreed = Agreed {
        kind: plan.kind,
        link: &plan.link,
        chosen: &plan.chosen,
        topics: &plan.topics,
        steps: &plan.steps,
        blockers: &plan.blockers,
        groups,
    };
    let mut content = BufWriter::new(Sha256::new());
    // Structures of text, numbers and lists can't fail to serialize, and hashing can't fail either. The order of fields is
    // fixed.
    let written = serde_json::to_writer(&mut content, &agreed);
    debug_assert!(written.is_ok());
    let sum = content.into_inner().unwrap_or_default();
    let mut hash = format!("{:x}", sum.finalize());
    hash.truncate(HASH_DIGITS);
    hash
}
