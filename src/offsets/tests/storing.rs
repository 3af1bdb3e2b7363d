//! Storing a map, whether or not the updates that carry it succeed.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::Shelf;
use crate::model::{Run, SourceOffset, TargetOffset};
use crate::offsets::{BLOCK_RUNS, Changes, Receipt, RunMap};

fn empty() -> RunMap {
    RunMap::empty(SourceOffset::ZERO, TargetOffset::ZERO)
}

/// Appends runs of ten records with a gap before each.
fn append(map: &mut RunMap, runs: usize) {
    for _ in 0..runs {
        let (source, target) = (map.source_end().plus(1), map.target_end());
        map.append(Run::new(source, target, 10)).unwrap();
    }
}

/// Stores the changes, and returns the number of blocks.
fn save(map: &mut RunMap, shelf: &mut Shelf) -> usize {
    let changes = map.take_changes();
    let blocks = changes.blocks.len();
    shelf.apply(changes.blocks);
    map.stored(changes.receipt);
    blocks
}

fn runs_on(shelf: &Shelf) -> Vec<Run> {
    let mut runs = Vec::new();
    for block in shelf.0.values() {
        assert_eq!(block.ordinal(), runs.len() as u64, "a block is missing");
        runs.extend_from_slice(block.runs());
    }
    runs
}

#[test]
fn only_new_runs_have_to_be_stored() {
    let (mut map, mut shelf) = (empty(), Shelf::default());
    let run = |source, target| Run::new(SourceOffset(source), TargetOffset(target), 10);
    map.append(run(0, 0)).unwrap();
    assert_eq!(save(&mut map, &mut shelf), 1);
    map.append(run(10, 10)).unwrap();
    assert_eq!(save(&mut map, &mut shelf), 0);
    map.append(run(21, 20)).unwrap();
    assert_eq!(save(&mut map, &mut shelf), 1);
}

#[test]
fn a_refused_update_loses_no_block() {
    let (mut map, mut shelf) = (empty(), Shelf::default());
    append(&mut map, 2 * BLOCK_RUNS + 50);
    let refused = map.take_changes();
    assert_eq!(refused.blocks.len(), 3);
    append(&mut map, BLOCK_RUNS);
    assert_eq!(save(&mut map, &mut shelf), 4);
    assert_eq!(runs_on(&shelf).len(), 3 * BLOCK_RUNS + 50);
    assert_eq!(map.runs_in_memory(), 50);
}

#[test]
fn the_tail_of_a_refused_update_is_given_out_again() {
    let (mut map, mut shelf) = (empty(), Shelf::default());
    append(&mut map, 3);
    let refused = map.take_changes();
    assert_eq!(save(&mut map, &mut shelf), 1);
    assert_eq!(save(&mut map, &mut shelf), 0);
    map.stored(refused.receipt);
    assert_eq!(runs_on(&shelf).len(), 3);
}

#[test]
fn a_receipt_says_nothing_about_what_came_after_a_cut_or_another_map() {
    for cut in [true, false] {
        let (mut map, shelf) = (empty(), Shelf::default());
        append(&mut map, BLOCK_RUNS + 1);
        let before = map.take_changes();
        if cut {
            map.cut_at_target(TargetOffset(50), &shelf).unwrap();
        } else {
            map.replace(empty());
        }
        append(&mut map, BLOCK_RUNS + 1);
        map.stored(before.receipt);
        assert_eq!(map.take_changes().blocks.len(), 2);
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Gap on the source, length, and number of runs.
    Append(i64, i64, usize),
    /// Queue an update.
    Save,
    /// Write or refuse the first update in the queue.
    Write(bool),
    /// Notify the owner of an update that was written.
    Tell(usize),
    /// The end of the target in 256ths of the map, and whether the update is written.
    Cut(i64, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3_i64, 1..6_i64, 1..400_usize)
            .prop_map(|(gap, length, times)| Step::Append(gap, length, times)),
        4 => Just(Step::Save),
        4 => any::<bool>().prop_map(Step::Write),
        2 => any::<usize>().prop_map(Step::Tell),
        1 => (0..280_i64, any::<bool>()).prop_map(|(end, written)| Step::Cut(end, written)),
    ]
}

struct Rig {
    map: RunMap,
    shelf: Shelf,
    /// All runs now, and all runs at each queued update.
    runs: Vec<Run>,
    line: VecDeque<(Changes, Vec<Run>)>,
    /// Written updates that the owner hasn't been notified of.
    untold: Vec<Receipt>,
}

impl Rig {
    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Append(gap, length, times) => {
                for _ in 0..times {
                    let (source, target) = (self.map.source_end(), self.map.target_end());
                    let run = Run::new(source.plus(gap), target, length);
                    self.map.append(run).unwrap();
                    match self.runs.last_mut() {
                        Some(last) if last.joins(&run) => last.length += run.length,
                        _ => self.runs.push(run),
                    }
                }
            }
            Step::Save => {
                let changes = self.map.take_changes();
                self.line.push_back((changes, self.runs.clone()));
            }
            Step::Write(written) => self.write(written),
            Step::Tell(which) if !self.untold.is_empty() => {
                let receipt = self.untold.swap_remove(which % self.untold.len());
                self.map.stored(receipt);
            }
            Step::Tell(_) => {}
            Step::Cut(end, written) => self.cut(end, written),
        }
    }

    fn write(&mut self, written: bool) {
        let Some((changes, runs)) = self.line.pop_front().filter(|_| written) else {
            return;
        };
        self.shelf.apply(changes.blocks);
        self.untold.push(changes.receipt);
        let mut stored = runs_on(&self.shelf);
        // The last run grows without a write.
        if let (Some(stored), Some(run)) = (stored.last_mut(), runs.last()) {
            assert!(stored.length <= run.length);
            stored.length = run.length;
        }
        assert_eq!(stored, runs, "what is stored is what there was");
    }

    /// A decision: the update that carries it is written, or the owner returns to what is stored.
    fn cut(&mut self, end: i64, written: bool) {
        while !self.line.is_empty() {
            self.write(true);
        }
        let end = TargetOffset(self.map.target_end().get() * end / 256);
        let mut blocks = self.map.cut_at_target(end, &self.shelf).unwrap();
        let changes = self.map.take_changes();
        if written {
            blocks.extend(changes.blocks);
            self.shelf.apply(blocks);
            self.untold.push(changes.receipt);
        } else {
            self.map.replace(self.shelf.restore().unwrap_or_else(empty));
        }
        self.runs = runs_on(&self.shelf);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_stored_is_whole_whatever_becomes_of_updates(steps in prop::collection::vec(step(), 1..60)) {
        let mut rig = Rig {
            map: empty(),
            shelf: Shelf::default(),
            runs: Vec::new(),
            line: VecDeque::new(),
            untold: Vec::new(),
        };
        for step in &steps {
            rig.apply(step);
            for run in rig.runs.iter().step_by(97) {
                let image = rig.map.to_target(run.source, &rig.shelf).unwrap();
                prop_assert_eq!(image, super::Lookup::Exact(run.target));
            }
        }
        rig.line.clear();
        rig.map.close();
        save(&mut rig.map, &mut rig.shelf);
        prop_assert_eq!(runs_on(&rig.shelf), rig.runs);
        prop_assert!(rig.map.runs_in_memory() <= BLOCK_RUNS);
    }
}
