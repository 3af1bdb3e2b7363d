//! A requested verification, and what has been proven about a partition: as stored and shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::examined::{Examined, VerifyPosition};
use super::tally::{Difference, Outcome};
use crate::model::{LinkName, SourceOffset};
use crate::replicate::Decisions;

/// The stage of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = VerificationState)]
pub enum Stage {
    /// In progress, or waiting until this process mirrors the link.
    Running,
    /// Complete.
    Done,
    /// Cancelled; its findings up to then are kept.
    Cancelled,
}

/// A requested verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Verification {
    pub id: String,
    pub link: LinkName,
    /// Expressions that select topics; all topics if there are none.
    pub topics: Vec<String>,
    pub state: Stage,
    /// When it was requested.
    pub started_at: Timestamp,
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
    #[serde(flatten)]
    pub verification: Verification,
    /// The worst outcome of its partitions, once it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// How many of its partitions have an outcome.
    pub partitions_done: usize,
    /// The verification's partitions, in order.
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

/// What has been proven about a partition, by requested and background verifications together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof {
    /// The first source offset that was compared.
    pub from: SourceOffset,
    /// Where the next background verification continues; everything from `from` up to here was compared.
    pub verified_until: VerifyPosition,
    /// When it was last verified, in milliseconds since the Unix epoch.
    pub verified_at_ms: i64,
    /// The worst outcome.
    pub outcome: Outcome,
    /// The number of places where the sides differ.
    pub differences: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_difference: Option<Difference>,
    /// The decisions under which the proof is valid.
    pub decisions: Decisions,
}

impl Proof {
    /// The proof given by an examination that has ended; it extends `earlier` if it starts where that ended.
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
