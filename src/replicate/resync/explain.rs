//! Works out the position of a mirror partition from what its log really holds.
//!
//! Pure. Never patches a remembered position: the end of the target's log, the header of the batch that ends there and the
//! runs stored before they were sent decide together, and where they leave a doubt, a [`Reason`] names it.

use crate::kafka::batch::Header;
use crate::model::{
    HaltCode, LeaderEpoch, LinkIdentity, OffsetsMode, Reason, Run, SourceOffset, TargetOffset,
    sequence_of,
};
use crate::offsets::Explanation;

/// The end of the target's log, read within one leader epoch, with the high watermark at the log end.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    /// The log end offset.
    pub(crate) end: TargetOffset,
    /// The log start offset.
    pub(crate) log_start: TargetOffset,
    /// The header of the last batch; on the record path, of the last one that a `read_committed` consumer sees. `None` if
    /// there is none.
    pub(crate) last: Option<Header>,
    /// The offset after that batch, or the log end if there is none.
    pub(crate) data_end: TargetOffset,
}

impl Tail {
    /// Returns the offset up to which the log still has its records. If none is visible any more, it is unknown what became
    /// of the records after the log start.
    pub(crate) fn kept(&self) -> TargetOffset {
        match self.last {
            Some(_) => self.data_end,
            None => self.log_start,
        }
    }
}

/// The remedy where another farshore link writes: adopting its records would happen again and again.
const TWO_LINKS: &str = "Another link mirrors into this topic: leave the topic out of one of the two (topics_exclude), or set naming = \"prefix\"; then mirror it anew (farshore resolve --with reseed).";

/// Checks that the tail is this link's own work (H4), and not shorter than what was acknowledged (H13). `anchor` is where
/// the map resumes, if nothing has landed there yet.
pub(crate) fn check_tail(
    identity: &LinkIdentity,
    offsets: OffsetsMode,
    tail: &Tail,
    acknowledged: Option<TargetOffset>,
    anchor: Option<TargetOffset>,
) -> Result<(), Reason> {
    if let Some(acknowledged) = acknowledged.filter(|&acknowledged| tail.end < acknowledged) {
        return Err(truncated_target(tail.end, acknowledged));
    }
    if anchor == Some(tail.end) {
        // Everything before it was judged when the decision to resume here was made.
        return Ok(());
    }
    let Some(last) = &tail.last else {
        return match offsets {
            OffsetsMode::Translate => check_empty(tail, acknowledged),
            // The filler before the first record was deleted; whether anything is missing is checked against the source.
            OffsetsMode::Preserve => Ok(()),
        };
    };
    // From the acknowledged end on, nothing is known to be this link's.
    let foreign = |what: String| {
        let first = acknowledged.unwrap_or(TargetOffset(last.base_offset));
        let reason = Reason::new(HaltCode::ForeignWrite, what).at(None, Some(first));
        let is_other_link = last.producer_id.is_farshore() && !identity.owns(last.producer_id);
        Err(if is_other_link {
            reason.remedied_by(TWO_LINKS)
        } else {
            reason
        })
    };
    if !identity.owns(last.producer_id) {
        return foreign(format!(
            "the batch at target offset {} was written by producer id {}, not by this link",
            last.base_offset, last.producer_id
        ));
    }
    let expected = sequence_of(TargetOffset(last.base_offset));
    // Where markers fill gaps, sequence numbers count records.
    if offsets == OffsetsMode::Translate && last.base_sequence != expected {
        return foreign(format!(
            "the batch at target offset {} carries sequence {}, not {expected}: offsets were shifted by another writer",
            last.base_offset, last.base_sequence
        ));
    }
    Ok(())
}

/// Returns the reason for a target that lost acknowledged records.
pub(crate) fn truncated_target(end: TargetOffset, acknowledged: TargetOffset) -> Reason {
    let message = format!(
        "the mirror partition ends at {end} but had acknowledged records up to {acknowledged}: the target lost them"
    );
    Reason::new(HaltCode::TargetTruncated, message).at(None, Some(end))
}

