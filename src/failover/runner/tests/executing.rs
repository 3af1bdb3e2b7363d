//! What an operation does, and what it does when something goes wrong.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_failover_works_without_the_source_and_after_a_restart() {
    let mut bench = Bench::new().await;
    bench.snapshot(50, 130).await;
    bench.source.set(|inner| inner.gone = true);
    bench = bench.restarted();
    let plan = bench.plan(MoveKind::Failover).await;
    assert_eq!((plan.blockers.len(), plan.groups.len()), (0, 1));
    let planned = &plan.groups[0];
    assert_eq!(
        (planned.target_offset, planned.exact),
        (TargetOffset(45), true)
    );
    assert_eq!(planned.unreachable_records, 30);

    bench = bench.restarted();
    bench.start(&plan).await.unwrap();
    let operation = bench.finish(&plan.id).await;
    assert_eq!(operation.phase.name(), PhaseName::Done);
    assert_eq!(bench.target.offset("g"), Some(45));
    assert_eq!(bench.frozen_by(), Some(plan.id));
}

#[tokio::test(start_paused = true)]
async fn an_operation_killed_in_any_phase_goes_on_where_it_was() {
    for committed_already in [false, true] {
        for name in [
            PhaseName::Freezing,
            PhaseName::Checking,
            PhaseName::Committing,
            PhaseName::Verifying,
        ] {
            let bench = Bench::new().await;
            let plan = bench.plan(MoveKind::Failover).await;
            let moves = Moves::clone(&plan.groups);
            let phase = match name {
                PhaseName::Freezing => Phase::Freezing { moves },
                PhaseName::Checking => Phase::Checking { moves },
                PhaseName::Committing => Phase::Committing { moves },
                _ => Phase::Verifying { moves },
            };
            if committed_already || name == PhaseName::Verifying {
                bench.target.put("g", 45);
            }
            let operation = bench.left(plan, phase).await;
            let bench = bench.restarted();
            let ended = bench.finish(&operation.id).await;
            assert_eq!(ended.phase.name(), PhaseName::Done, "{name}");
            assert_eq!(bench.target.offset("g"), Some(45), "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_move_killed_after_its_commit_ends_well_though_the_consumers_run_already() {
    let bench = Bench::new().await;
    let plan = bench.plan(MoveKind::Failover).await;
    let moves = Moves::clone(&plan.groups);
    let operation = bench.left(plan, Phase::Committing { moves }).await;
    bench.target.put("g", 45);
    bench.target.set(|inner| inner.active.insert("g".into()));
    let ended = bench.restarted().finish(&operation.id).await;
    assert_eq!(ended.phase.name(), PhaseName::Done);
}

#[tokio::test(start_paused = true)]
async fn members_or_progress_that_appear_after_the_start_stop_it_and_give_the_group_back() {
    let bench = Bench::new().await;
    let plan = bench.plan(MoveKind::Failover).await;
    bench.start(&plan).await.unwrap();
    bench.target.set(|inner| inner.active.insert("g".into()));
    let operation = bench.finish(&plan.id).await;
    assert_eq!(
        stopped(&operation),
        (PhaseName::Thawing, BlockerCode::GroupActive)
    );
    assert_eq!((bench.target.offset("g"), bench.frozen_by()), (None, None));

    let bench = Bench::new().await;
    let plan = bench.plan(MoveKind::Failover).await;
    bench.start(&plan).await.unwrap();
    bench.target.put("g", 47);
    let operation = bench.finish(&plan.id).await;
    assert_eq!(
        stopped(&operation),
        (PhaseName::Thawing, BlockerCode::ProgressOnTarget)
    );
    assert_eq!(
        (bench.target.offset("g"), bench.frozen_by()),
        (Some(47), None)
    );
}

#[tokio::test(start_paused = true)]
async fn offsets_that_are_not_there_when_read_back_stop_it() {
    let bench = Bench::new().await;
    bench
        .target
        .set(|inner| inner.commits_are = Fate::Forgotten);
    let operation = bench.execute(MoveKind::Failover).await;
    assert_eq!(
        stopped(&operation),
        (PhaseName::Verifying, BlockerCode::ReadBackDiffers)
    );
    assert!(bench.frozen_by().is_some());

    bench.target.set(|inner| inner.commits_are = Fate::Done);
    let bench = bench.restarted();
    assert_eq!(
        bench.execute(MoveKind::Failover).await.phase.name(),
        PhaseName::Done
    );
    assert_eq!(bench.target.offset("g"), Some(45));
}

#[tokio::test(start_paused = true)]
async fn what_is_read_back_has_to_be_what_was_committed() {
    let bench = Bench::new().await;
    bench.target.set(|inner| inner.commits_are = Fate::Replaced);
    let operation = bench.execute(MoveKind::Failover).await;
    assert_eq!(
        stopped(&operation),
        (PhaseName::Verifying, BlockerCode::ReadBackDiffers)
    );
    assert_eq!(bench.target.offset("g"), Some(46));
    assert!(bench.frozen_by().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_target_that_comes_back_in_time_only_delays_it_and_one_that_does_not_stops_it() {
    for (away_s, expected) in [(30, PhaseName::Done), (300, PhaseName::Stopped)] {
        let bench = Bench::new().await;
        let plan = bench.plan(MoveKind::Failover).await;
        bench.start(&plan).await.unwrap();
        bench.target.set(|inner| inner.gone = true);
        let returns = async {
            passes(Duration::from_secs(away_s)).await;
            bench.target.set(|inner| inner.gone = false);
        };
        let (operation, ()) = tokio::join!(bench.finish(&plan.id), returns);
        assert_eq!(operation.phase.name(), expected);
        assert_eq!(bench.frozen_by().is_some(), expected == PhaseName::Done);
    }
}

#[tokio::test(start_paused = true)]
async fn looks_that_fail_now_and_then_end_no_draining_however_long_it_takes() {
    let bench = Bench::new().await;
    bench.mirror.advance(90);
    let plan = bench.plan(MoveKind::Switchover).await;
    bench.start(&plan).await.unwrap();
    let outages = async {
        for _ in 0..3 {
            passes(Duration::from_secs(60)).await;
            bench.source.set(|inner| inner.gone = true);
            passes(Duration::from_secs(90)).await;
            bench.source.set(|inner| inner.gone = false);
        }
        bench.mirror.advance(100);
    };
    let (operation, ()) = tokio::join!(bench.finish(&plan.id), outages);
    assert_eq!(operation.phase.name(), PhaseName::Done);
}

#[tokio::test(start_paused = true)]
async fn h15_a_switchover_waits_for_all_of_rest_and_takes_the_final_offsets() {
    let bench = Bench::new().await;
    bench.source.set(|inner| {
        inner.active.insert("g".into());
        inner.transactions.insert(partition());
        inner.stable.insert(partition(), 99);
    });
    bench.mirror.advance(90);
    let plan = bench.plan(MoveKind::Switchover).await;
    bench.start(&plan).await.unwrap();
    let waits = async {
        let still_waiting = |what: &'static str| {
            let runner = &bench.runner;
            let id = plan.id.clone();
            async move {
                passes(Duration::from_secs(5)).await;
                let operation = runner.operation(&id).unwrap().unwrap();
                let Phase::Draining { waits_for, .. } = &operation.phase else {
                    panic!("drained too early: {:?}", operation.phase);
                };
                assert!(waits_for.iter().any(|w| w.contains(what)), "{waits_for:?}");
            }
        };
        still_waiting("members").await;
        bench.source.put("g", 100);
        bench.source.set(|inner| inner.active.clear());
        still_waiting("last stable offset").await;
        bench.source.set(|inner| inner.stable.clear());
        still_waiting("open transaction").await;
        bench.source.set(|inner| inner.transactions.clear());
        still_waiting("mirrored up to 90 of 100").await;
        bench.mirror.advance(100);
    };
    let (operation, ()) = tokio::join!(bench.finish(&plan.id), waits);
    let Phase::Done { moves } = &operation.phase else {
        panic!("not done: {:?}", operation.phase);
    };
    assert_eq!(
        (moves[0].source_offset, moves[0].exact),
        (SourceOffset(100), true)
    );
    assert_eq!(bench.target.offset("g"), Some(95));
}

#[tokio::test(start_paused = true)]
async fn a_switchover_that_does_not_drain_in_time_stops_without_a_change() {
    let bench = Bench::new().await;
    bench.mirror.advance(90);
    let plan = bench.plan(MoveKind::Switchover).await;
    let late = Phase::Draining {
        deadline_ms: 0,
        rested: Some(Ends::default()),
        waits_for: vec![],
    };
    let operation = bench.left(plan, late).await;
    let ended = bench.finish(&operation.id).await;
    assert_eq!(
        stopped(&ended),
        (PhaseName::Draining, BlockerCode::NotDrained)
    );
    assert_eq!((bench.target.offset("g"), bench.frozen_by()), (None, None));
}
