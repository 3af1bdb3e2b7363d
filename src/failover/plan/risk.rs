//! What a failover would lose, and how much it may.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::SourceOffset;

use super::{Blocker, BlockerCode, LossLimit, Situation};

/// What a failover would lose in the topics of its groups, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Risk {
    /// The maximum number of records that the source is known to have had and that never reached the target; `null` if it
    /// isn't known of a partition.
    pub records: Option<i64>,
    /// For how long records that the source acknowledged may be missing on the target, in milliseconds up to the time of the
    /// plan: what is known of the source is older by as much. `null` if it isn't known of a partition.
    pub ms: Option<i64>,
}

impl Risk {
    pub(super) fn of(situation: &Situation, now: Timestamp) -> Self {
        let mut risk = Self {
            records: Some(0),
            ms: Some(0),
        };
        for mirrored in situation.concerned() {
            let end = situation.known_end(mirrored);
            let missing = mirrored.frontier.filter(|_| end >= SourceOffset::ZERO);
            let missing = missing.map(|frontier| end.since(frontier).max(0));
            risk.records = risk.records.zip(missing).map(|(sum, more)| sum + more);
            let since = mirrored.at_risk_since_ms;
            let age = since.map(|since| (now.as_millisecond() - since).max(0));
            risk.ms = risk.ms.zip(age).map(|(most, age)| most.max(age));
        }
        risk
    }

    /// The blockers if more would be lost than is allowed.
    pub(super) fn beyond(&self, limit: LossLimit) -> Vec<Blocker> {
        let exceeds = |limit: Option<u64>, known: Option<i64>, what: &str| {
            let limit = limit?;
            let told = match known {
                Some(known) if known.cast_unsigned() <= limit => return None,
                Some(known) => format!("{known} {what} may be lost"),
                None => format!("how many {what} would be lost isn't known"),
            };
            let message = format!("{told}, and {limit} are allowed");
            Some(Blocker::new(BlockerCode::LossExceedsLimit, message))
        };
        let records = exceeds(limit.records, self.records, "records");
        let ms = exceeds(limit.ms, self.ms, "milliseconds");
        records.into_iter().chain(ms).collect()
    }
}

#[cfg(test)]
mod tests;
