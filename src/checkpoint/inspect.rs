//! Checks the DB for consistency: maps are in order, can be found by source and target offset, and don't reach past what is
//! recorded for their partitions.

use super::keys;
use super::records::{links, partitions_of};
use super::store::{Space, Store};
use super::{PartitionKey, PartitionRecord};
use crate::error::Result;
use crate::model::Run;
use crate::offsets::Block;

/// What was checked, and the inconsistencies.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    pub links: usize,
    /// Mirror partitions.
    pub partitions: usize,
    /// The runs of all maps.
    pub runs: usize,
    /// Each inconsistency, described.
    pub problems: Vec<String>,
}

/// Reads every map in the DB.
///
/// Errors: the DB or a record in it can't be read. Anything readable but inconsistent is a problem, not an error.
pub fn inspect(store: &dyn Store) -> Result<Inspection> {
    let mut found = Inspection::default();
    for (link, _) in links(store)? {
        found.links += 1;
        for (key, record) in partitions_of(store, &link)? {
            found.partitions += 1;
            found.partition(store, &key, &record)?;
        }
    }
    Ok(found)
}

impl Inspection {
    fn partition(
        &mut self,
        store: &dyn Store,
        key: &PartitionKey,
        record: &PartitionRecord,
    ) -> Result<()> {
        let place = format!("link {}, {}", key.link, key.topic_partition());
        let prefix = keys::partition(key);
        let mut blocks = 0;
        let mut last: Option<Run> = None;
        for (at, bytes) in store.scan(Space::Runs, &prefix, usize::MAX)? {
            blocks += 1;
            let block = match Block::decode(&bytes) {
                Ok(block) => block,
                Err(error) => {
                    self.problem(&place, &error.to_string());
                    continue;
                }
            };
            let first = *block.first();
            if at != keys::at_offset(&prefix, first.target.get()) {
                self.problem(
                    &place,
                    &format!("a block of runs isn't stored under the key of {first:?}"),
                );
            }
            if last.is_some_and(|last| {
                last.source_end() > first.source || last.target_end() > first.target
            }) {
                self.problem(&place, &format!("{first:?} overlaps the runs before it"));
            }
            let by_source = keys::at_offset(&prefix, first.source.get());
            if store.get(Space::RunsBySource, &by_source)?.as_deref()
                != Some(&first.target.get().to_be_bytes()[..])
            {
                self.problem(
                    &place,
                    &format!("{first:?} is not found by its source offset"),
                );
            }
            self.runs += block.runs().len();
            last = Some(*block.last());
        }
        let indexed = store.scan(Space::RunsBySource, &prefix, usize::MAX)?.len();
        if indexed != blocks {
            self.problem(
                &place,
                &format!("{blocks} blocks of runs and {indexed} index entries"),
            );
        }
        if let Some(last) = last
            && (last.target > record.acked_end || last.source > record.frontier)
        {
            let known = format!(
                "{last:?} begins past what is known to be mirrored (source {}, target {})",
                record.frontier, record.acked_end
            );
            self.problem(&place, &known);
        }
        Ok(())
    }

    fn problem(&mut self, place: &str, what: &str) {
        self.problems.push(format!("{place}: {what}"));
    }
}

#[cfg(test)]
mod tests;
