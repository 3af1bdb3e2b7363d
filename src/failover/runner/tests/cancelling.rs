//! Calling an operation off.

use super::*;

/// Runs the runner and, at the same time, calls an operation off once it is in a phase.
async fn cancelled(
    bench: &Bench,
    id: &str,
    at: PhaseName,
) -> (Result<Arc<Operation>, NotCancelled>, Operation) {
    let token = CancellationToken::new();
    let ordered = async {
        while bench.runner.operation(id).unwrap().unwrap().phase.name() != at {
            passes(Duration::from_millis(10)).await;
        }
        // Into the middle of what the phase does.
        passes(Duration::from_millis(700)).await;
        let answer = bench.runner.cancel(id, "me").await;
        bench.target.set(|inner| inner.gone = false);
        (answer, bench.ended(id, &token).await)
    };
    bench.runs_until(&token, ordered).await
}

#[tokio::test(start_paused = true)]
async fn a_switchover_that_drains_is_called_off_and_leaves_no_trace() {
    let bench = Bench::new().await;
    bench
        .source
        .set(|inner| inner.transactions.insert(partition()));
    let plan = bench.plan(MoveKind::Switchover).await;
    bench.start(&plan).await.unwrap();
    let (answer, ended) = cancelled(&bench, &plan.id, PhaseName::Draining).await;
    assert_eq!(answer.unwrap().phase, ended.phase);
    assert_eq!(
        stopped(&ended),
        (PhaseName::Draining, BlockerCode::Cancelled)
    );
    assert_eq!(ended.phase.blockers()[0].message, "cancelled by me");
    assert_eq!((bench.target.offset("g"), bench.frozen_by()), (None, None));

    let again = bench.runner.cancel(&plan.id, "me").await;
    let Err(NotCancelled::TooLate(PhaseName::Stopped)) = again else {
        panic!("it has ended: {again:?}");
    };
    let unknown = bench.runner.cancel("no", "me").await;
    assert!(matches!(unknown, Err(NotCancelled::Unknown)));
    bench.source.set(|inner| inner.transactions.clear());
    let bench = bench.restarted();
    let next = bench.execute(MoveKind::Switchover).await;
    assert_eq!(next.phase.name(), PhaseName::Done, "the link is free again");
}

#[tokio::test(start_paused = true)]
async fn frozen_groups_are_given_back_when_their_move_is_called_off() {
    let bench = Bench::new().await;
    let plan = bench.plan(MoveKind::Failover).await;
    bench.start(&plan).await.unwrap();
    bench.target.set(|inner| inner.gone = true);
    let (answer, ended) = cancelled(&bench, &plan.id, PhaseName::Checking).await;
    answer.unwrap();
    assert_eq!(
        stopped(&ended),
        (PhaseName::Thawing, BlockerCode::Cancelled)
    );
    assert_eq!((bench.target.offset("g"), bench.frozen_by()), (None, None));
}

#[tokio::test(start_paused = true)]
async fn what_has_begun_to_commit_is_not_called_off() {
    let bench = Bench::new().await;
    let plan = bench.plan(MoveKind::Failover).await;
    let moves = Moves::clone(&plan.groups);
    bench.left(plan.clone(), Phase::Committing { moves }).await;
    let elsewhere = bench.runner.cancel(&plan.id, "me").await;
    assert!(
        matches!(elsewhere, Err(NotCancelled::Elsewhere)),
        "nobody executes it: {elsewhere:?}"
    );
    bench.target.set(|inner| inner.gone = true);
    let (answer, ended) = cancelled(&bench, &plan.id, PhaseName::Committing).await;
    let Err(NotCancelled::TooLate(PhaseName::Committing)) = answer else {
        panic!("past the point of no return: {answer:?}");
    };
    assert_eq!(ended.phase.name(), PhaseName::Done);
}
