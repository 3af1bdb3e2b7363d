//! Judges the end of a log that the record path wrote. Pure.
//!
//! Its batches carry producer ids that the broker assigned, so no header shows whose they are: whatever follows the
//! acknowledged end has to end exactly where a stored plan does, and is accepted once its content is the source's.

use crate::model::{HaltCode, LinkIdentity, Reason, Run, TargetOffset};
use crate::offsets::Explanation;

use super::explain::{Tail, truncated_target};

/// What is known of a partition before its log is judged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The end of what was acknowledged, including the markers of transactions; `None` if nothing ever was.
    pub(crate) acknowledged: Option<TargetOffset>,
    /// The end of the map's last record.
    pub(crate) mapped: TargetOffset,
    /// The possible explanations of the log.
    pub(crate) explanations: &'a [Explanation],
}

/// Returns every way to explain a log whose last record lies before `data_end`: a transaction lands as a whole or not at all.
pub(crate) fn explanations(
    last_run: Option<Run>,
    plans: &[Vec<Run>],
    data_end: TargetOffset,
) -> Vec<Explanation> {
    let known_end = last_run.map_or(TargetOffset::ZERO, |run| run.target_end());
    let mut found = Vec::new();
    for plan in plans.iter().rev() {
        let behind = plan.iter().filter(|run| run.target >= known_end);
        let runs: Vec<Run> = behind.copied().collect();
        if let Some(last) = runs.last().filter(|run| run.target_end() == data_end) {
            let position = last.source_end();
            found.push(Explanation { runs, position });
        }
    }
    if let Some(last) = last_run.filter(|_| data_end <= known_end) {
        found.push(Explanation {
            runs: Vec::new(),
            position: last.source_end(),
        });
    }
    found
}

/// Returns the end of the records in a log that shows none: no further than they are known to reach. Everything after it
/// was given up, however long it is.
pub(crate) fn empty_data_end(
    acknowledged: Option<TargetOffset>,
    end: TargetOffset,
) -> TargetOffset {
    acknowledged.unwrap_or(TargetOffset::ZERO).min(end)
}

/// Whether foreign records may be adopted: not while a transaction of this link was in flight, because it may lie among
/// them, committed, and would be mirrored a second time.
pub(crate) fn may_adopt(plans: &[Vec<Run>]) -> bool {
    plans.iter().all(Vec::is_empty)
}

/// Checks that the log can be this link's work, as far as its end alone shows.
pub(crate) fn check(
    identity: &LinkIdentity,
    tail: &Tail,
    expected: &Expected<'_>,
) -> Result<(), Reason> {
    let acknowledged = expected.acknowledged.unwrap_or(TargetOffset::ZERO);
    if tail.end < acknowledged {
        return Err(truncated_target(tail.end, acknowledged));
    }
    let Some(last) = &tail.last else {
        // At most markers are left, which say nothing about records that were before them.
        let known = tail.end == acknowledged || acknowledged >= tail.log_start;
        return if known { Ok(()) } else { Err(unknown(tail)) };
    };
    if expected.acknowledged.is_none() {
        // The very first transaction may have landed before anything but its plan was stored. Batches of the raw path
        // identify themselves.
        let is_known = !expected.explanations.is_empty() || identity.owns(last.producer_id);
        return if is_known { Ok(()) } else { Err(unknown(tail)) };
    }
    if tail.data_end < expected.mapped {
        return Err(truncated_target(tail.data_end, expected.mapped));
    }
    if tail.data_end <= acknowledged || !expected.explanations.is_empty() {
        return Ok(());
    }
    let what = format!(
        "the records at target offset {} were written by producer id {}, not in a transaction of this link",
        last.base_offset, last.producer_id
    );
    Err(Reason::new(HaltCode::ForeignWrite, what).at(None, Some(acknowledged)))
}

fn unknown(tail: &Tail) -> Reason {
    let message = "no checkpoint is left, and the record path's records can't be told apart from foreign ones";
    Reason::new(HaltCode::MapUnknown, message).at(None, Some(tail.data_end.plus(-1)))
}

#[cfg(test)]
mod tests;
