//! The map against a naive model: a plain list of runs, searched from the front.

mod storing;
mod walk;

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::error::Result;
use crate::model::{Run, SourceOffset, TargetOffset};

/// Stored blocks, decoded from their compact form, by first target offset.
#[derive(Debug, Default)]
pub(super) struct Shelf(pub(super) BTreeMap<i64, Block>);

impl Shelf {
    pub(super) fn apply(&mut self, changes: Vec<BlockChange>) {
        for change in changes {
            match change {
                BlockChange::Put {
                    first_target,
                    bytes,
                    ..
                } => self
                    .0
                    .insert(first_target.get(), Block::decode(&bytes).unwrap()),
                BlockChange::Delete { first_target, .. } => self.0.remove(&first_target.get()),
            };
        }
    }

    pub(super) fn restore(&self) -> Option<RunMap> {
        let (oldest, newest) = (self.0.values().next()?, self.0.values().next_back()?);
        Some(RunMap::restored(oldest.ordinal(), newest.clone()))
    }
}

impl Blocks for Shelf {
    fn at_or_before_source(&self, source: SourceOffset) -> Result<Option<Block>> {
        let mut blocks = self.0.values();
        Ok(blocks
            .rfind(|block| block.first().source <= source)
            .cloned())
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

/// All runs, merged, and nothing else.
#[derive(Debug, Default)]
struct Model(Vec<Run>);

impl Model {
    fn append(&mut self, run: Run) {
        match self.0.last_mut() {
            Some(last) if last.joins(&run) => last.length += run.length,
            _ => self.0.push(run),
        }
    }

    fn cut(&mut self, kept: impl Fn(&Run) -> i64) {
        for run in &mut self.0 {
            run.length = run.length.min(kept(run));
        }
        self.0.retain(|run| run.length > 0);
    }

    fn to_target(&self, at: SourceOffset) -> Lookup<TargetOffset> {
        for (index, run) in self.0.iter().enumerate() {
            match run.to_target(at) {
                Some(image) => return Lookup::Exact(image),
                None if at < run.source && index == 0 => {
                    return Lookup::BeforeMap { first: run.target };
                }
                None if at < run.source => return Lookup::InGap { next: run.target },
                None => {}
            }
        }
        let end = self.0.last().map_or(TargetOffset(ORIGIN), Run::target_end);
        Lookup::BeyondMap { end }
    }

    fn to_source(&self, at: TargetOffset) -> Lookup<SourceOffset> {
        let mirrored = self.0.iter().map(|run| Run {
            source: SourceOffset(run.target.get()),
            target: TargetOffset(run.source.get()),
            length: run.length,
        });
        let image = |target: TargetOffset| SourceOffset(target.get());
        match Self(mirrored.collect()).to_target(SourceOffset(at.get())) {
            Lookup::Exact(exact) => Lookup::Exact(image(exact)),
            Lookup::InGap { next } => Lookup::InGap { next: image(next) },
            Lookup::BeforeMap { first } => Lookup::BeforeMap {
                first: image(first),
            },
            Lookup::BeyondMap { end } => Lookup::BeyondMap { end: image(end) },
        }
    }
}

/// Where the map under test expects its first run, on both sides.
const ORIGIN: i64 = 40;

#[derive(Debug, Clone)]
enum Step {
    /// Gap on the source, gap on the target, length, and the number of such runs.
    Append(i64, i64, i64, usize),
    Store,
    /// Take the changes; they are stored before the next time.
    StoreLater,
    Restart,
    /// Both log starts, in 256ths of the map.
    Prune(i64, i64),
    /// The new end on one side, in 256ths of the map, and whether that side is the source.
    Cut(i64, bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_i64, prop_oneof![5 => Just(0), 1 => 1..3_i64], 1..6_i64, 1..400_usize)
            .prop_map(|(source, target, length, times)| Step::Append(source, target, length, times)),
        3 => Just(Step::Store),
        2 => Just(Step::StoreLater),
        2 => Just(Step::Restart),
        2 => (0..256_i64, 0..256_i64).prop_map(|(source, target)| Step::Prune(source, target)),
        2 => (0..280_i64, any::<bool>()).prop_map(|(end, on_source)| Step::Cut(end, on_source)),
    ]
}

#[derive(Debug)]
struct Rig {
    map: RunMap,
    shelf: Shelf,
    model: Model,
    underway: Option<Changes>,
}

impl Rig {
    fn new() -> Self {
        Self {
            map: RunMap::empty(SourceOffset(ORIGIN), TargetOffset(ORIGIN)),
            shelf: Shelf::default(),
            model: Model::default(),
            underway: None,
        }
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Append(source_gap, target_gap, length, times) => {
                for _ in 0..times {
                    let source = self.map.source_end().plus(source_gap);
                    let run = Run::new(source, self.map.target_end().plus(target_gap), length);
                    self.map.append(run).unwrap();
                    self.model.append(run);
                }
            }
            Step::Store => self.store(),
            Step::StoreLater => {
                self.finish_storing();
                self.underway = Some(self.map.take_changes());
            }
            Step::Restart => {
                self.store();
                if let Some(restored) = self.shelf.restore() {
                    let end = self.map.target_end();
                    self.map = restored;
                    self.map.extend_last_to(end).unwrap();
                }
            }
            Step::Prune(source, target) => self.prune(source, target),
            Step::Cut(end, on_source) => self.cut(end, on_source),
        }
    }

