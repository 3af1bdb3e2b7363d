//! A walk along the target's log finds the run of every offset, whether its block is in memory, stored or both.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::error::Result;
use crate::model::{Run, SourceOffset, TargetOffset};
use crate::offsets::{Block, BlockChange, Blocks, RunMap};

#[derive(Debug, Default)]
struct Shelf(BTreeMap<i64, Block>);

impl Blocks for Shelf {
    fn at_or_before_source(&self, _source: SourceOffset) -> Result<Option<Block>> {
        unreachable!("the walk is along the target")
    }

    fn at_or_before_target(&self, target: TargetOffset) -> Result<Option<Block>> {
        let found = self.0.range(..=target.get()).next_back();
        Ok(found.map(|(_, block)| block.clone()))
    }

    fn at_or_after_target(&self, target: TargetOffset) -> Result<Option<Block>> {
        let found = self.0.range(target.get()..).next();
        Ok(found.map(|(_, block)| block.clone()))
    }
}

proptest! {
    #[test]
    fn each_offset_is_in_the_run_that_was_appended(
        gaps in vec((1..3_i64, 0..3_i64, 1..4_i64), 1..1_500),
        store_every in 1..300_usize, forget in any::<bool>(),
    ) {
        let mut map = RunMap::empty(SourceOffset::ZERO, TargetOffset::ZERO);
        let mut shelf = Shelf::default();
        let mut runs = Vec::new();
        let (mut source, mut target) = (0, 0);
        for (number, (source_gap, target_gap, length)) in gaps.into_iter().enumerate() {
            (source, target) = (source + source_gap, target + target_gap);
            let run = Run::new(SourceOffset(source), TargetOffset(target), length);
            map.append(run).unwrap();
            runs.push(run);
            (source, target) = (source + length, target + length);
            if number % store_every == 0 {
                let changes = map.take_changes();
                for change in changes.blocks {
                    if let BlockChange::Put { first_target, bytes, .. } = change {
                        shelf.0.insert(first_target.get(), Block::decode(&bytes).unwrap());
                    }
                }
                if forget {
                    map.stored(changes.receipt);
                }
            }
        }
        for at in (0..target).map(TargetOffset) {
            let block = map.runs_behind(at, &shelf).unwrap();
            let next = block.iter().find(|run| run.target_end() > at);
            prop_assert_eq!(next, runs.iter().find(|run| run.target_end() > at));
        }
        prop_assert_eq!(map.runs_behind(TargetOffset(target), &shelf).unwrap(), Vec::new());
    }
}
