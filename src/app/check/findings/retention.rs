//! Whether the target will keep what is to be mirrored.

use super::{Finding, advice, listed};
use crate::app::check::facts::{Found, LinkFacts};
use crate::model::TopicName;

/// What is older than its mirror keeps records.
pub(super) fn findings(link: &LinkFacts, found: &Found) -> Option<Finding> {
    let most: i64 = found.outlived.values().sum();
    let topics: Vec<&TopicName> = found.outlived.keys().collect();
    (most > 0).then(|| {
        advice(
            &format!("link {}", link.name),
            format!(
                "{most} offsets of {} are older than retention.ms of the mirror topics: {} may remove them once they are mirrored, before the source does",
                listed(&topics),
                link.target
            ),
            "Raise retention.ms of these topics on the source, which their mirrors follow, or let the records go; expired_on_target in farshore's status counts them.",
        )
    })
}
