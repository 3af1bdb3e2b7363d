//! Operations belong to the owner of the link.

use super::*;

#[tokio::test(start_paused = true)]
async fn operations_end_with_the_ownership_and_are_taken_up_from_the_db_when_it_comes_back() {
    let bench = Bench::new().await;
    // Not at rest, so the switchover waits.
    bench
        .source
        .set(|inner| inner.transactions.insert(partition()));
    let plan = bench.plan(MoveKind::Switchover).await;
    bench.start(&plan).await.unwrap();
    let token = CancellationToken::new();
    let moving = async {
        let id = plan.id.as_str();
        let is_driven = async |wanted: bool| {
            while bench.runner.watch(id).is_some() != wanted {
                passes(Duration::from_millis(10)).await;
            }
        };
        is_driven(true).await;
        bench.ownership.end();
        is_driven(false).await;
        // The other owner advanced the operation.
        let mut operation = Arc::unwrap_or_clone(bench.runner.operation(id).unwrap().unwrap());
        operation.phase = Phase::Verifying {
            moves: Moves::clone(&plan.groups),
        };
        bench.target.put("g", 45);
        save_operation(bench.store.as_ref(), &operation)
            .await
            .unwrap();
        bench.ownership.begin(7);
        bench
            .ownership
            .extend(tokio::time::Instant::now() + Duration::from_secs(3_600));
        bench.ended(id, &token).await
    };
    let operation = bench.runs_until(&token, moving).await;
    assert_eq!(operation.phase.name(), PhaseName::Done);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_removed_has_no_moves_and_one_that_is_added_takes_its_own_up() {
    let bench = Bench::new().await;
    // Not at rest, so the switchover waits.
    bench
        .source
        .set(|inner| inner.transactions.insert(partition()));
    let plan = bench.plan(MoveKind::Switchover).await;
    bench.start(&plan).await.unwrap();
    let token = CancellationToken::new();
    let moving = async {
        let id = plan.id.as_str();
        while bench.runner.watch(id).is_none() {
            passes(Duration::from_millis(10)).await;
        }
        bench.remove_link();
        while bench.runner.watch(id).is_some() {
            passes(Duration::from_millis(10)).await;
        }
        let request = MoveRequest {
            kind: MoveKind::Failover,
            link: "link".into(),
            groups: None,
            groups_exclude: Vec::new(),
            topics: BTreeSet::new(),
            allow_loss: None,
        };
        let refused = bench.runner.plan(&request).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid);
        bench.source.set(|inner| inner.transactions.clear());
        let later = bench.runner.operation(id).unwrap().unwrap();
        assert!(!later.phase.is_last(), "nobody executes it");
        // A different ownership whose first term has the same number as the former one's.
        bench.add_link(Ownership::permanent());
        bench.ended(id, &token).await
    };
    let operation = bench.runs_until(&token, moving).await;
    assert_eq!(operation.phase.name(), PhaseName::Done);
}

#[tokio::test]
async fn nothing_is_started_for_a_link_that_another_process_owns() {
    let bench = Bench::new().await;
    let plan = bench.plan(MoveKind::Failover).await;
    bench.ownership.end();
    let NotStarted::Failed(error) = bench.start(&plan).await.unwrap_err() else {
        panic!("it isn't for the plan's sake");
    };
    assert_eq!(error.kind(), ErrorKind::Refused);
}
