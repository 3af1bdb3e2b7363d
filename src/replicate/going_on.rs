//! How the map is broken off behind what is in no run: markers, what was given up, another path's work.

use crate::model::{Anchor, DataPath, SourceOffset, TargetOffset};

use super::tracked::Known;

impl Known {
    /// Notes that the log goes on at `end`, behind offsets which are in no run, if there are any; and that records travel on
    /// this path from now on. Returns whether either is new, so that the next run has to be stored.
    pub(crate) fn goes_on_behind(
        &mut self,
        path: DataPath,
        position: SourceOffset,
        end: TargetOffset,
    ) -> bool {
        let switched = self.record.path != path;
        if switched && path == DataPath::Raw {
            // What the raw path wrote before lies behind the record path's: its sequence numbers don't continue.
            self.record.incarnation = self.record.incarnation.checked_add(1).unwrap_or(1);
        }
        if path == DataPath::Record {
            // What was planned before is over: nobody can land it any more.
            self.record.plans.clear();
        }
        self.record.path = path;
        let gap = end > self.end();
        if gap {
            self.record.history.anchor = Some(Anchor {
                source: position,
                target: end,
            });
            // The last run is stored with its true length: from here on the log doesn't tell it.
            self.map.close();
            self.record.acked_end = end;
            self.figures.target_end = end.get();
        }
        switched || gap
    }
}