/// Checks that the tail was written by the known owner. An earlier owner that still writes after the acknowledged end is a
/// foreign writer by now (H3); a later one means that the checkpoint DB is older than the log.
pub(crate) fn check_incarnation(
    identity: &LinkIdentity,
    tail: &Tail,
    acknowledged: Option<TargetOffset>,
    incarnation: u16,
) -> Result<(), Reason> {
    let own = tail.last.filter(|last| identity.owns(last.producer_id));
    let (Some(last), Some(acknowledged)) = (own, acknowledged) else {
        return Ok(());
    };
    let written = last.producer_id.incarnation();
    if written > incarnation {
        let message = format!(
            "the batch at target offset {} was written in ownership {written} of the partition, but the checkpoint DB only knows {incarnation}: it is older than the mirror",
            last.base_offset
        );
        return Err(Reason::new(HaltCode::MapUnknown, message).at(None, Some(acknowledged)));
    }
    if written < incarnation && tail.data_end > acknowledged {
        let message = format!(
            "the batch at target offset {} was written by an earlier owner of the partition: stop the process that is still running",
            last.base_offset
        );
        return Err(Reason::new(HaltCode::ForeignWrite, message).at(None, Some(acknowledged)));
    }
    Ok(())
}

fn check_empty(tail: &Tail, acknowledged: Option<TargetOffset>) -> Result<(), Reason> {
    let expected = acknowledged.unwrap_or(TargetOffset::ZERO);
    if tail.end == expected {
        return Ok(());
    }
    Err(Reason::new(
        HaltCode::MapUnknown,
        format!(
            "the mirror partition is empty and ends at {}, but the checkpoint knows records up to {expected}",
            tail.end
        ),
    )
    .at(None, Some(tail.end)))
}

/// Returns the only explanation of a log whose offsets are the source's.
pub(crate) fn identity(last_run: Option<Run>, end: TargetOffset) -> Explanation {
    // A run without records is about to begin.
    let from = match last_run {
        None => Some(TargetOffset::ZERO),
        Some(run) => (run.length == 0).then_some(run.target),
    };
    let untold = from.map(|from| Run::new(SourceOffset(from.get()), from, end.since(from)));
    Explanation {
        runs: untold.filter(|run| run.length > 0).into_iter().collect(),
        position: SourceOffset(end.get()),
    }
}

/// Returns every way to explain a log that ends at `end`, the most likely first.
///
/// `last_run` is the map's last run, open-ended by nature, or an empty one that is about to begin; `plans` are the chains of
/// runs stored ahead of their data, the oldest first: a chain that was given up may still have landed (H8).
pub(crate) fn explanations(
    last_run: Option<Run>,
    plans: &[Vec<Run>],
    end: TargetOffset,
) -> Vec<Explanation> {
    let mut found = Vec::new();
    let no_plan: &[Run] = &[];
    for plan in plans.iter().rev().map(Vec::as_slice).chain([no_plan]) {
        if let Some(explanation) = explain(last_run, plan, end).filter(|it| !found.contains(it)) {
            found.push(explanation);
        }
    }
    found
}

fn explain(last_run: Option<Run>, plan: &[Run], end: TargetOffset) -> Option<Explanation> {
    let known_end = last_run.map(|run| run.target_end());
    // Where the map was broken off, it resumes with a run that has no records yet.
    let begun = last_run.filter(|run| run.length == 0);
    let mut runs: Vec<Run> = begun.into_iter().collect();
    let landed = |run: &&Run| run.target < end && known_end.is_none_or(|known| run.target >= known);
    for run in plan.iter().filter(landed) {
        stretch(runs.last_mut(), run.target);
        runs.push(*run);
    }
    let reaches = |run: Run| run.source.plus(end.since(run.target));
    if runs.is_empty() {
        // The last run continues up to the end, or nothing was ever appended.
        let last = last_run?;
        return (last.target < end).then(|| Explanation {
            runs,
            position: reaches(last),
        });
    }
    stretch(runs.last_mut(), end);
    let position = runs.last().map(Run::source_end)?;
    runs.retain(|run| run.length > 0);
    Some(Explanation { runs, position })
}

/// Returns the source's leader epoch of the record before `position`, as far as the remembered epochs are complete (H11):
/// they list each epoch's first record and were noted up to `until`.
pub(crate) fn epoch_before(
    epochs: &[(LeaderEpoch, SourceOffset)],
    until: SourceOffset,
    position: SourceOffset,
) -> LeaderEpoch {
    if position > until {
        return LeaderEpoch::UNKNOWN;
    }
    let begun = epochs.iter().rev().find(|(_, first)| *first < position);
    begun.map_or(LeaderEpoch::UNKNOWN, |(epoch, _)| *epoch)
}

fn stretch(run: Option<&mut Run>, end: TargetOffset) {
    if let Some(run) = run {
        run.length = end.since(run.target);
    }
}

#[cfg(test)]
pub(crate) mod tests;
