//! Which offsets of a partition and its mirror hold the same record, found by reading both: the standard for judging
//! translation.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::compare;
use super::read::{Isolation, Partition};
use super::topics;

/// Source offsets and the target offsets of the same records.
#[derive(Debug, Clone)]
pub(crate) struct Pairs {
    /// The target offset of each record, by source offset.
    pub(crate) by_source: BTreeMap<i64, i64>,
    /// The log end offset of the source, markers included.
    pub(crate) source_end: i64,
    /// The log end offset of the target.
    pub(crate) target_end: i64,
}

impl Pairs {
    /// Reads a partition on both clusters, whose contents must be equal.
    pub(crate) async fn read(
        source: &str,
        target: &str,
        topic: &str,
        number: i32,
        isolation: Isolation,
    ) -> Self {
        let collected = Arc::new(Mutex::new(BTreeMap::new()));
        let pairs = Arc::clone(&collected);
        let one = Partition::new(source, topic, number);
        let other = Partition::new(target, topic, number).seen(isolation);
        let compared = compare::partitions(&one, &other, move |source, target| {
            pairs.lock().insert(source, target);
        });
        compared
            .await
            .unwrap_or_else(|difference| panic!("{difference}"));
        let (_, source_end) = topics::watermarks(source, topic, number).await;
        let (_, target_end) = topics::watermarks(target, topic, number).await;
        let by_source = collected.lock().clone();
        Self {
            by_source,
            source_end,
            target_end,
        }
    }

    /// The target offset at which a consumer reads the record of this source offset, or the next one.
    pub(crate) fn on_target(&self, source: i64) -> i64 {
        let next = self.by_source.range(source..).next();
        next.map_or(self.target_end, |(_, target)| *target)
    }

    /// A random offset that a consumer might have committed: anywhere from the first record to the end.
    pub(crate) fn any(&self, rng: &mut fastrand::Rng) -> i64 {
        let first = self.by_source.keys().next().copied();
        rng.i64(first.unwrap_or(0)..=self.source_end)
    }
}