    fn store(&mut self) {
        self.finish_storing();
        self.underway = Some(self.map.take_changes());
        self.finish_storing();
    }

    fn finish_storing(&mut self) {
        if let Some(changes) = self.underway.take() {
            self.shelf.apply(changes.blocks);
            self.map.stored(changes.receipt);
        }
    }

    fn prune(&mut self, source: i64, target: i64) {
        let source = SourceOffset(self.map.source_end().get() * source / 256);
        let target = TargetOffset(self.map.target_end().get() * target / 256);
        loop {
            let gone = self.map.prune(source, target, &self.shelf).unwrap();
            if gone.is_empty() {
                break;
            }
            self.shelf.apply(gone);
        }
        let runs_left = usize::try_from(self.map.run_count()).unwrap();
        let kept = self.model.0.split_off(self.model.0.len() - runs_left);
        for run in std::mem::replace(&mut self.model.0, kept) {
            assert!(run.source_end() <= source && run.target_end() <= target);
        }
    }

    fn cut(&mut self, end: i64, on_source: bool) {
        self.finish_storing();
        let removed = if on_source {
            let end = SourceOffset(self.map.source_end().get() * end / 256);
            self.model.cut(|run| end.since(run.source));
            self.map.cut_at_source(end, &self.shelf)
        } else {
            let end = TargetOffset(self.map.target_end().get() * end / 256);
            self.model.cut(|run| end.since(run.target));
            self.map.cut_at_target(end, &self.shelf)
        };
        self.shelf.apply(removed.unwrap());
        self.store();
        if self.map.last().is_none() {
            self.map = RunMap::empty(SourceOffset(ORIGIN), TargetOffset(ORIGIN));
        }
    }

