//! Storing of plans and operations of any size, and reading of layout 1.

use super::*;
use crate::checkpoint::{Space, Update};
use crate::failover::operation::{read_operation, read_plan, renew_operations};
use crate::failover::plan::{Blocker, Move};
use crate::model::TopicPartition;

const OFFSETS: usize = 2_500;

fn moves(detail: Option<&str>) -> Moves {
    let moves = (0..OFFSETS).map(|number| Move {
        group: format!("g{}", number / 100).as_str().into(),
        partition: TopicPartition::new("t", i32::try_from(number % 100).unwrap()),
        source_offset: SourceOffset(10),
        target_offset: TargetOffset(7),
        stands_for: SourceOffset(if number % 3 == 0 { 9 } else { 10 }),
        exact: number % 3 != 0,
        detail: detail.map(str::to_owned),
        unreachable_records: i64::try_from(number % 2).unwrap(),
        at_most: number % 2 > 0,
        metadata: (number % 5 == 0).then(|| "text".to_owned()),
    });
    Moves::new(moves.collect())
}

fn blockers() -> Vec<Blocker> {
    let found =
        (0..OFFSETS).map(|number| Blocker::new(BlockerCode::ReadBackDiffers, number.to_string()));
    found.collect()
}

async fn large(bench: &Bench, kind: MoveKind) -> Plan {
    let plan = Plan {
        groups: moves(Some("why")),
        warnings: (0..OFFSETS).map(|it| it.to_string()).collect(),
        ..bench.plan(kind).await
    };
    save_plan(bench.store.as_ref(), &plan).await.unwrap();
    plan
}

/// Every phase of an operation over a plan.
fn phases(plan: &Plan) -> Vec<Phase> {
    let moves = || match plan.kind {
        MoveKind::Failover => Moves::clone(&plan.groups),
        MoveKind::Switchover => moves(None),
    };
    let at = PhaseName::Verifying;
    let ends = (0..2_500).map(|number| (TopicPartition::new("t", number), SourceOffset(5)));
    let draining = |rested| Phase::Draining {
        deadline_ms: 5,
        rested,
        waits_for: vec!["it".to_owned()],
    };
    vec![
        draining(None),
        draining(Some(Ends::default())),
        draining(Some(Ends(ends.collect()))),
        Phase::Fixing,
        Phase::Freezing { moves: moves() },
        Phase::Checking { moves: moves() },
        Phase::Committing { moves: moves() },
        Phase::Verifying { moves: moves() },
        Phase::Thawing {
            moves: moves(),
            blockers: blockers(),
        },
        Phase::Stopped {
            at,
            moves: moves(),
            blockers: blockers(),
        },
        Phase::Stopped {
            at,
            moves: Moves::default(),
            blockers: vec![],
        },
        Phase::Done { moves: moves() },
    ]
}

fn entries(store: &dyn Store, space: Space) -> BTreeMap<Vec<u8>, Vec<u8>> {
    store
        .scan(space, &[], usize::MAX)
        .unwrap()
        .into_iter()
        .collect()
}

