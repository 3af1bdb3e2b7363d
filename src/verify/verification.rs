//! A verification as it was ordered, and what is proven of a partition: what is stored and shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::examined::{Examined, Position};
use super::tally::{Difference, Outcome};
use crate::model::{LinkName, SourceOffset};
use crate::replicate::Decisions;

/// How far a verification is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VerificationState)]
pub enum Stage {
    /// It is carried out, or waits until this process mirrors the link.
    Running,
    /// It has ended.
    Done,
    /// It was called off; what was found until then stays.
    Cancelled,
}

/// A verification that was ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    /// Its id.
    pub id: String,
    /// The link.
    pub link: LinkName,
    /// Which topics; all without an expression.
    pub topics: Vec<String>,
    /// How far it is.
    pub state: Stage,
    /// When it was ordered.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
}

impl Verification {
    /// The verification as it ends now.
    pub(super) fn ended(&self, state: Stage) -> Self {
        Self {
            state,
            ended_at: Some(Timestamp::now()),
            ..self.clone()
        }
    }
}

/// A verification with its partitions.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = VerificationReport)]
pub struct Report {
    /// What was ordered.
    #[serde(flatten)]
    pub verification: Verification,
    /// The worst of its partitions, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How many of them have ended.
    pub partitions_done: usize,
    /// Its partitions, in order.
    pub partitions: Vec<Examined>,
}

impl Report {
    pub(super) fn of(verification: Verification, partitions: Vec<Examined>) -> Self {
        let ended = partitions.iter().filter_map(|it| it.outcome);
        let worst = ended.clone().max().unwrap_or(Outcome::Equal);
        Self {
            outcome: (verification.state == Stage::Done).then_some(worst),
            partitions_done: ended.count(),
            verification,
            partitions,
        }
    }
}

/// What is proven of a partition, by ordered verifications and those in the background together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The first source offset that was compared.
    pub from: SourceOffset,
    /// Where the next verification in the background goes on; everything from `from` up to it was compared.
    pub verified_until: Position,
    /// When that was, in milliseconds since 1970.
    pub verified_at_ms: i64,
    /// What it came to.
    pub outcome: Outcome,
    /// Places where the sides differ.
    pub differences: u64,
    /// The first of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<Difference>,
    /// What the proof holds for.
    pub decisions: Decisions,
}

impl Proof {
    /// What an examination proves that has ended; it may go on where an earlier proof ended.
    pub(super) fn of(
        examined: &Examined,
        earlier: Option<&Self>,
        (decisions, now_ms): (Decisions, i64),
    ) -> Self {
        let from = examined.from.unwrap_or(examined.reached.source);
        let joined = earlier.filter(|it| it.verified_until.source == from);
        let outcome = examined.outcome.unwrap_or(Outcome::Failed);
        let tally = &examined.tally;
        Self {
            from: joined.map_or(from, |it| it.from),
            verified_until: examined.reached,
            verified_at_ms: now_ms,
            outcome: joined.map_or(outcome, |it| it.outcome.max(outcome)),
            differences: joined.map_or(0, |it| it.differences) + tally.differences,
            first_difference: joined
                .and_then(|it| it.first_difference)
                .or(tally.first_difference),
            decisions,
        }
    }
}