    fn check(&self, salt: i64) {
        assert_eq!(self.map.run_count(), self.model.0.len() as u64);
        let near = |offset: i64| (offset - 2).max(0)..=offset + 2;
        let step = self.model.0.len() / 12 + 1;
        let first = usize::try_from(salt).unwrap() % step;
        let sampled = self.model.0.iter().skip(first).step_by(step);
        let ends = self.model.0.first().into_iter().chain(self.model.0.last());
        for run in sampled.chain(ends) {
            for offset in near(run.source.get()).chain(near(run.source_end().get())) {
                let at = SourceOffset(offset);
                let found = self.map.to_target(at, &self.shelf).unwrap();
                assert_eq!(found, self.model.to_target(at), "{at:?}");
            }
            for offset in near(run.target.get()).chain(near(run.target_end().get())) {
                let at = TargetOffset(offset);
                let found = self.map.to_source(at, &self.shelf).unwrap();
                assert_eq!(found, self.model.to_source(at), "{at:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn map_answers_like_the_model(steps in prop::collection::vec(step(), 1..20), salt in 0..1000_i64) {
        let mut rig = Rig::new();
        rig.check(salt);
        for step in &steps {
            rig.apply(step);
            rig.check(salt);
        }
    }

    #[test]
    fn going_back_is_refused_and_changes_nothing(source_back in 0..3_i64, target_back in 0..3_i64, length in -1..3_i64) {
        let mut rig = Rig::new();
        rig.apply(&Step::Append(1, 0, 5, 3));
        let last = *rig.map.last().unwrap();
        let next = Run::new(last.source_end().plus(-source_back), last.target_end().plus(-target_back), length);
        let refused = rig.map.append(next).err();
        if length < 1 {
            prop_assert_eq!(refused, Some(MapError::NotARun(next)));
        } else if source_back > 0 || target_back > 0 {
            prop_assert_eq!(refused, Some(MapError::Backwards { last, next }));
        } else {
            prop_assert_eq!(refused, None);
            rig.model.append(next);
        }
        rig.check(0);
    }

    #[test]
    fn blocks_come_back_as_they_were(
        gaps in prop::collection::vec((0..1_i64 << 40, 0..1_i64 << 30, 1..1_i64 << 40), 1..400),
    ) {
        let mut map = RunMap::empty(SourceOffset::ZERO, TargetOffset::ZERO);
        for (source_gap, target_gap, length) in gaps {
            map.append(Run::new(
                map.source_end().plus(source_gap),
                map.target_end().plus(target_gap),
                length,
            )).unwrap();
        }
        for change in map.take_changes().blocks {
            let BlockChange::Put { bytes, first_source, first_target } = change else { panic!("{change:?}") };
            let block = Block::decode(&bytes).unwrap();
            prop_assert_eq!(block.encode(), &bytes[..]);
            prop_assert_eq!((block.first().source, block.first().target), (first_source, first_target));
            for cut in [0, 1, bytes.len() / 2, bytes.len() - 1] {
                prop_assert!(Block::decode(&bytes[..cut]).is_err());
            }
            prop_assert!(Block::decode(&[&bytes[..], &[0]].concat()).is_err());
        }
    }

    #[test]
    fn bytes_are_a_block_in_one_form_or_none(mut bytes in prop::collection::vec(0..6_u8, 0..40), runs in 0..6_u8) {
        if let Some(count) = bytes.get_mut(1) {
            *count = runs;
        }
        if let Ok(block) = Block::decode(&bytes) {
            prop_assert_eq!(block.encode(), bytes);
        }
    }
}

#[test]
fn offsets_that_overflow_are_refused() {
    let mut map = RunMap::empty(SourceOffset::ZERO, TargetOffset::ZERO);
    let huge = Run::new(SourceOffset(1), TargetOffset::ZERO, i64::MAX);
    assert_eq!(map.append(huge), Err(MapError::NotARun(huge)));
    let below = Run::new(SourceOffset(-1), TargetOffset::ZERO, 3);
    assert_eq!(map.append(below), Err(MapError::NotARun(below)));
    let mut bytes = vec![0, 2];
    bytes.extend([0, 0, 1]);
    bytes.extend([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1]);
    assert_eq!(Block::decode(&bytes), Err(BlockError::Garbled));
}

#[test]
fn the_end_moves_forward_only() {
    let mut map = RunMap::empty(SourceOffset(7), TargetOffset(3));
    let refused = |end, asked| {
        let (end, asked) = (TargetOffset(end), TargetOffset(asked));
        Err(MapError::CannotExtend { end, asked })
    };
    assert_eq!(map.extend_last_to(TargetOffset(3)), Ok(()));
    assert_eq!(map.extend_last_to(TargetOffset(4)), refused(3, 4));
    let run = Run::new(SourceOffset(9), TargetOffset(3), 2);
    map.append(run).unwrap();
    assert_eq!(map.extend_last_to(TargetOffset(9)), Ok(()));
    assert_eq!(map.last(), Some(&Run { length: 6, ..run }));
    assert_eq!(map.source_end(), SourceOffset(15));
    assert_eq!(map.extend_last_to(TargetOffset(8)), refused(9, 8));
}

#[test]
fn plans_count_records_not_offsets() {
    let mut rig = Rig::new();
    rig.apply(&Step::Append(1, 0, 3, 700));
    let between = |from, to| rig.map.count_between(from, to, &rig.shelf).unwrap();
    let count = |from, to| between(SourceOffset(from), SourceOffset(to));
    assert_eq!(count(ORIGIN + 1, ORIGIN + 1 + 4 * 100), 300);
    assert_eq!(count(ORIGIN + 4, ORIGIN + 5), 0);
    assert_eq!(count(ORIGIN + 5, ORIGIN + 1), -3);
    assert_eq!(count(0, 1 << 40), 2100);
}

/// A topic of short transactions: each is a few records and a marker, so each is a run (H12).
#[test]
fn ten_million_runs_are_small() {
    const RUNS: i64 = 10_000_000;
    let mut map = RunMap::empty(SourceOffset::ZERO, TargetOffset::ZERO);
    let (mut source, mut target, mut stored, mut most_in_memory) = (0, 0, 0_i64, 0);
    for index in 0..RUNS {
        let length = 1 + index * 37 % 200;
        let run = Run::new(SourceOffset(source), TargetOffset(target), length);
        map.append(run).unwrap();
        source += length + 1 + i64::from(index % 50 == 0) * 1000;
        target += length;
        if index % 1024 == 1023 || index == RUNS - 1 {
            let changes = map.take_changes();
            for block in &changes.blocks {
                let BlockChange::Put { bytes, .. } = block else {
                    panic!("{block:?}")
                };
                stored += i64::try_from(bytes.len()).unwrap();
            }
            most_in_memory = most_in_memory.max(map.runs_in_memory());
            map.stored(changes.receipt);
            assert!(map.runs_in_memory() <= BLOCK_RUNS);
        }
    }
    assert_eq!(map.run_count(), RUNS.unsigned_abs());
    assert!(most_in_memory <= 1024 + BLOCK_RUNS, "{most_in_memory}");
    assert!(stored < 6 * RUNS, "{stored} bytes");
}
