//! The steps a plan names: what the operator does and what farshore does.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::MoveKind;

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = PlanStep)]
pub struct Step {
    /// The step's name; a step that farshore performs is named like the phase of the operation.
    pub name: String,
    /// What is done; the operator's steps begin with "You:".
    pub what: String,
}

const STOP_APPLICATIONS: (&str, &str) = (
    "stop_applications",
    "You: stop the writers of these topics and the consumers of these groups on the source.",
);
const DRAINING: (&str, &str) = (
    "draining",
    "Wait until the source is at rest (its end, high watermark and last stable offset are equal, no transaction is open, the groups have no members), everything is mirrored, and two looks in a row say so.",
);
const FIXING: (&str, &str) = (
    "fixing",
    "Read the groups' final offsets on the source and translate them.",
);
/// The steps of both kinds, from freezing the groups to the comparison.
const MOVING: [(&str, &str); 4] = [
    ("freezing", "Make group sync let go of the groups, durably."),
    (
        "checking",
        "Check once more that nothing stands against the move; if something does, give the groups back to group sync and stop.",
    ),
    (
        "committing",
        "Commit the offsets on the target. This is the point of no return.",
    ),
    (
        "verifying",
        "Read the offsets on the target back and compare them with the plan.",
    ),
];
const START_APPLICATIONS: (&str, &str) = (
    "start_applications",
    "You: start the consumers of these groups on the target, once the operation is done.",
);

/// The steps of a kind of move, in order.
pub(super) fn steps(kind: MoveKind) -> Vec<Step> {
    let before: &[(&str, &str)] = match kind {
        MoveKind::Switchover => &[STOP_APPLICATIONS, DRAINING, FIXING],
        MoveKind::Failover => &[],
    };
    let all = before.iter().chain(&MOVING).chain([&START_APPLICATIONS]);
    all.map(|(name, what)| Step {
        name: (*name).to_owned(),
        what: (*what).to_owned(),
    })
    .collect()
}
