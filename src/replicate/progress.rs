//! How a partition's state follows from its figures while records flow.

use crate::model::{PartitionState, TargetOffset};

use super::tracked::Known;

/// A partition that was live stays so in name until it is this many records behind.
const LIVE_SLACK: i64 = 10_000;
/// A shorter gap is filled before anybody could look.
const GAP_WORTH_TELLING: i64 = 10_000;

impl Known {
    /// Shows whether the mirror is live, catching up or filling, by how far it is behind.
    pub(crate) fn judge_state(&mut self) {
        self.figures.detail = None;
        if let Some((from, until)) = self.figures.filling {
            let at = self.record.acked_end.max(from);
            if at < until {
                self.figures.state = PartitionState::Filling;
                self.figures.detail = Some(format!(
                    "filled {} of {} offsets from {from} on, of which the source has no record",
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
        if lag == 0 {
            self.figures.oldest_waiting = None;
        }
    }

    /// From now on tells how far a prefix is filled, if there is one left to fill.
    pub(crate) fn show_prefix(&mut self, origin: TargetOffset) {
        let left = origin > self.record.acked_end;
        self.figures.filling = left.then_some((TargetOffset::ZERO, origin));
    }

    /// From now on tells how far a gap is filled, if it is a long one.
    pub(crate) fn show_gap(&mut self, until: TargetOffset, length: i64) {
        if self.figures.filling.is_none() && length >= GAP_WORTH_TELLING {
            self.figures.filling = Some((until.plus(-length), until));
        }
    }
}