#[tokio::test]
async fn every_phase_comes_back_and_the_moves_are_written_once() {
    for kind in [MoveKind::Switchover, MoveKind::Failover] {
        let bench = Bench::new().await;
        let store = bench.store.as_ref();
        let plan = large(&bench, kind).await;
        assert_eq!(read_plan(store, &plan.id).unwrap(), Some(plan.clone()));
        let mut operation = begin(plan.clone(), Timestamp::now());
        let mut lists_before = BTreeMap::new();
        for phase in phases(&plan) {
            operation.phase = phase;
            save_operation(store, &operation).await.unwrap();
            let read = read_operation(store, &operation.id).unwrap().unwrap();
            assert!(read == operation, "{}", operation.phase.name());
            let stored = entries(store, Space::Operations);
            assert!(stored.values().all(|value| value.len() < 300_000));
            let of_moves: BTreeMap<_, _> = stored
                .into_iter()
                .filter(|(_, value)| value.windows(7).any(|it| it == br#""s":10,"#))
                .collect();
            if matches!(
                operation.phase,
                Phase::Checking { .. } | Phase::Committing { .. } | Phase::Verifying { .. }
            ) {
                assert!(
                    of_moves == lists_before,
                    "written again in {}",
                    operation.phase.name()
                );
            }
            let lists = if kind == MoveKind::Failover || operation.phase.moves().is_none() {
                1
            } else {
                2
            };
            if operation
                .phase
                .moves()
                .is_none_or(|moves| !moves.is_empty())
            {
                assert_eq!(of_moves.len(), lists * 3, "{}", operation.phase.name());
            }
            lists_before = of_moves;
        }
        assert!(
            entries(store, Space::Plans).is_empty(),
            "the plan is the operation's now"
        );
        assert_eq!(read_plan(store, &plan.id).unwrap(), Some(plan));
    }
}

/// One unfinished and one finished operation, and a plan, in layout 1.
async fn first_layout(bench: &Bench) -> (Operation, Operation, Plan) {
    let plan = bench.plan(MoveKind::Failover).await;
    let moves_of = |plan: &Plan| Moves::clone(&plan.groups);
    let unfinished = Operation {
        phase: Phase::Committing {
            moves: moves_of(&plan),
        },
        ..begin(plan.clone(), Timestamp::now())
    };
    let executed = Plan {
        id: "20250101T000000Z-00000000".to_owned(),
        groups: moves(None),
        ..plan.clone()
    };
    let done = Operation {
        phase: Phase::Done {
            moves: moves(Some("why")),
        },
        ..begin(executed.clone(), Timestamp::now())
    };
    let planned = Plan {
        id: "20260101T000000Z-00000000".to_owned(),
        ..plan.clone()
    };
    let store = bench.store.as_ref();
    let mut update = Update::new();
    for (key, _) in store.scan(Space::Plans, &[], usize::MAX).unwrap() {
        update.delete(Space::Plans, key);
    }
    for operation in [&unfinished, &done] {
        let value = serde_json::to_vec(operation).unwrap();
        update.put(Space::Operations, &operation.id, value);
    }
    for plan in [&plan, &executed, &planned] {
        update.put(Space::Plans, &plan.id, serde_json::to_vec(plan).unwrap());
    }
    store.commit(update).await.unwrap();
    (unfinished, done, planned)
}

#[tokio::test(start_paused = true)]
async fn plans_and_operations_of_the_first_layout_are_executed_and_renewed() {
    let bench = Bench::new().await;
    let store = bench.store.as_ref();
    let (unfinished, done, planned) = first_layout(&bench).await;
    let is_stored = |space: Space, id: &str| store.get(space, id.as_bytes()).unwrap().is_some();
    let read = read_operation(store, &done.id).unwrap();
    assert_eq!(read.as_ref(), Some(&done));
    let plan = read_plan(store, &unfinished.id).unwrap();
    assert_eq!(plan.as_ref(), Some(&*unfinished.plan));
    let NotStarted::Busy(by) = bench.start(&planned).await.unwrap_err() else {
        panic!("one is unfinished");
    };
    assert_eq!(by, unfinished.id);

    let ended = bench.finish(&unfinished.id).await;
    assert_eq!(ended.phase.name(), PhaseName::Done);
    assert!(!is_stored(Space::Operations, &unfinished.id));
    assert!(!is_stored(Space::Plans, &unfinished.id));
    let shown = bench.runner.operation(&unfinished.id).unwrap();
    assert_eq!(shown.as_deref(), Some(&ended));

    let mut renewed = Update::new();
    renew_operations(&mut renewed, store, &"link".into()).unwrap();
    store.commit(renewed).await.unwrap();
    assert!(!is_stored(Space::Operations, &done.id));
    assert_eq!(read_operation(store, &done.id).unwrap(), Some(done));
    let mut nothing = Update::new();
    renew_operations(&mut nothing, store, &"link".into()).unwrap();
    assert!(nothing.is_empty());
}
