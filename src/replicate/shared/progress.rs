//! The state shown for a partition while records flow, derived from its figures.

use crate::model::{
    Anchor, DataPath, HaltCode, PartitionState, Reason, SourceOffset, TargetOffset,
};
use crate::replicate::resync::decision::used_up;

use super::partition::PartitionProgress;

/// A live partition is shown as live until it is this many records behind.
const LIVE_SLACK: i64 = 10_000;
/// The shortest gap worth showing, in offsets; a shorter one is filled before anyone could look.
const GAP_WORTH_TELLING: i64 = 10_000;

impl PartitionProgress {
    /// Shows whether the mirror is live, catching up or filling, depending on its lag.
    pub(crate) fn judge_state(&mut self) {
        self.figures.detail = None;
        if let Some((from, until)) = self.figures.filling {
            let at = self.record.acked_end.max(from);
            if at < until {
                self.figures.state = PartitionState::Filling;
                self.figures.detail = Some(format!(
                    "filled {} of {} offsets from {from} on for which the source has no record",
                    at.since(from),
                    until.since(from)
                ));
                return;
            }
            self.figures.filling = None;
        }
        let lag = self.lag();
        let state = &mut self.figures.state;
        let live = lag == 0 || (*state == PartitionState::Live && lag < LIVE_SLACK);
        *state = if live {
            PartitionState::Live
        } else {
            PartitionState::CatchingUp
        };
    }

    /// Shows of a flowing partition that the source is silent, or isn't any more.
    pub(crate) fn show_silence(&mut self, why: Option<String>) {
        match (why, self.figures.state) {
            (
                Some(why),
                PartitionState::Live
                | PartitionState::CatchingUp
                | PartitionState::Filling
                | PartitionState::Retrying,
            ) => {
                self.figures.state = PartitionState::Retrying;
                self.figures.detail = Some(why);
            }
            (None, PartitionState::Retrying) => self.judge_state(),
            (Some(_) | None, _) => {}
        }
    }

    /// Begins to show the progress of filling the offsets up to `origin`, if any are left.
    pub(crate) fn show_prefix(&mut self, origin: TargetOffset) {
        let left = origin > self.record.acked_end;
        self.figures.filling = left.then_some((TargetOffset::ZERO, origin));
    }

    /// Begins to show the progress of filling a gap, if it is a long one.
    pub(crate) fn show_gap(&mut self, until: TargetOffset, length: i64) {
        if self.figures.filling.is_none() && length >= GAP_WORTH_TELLING {
            self.figures.filling = Some((until.plus(-length), until));
        }
    }
}

impl PartitionProgress {
    /// Returns the reason if records can't take this path from now on.
    pub(crate) fn bars(&self, path: DataPath) -> Option<Reason> {
        let is_used_up = self.begins_again_on(path) && self.record.incarnation == u16::MAX;
        is_used_up.then(|| {
            let message = "the mirror partition ends with records that the record path wrote";
            let reason = Reason::new(HaltCode::MapUnknown, message);
            used_up(&reason, "the link can't leave that path")
        })
    }

    /// Whether the partition gets another producer id on this path: the raw path's earlier records lie before the record
    /// path's, so their sequence numbers don't continue.
    fn begins_again_on(&self, path: DataPath) -> bool {
        self.record.path != path && path == DataPath::Raw
    }

    /// Notes that the log continues at `end`, possibly after offsets that are in no run, and that records take this path
    /// from now on. Returns whether either is new, so that the next run has to be stored.
    pub(crate) fn goes_on_behind(
        &mut self,
        path: DataPath,
        position: SourceOffset,
        end: TargetOffset,
    ) -> bool {
        let switched = self.record.path != path;
        if self.begins_again_on(path) {
            // `bars` has checked that there is a next one.
            self.record.incarnation = self.record.incarnation.saturating_add(1);
        }
        if path == DataPath::Record {
            // Earlier plans are void: their records can't land any more.
            self.record.plans.clear();
        }
        self.record.path = path;
        let gap = end > self.end();
        if gap {
            self.record.history.anchor = Some(Anchor {
                source: position,
                target: end,
            });
            // The last run is stored with its true length: from here on the log doesn't show it.
            self.map.close();
            self.record.acked_end = end;
            self.figures.target_end = end.get();
        }
        switched || gap
    }
}

#[cfg(test)]
mod tests;
