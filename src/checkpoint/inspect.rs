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
mod tests {
    use super::*;
    use crate::checkpoint::records::{put_link, put_partition};
    use crate::checkpoint::{LinkRecord, MemoryStore, StoredRuns, Update};
    use crate::model::{
        DataPath, History, LinkIdentity, OffsetsMode, SourceOffset, TargetOffset, TopicId,
        TopicPartition,
    };
    use crate::offsets::RunMap;

    const RUNS: i64 = 600;

    fn key() -> PartitionKey {
        PartitionKey::new(&"l".into(), &TopicPartition::new("t", 0))
    }

    /// A link with one partition whose map has several blocks.
    async fn filled(acked_end: i64) -> MemoryStore {
        let store = MemoryStore::new();
        let mut update = Update::new();
        let link = LinkRecord {
            identity: LinkIdentity {
                link: "l".into(),
                source_cluster_id: "a".into(),
                target_cluster_id: "b".into(),
            },
            initialized: true,
            paused: false,
        };
        put_link(&mut update, &link);
        let record = PartitionRecord {
            source_topic_id: TopicId::NONE,
            target_topic_id: TopicId::NONE,
            origin: SourceOffset(0),
            frontier: SourceOffset(acked_end * 2),
            acked_end: TargetOffset(acked_end),
            epochs: Vec::new(),
            plans: Vec::new(),
            incarnation: 0,
            history: History::default(),
            offsets: OffsetsMode::Translate,
            fence_epoch: 0,
            path: DataPath::Raw,
        };
        put_partition(&mut update, &key(), &record);
        let mut map = RunMap::empty(SourceOffset(0), TargetOffset(0));
        for number in 0..RUNS {
            let run = Run::new(SourceOffset(number * 2), TargetOffset(number), 1);
            map.append(run).unwrap();
        }
        StoredRuns::new(&store, &key()).apply(&mut update, map.take_changes().blocks);
        store.commit(update).await.unwrap();
        store
    }

    async fn problems(store: &MemoryStore, break_it: impl FnOnce(&mut Update)) -> Vec<String> {
        let mut update = Update::new();
        break_it(&mut update);
        store.commit(update).await.unwrap();
        inspect(store).unwrap().problems
    }

    #[tokio::test]
    async fn what_fits_is_counted() {
        let found = inspect(&filled(RUNS).await).unwrap();
        let runs = usize::try_from(RUNS).unwrap();
        assert_eq!(
            found,
            Inspection {
                links: 1,
                partitions: 1,
                runs,
                problems: vec![],
            }
        );
    }

    #[tokio::test]
    async fn what_does_not_fit_is_told() {
        let at = |offset| keys::at_offset(&keys::partition(&key()), offset);
        let lost = problems(&filled(RUNS).await, |update| {
            update.delete(Space::RunsBySource, at(512));
        })
        .await;
        let lost = lost.join("\n");
        assert!(lost.contains("not found by its source offset"), "{lost}");
        assert!(
            lost.contains("3 blocks of runs and 2 index entries"),
            "{lost}"
        );
        let garbled = problems(&filled(RUNS).await, |update| {
            update.put(Space::Runs, at(256), vec![1, 2]);
        })
        .await;
        assert!(garbled[0].contains("cut short or garbled"));
        let store = filled(RUNS).await;
        let first = store.get(Space::Runs, &at(0)).unwrap().unwrap();
        let twice = problems(&store, |update| update.put(Space::Runs, at(256), first)).await;
        assert!(twice.iter().any(|it| it.contains("overlaps")), "{twice:?}");
        let ahead = problems(&filled(5).await, |_| {}).await;
        assert!(ahead[0].contains("begins past what is known"), "{ahead:?}");
    }
}
