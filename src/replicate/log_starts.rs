//! Follows the log starts of the mirror partitions: retention on the target moves them while nothing is mirrored.

use crate::kafka::admin::{self, At, ListedOffsets};
use crate::model::LeaderEpoch;

use super::mirror::Phase;
use super::worker::{Event, Worker};

impl Worker {
    /// Asks the target for the log starts of everything that flows, unless such a question is out already.
    pub(crate) fn ask_log_starts(&mut self) {
        let flowing = self
            .mirrors
            .iter()
            .filter(|it| matches!(it.phase, Phase::Flowing { .. }));
        let partitions: Vec<_> = flowing
            .map(|it| (it.route.target.clone(), LeaderEpoch::UNKNOWN))
            .collect();
        if partitions.is_empty() || std::mem::replace(&mut self.asking_log_starts, true) {
            return;
        }
        let target = self.link.target.clone();
        self.events.push(Box::pin(async move {
            let listed = admin::list_offsets(&target, &partitions, At::Earliest).await;
            Event::LogStarts(listed.unwrap_or_default())
        }));
    }

    /// Takes what was answered; what wasn't is asked again the next time.
    pub(crate) fn log_starts(&mut self, mut listed: ListedOffsets) {
        self.asking_log_starts = false;
        for mirror in &self.mirrors {
            if let Some(Ok(start)) = listed.remove(&mirror.route.target) {
                let mut known = mirror.tracked.lock();
                let figures = &mut known.figures;
                figures.target_log_start = figures.target_log_start.max(start.offset);
            }
        }
    }
}
