//! What may be started, and how a refusal is reported.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_plan_with_blockers_is_refused_at_the_start_too() {
    let bench = Bench::new().await;
    let fine = bench.plan(MoveKind::Failover).await;
    bench.target.set(|inner| inner.active.insert("g".into()));
    let blocked = bench.plan(MoveKind::Failover).await;
    assert_eq!(blocked.blockers[0].code, BlockerCode::GroupActive);
    for plan in [fine, blocked] {
        let Err(NotStarted::Blocked(blockers)) = bench.start(&plan).await else {
            panic!("not refused");
        };
        assert_eq!(blockers[0].code, BlockerCode::GroupActive);
        assert!(bench.runner.operation(&plan.id).unwrap().is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_the_source_does_not_show_is_not_left_behind() {
    let bench = Bench::new().await;
    bench.source.set(|inner| inner.hidden.insert("g".into()));
    let plan = bench.plan(MoveKind::Switchover).await;
    assert_eq!((plan.blockers.len(), plan.groups.len()), (0, 1));
    bench.source.set(|inner| inner.refused.insert("g".into()));
    let unread = bench.plan(MoveKind::Switchover).await;
    let first = unread.blockers.first().expect("something blocks");
    assert_eq!(first.code, BlockerCode::SourceUnreachable);
    assert!(first.message.contains("not permitted"), "{first}");
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_stale_if_unknown_changed_or_expired() {
    let bench = Bench::new().await;
    assert!(matches!(
        bench.runner.start("no", "hash", |_, _| {}).await,
        Err(NotStarted::UnknownPlan)
    ));
    let mut plan = bench.plan(MoveKind::Failover).await;
    let other = bench.runner.start(&plan.id, "other hash", |_, _| {}).await;
    assert!(matches!(other, Err(NotStarted::Stale(_))));

    bench.snapshot(60, 100).await;
    assert!(matches!(
        bench.start(&plan).await,
        Err(NotStarted::Stale(_))
    ));
    bench.snapshot(50, 100).await;

    plan.expires_at = Timestamp::UNIX_EPOCH;
    save_plan(bench.store.as_ref(), &plan).await.unwrap();
    assert!(matches!(
        bench.start(&plan).await,
        Err(NotStarted::Stale(_))
    ));
    let old = bench.runner.find_plan(&plan.id).unwrap();
    assert!(old.is_some());
    bench.plan(MoveKind::Failover).await;
    assert!(
        bench.runner.find_plan(&plan.id).unwrap().is_none(),
        "removed as old"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_executed_once_and_a_link_runs_one_operation() {
    let bench = Bench::new().await;
    let first = bench.plan(MoveKind::Switchover).await;
    let second = bench.plan(MoveKind::Failover).await;
    let started = bench.start(&first).await.unwrap();
    assert_eq!(bench.start(&first).await.unwrap(), started);
    let Err(NotStarted::Busy(by)) = bench.start(&second).await else {
        panic!("not busy");
    };
    assert_eq!(by, first.id);
    let ended = bench.finish(&first.id).await;
    assert_eq!(bench.start(&first).await.unwrap(), ended);
    assert_eq!(bench.target.set(|inner| inner.commits.len()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_switchover_without_a_source_is_blocked_and_a_diverged_partition_blocks_both() {
    let bench = Bench::new().await;
    bench
        .mirror
        .set(|mirrored| mirrored.state = PartitionState::Diverged);
    for kind in [MoveKind::Switchover, MoveKind::Failover] {
        let plan = bench.plan(kind).await;
        assert_eq!(plan.blockers[0].code, BlockerCode::PartitionDiverged);
    }
    bench.source.set(|inner| inner.gone = true);
    let plan = bench.plan(MoveKind::Switchover).await;
    assert_eq!(plan.blockers[0].code, BlockerCode::SourceUnreachable);
}

#[tokio::test(start_paused = true)]
async fn a_request_names_its_link_and_groups() {
    let bench = Bench::new().await;
    let request = |link: &str, groups: &str| MoveRequest {
        kind: MoveKind::Failover,
        link: link.into(),
        groups: Some(vec![groups.to_owned()]),
        groups_exclude: Vec::new(),
        topics: BTreeSet::from(["nowhere".into()]),
        allow_loss: None,
    };
    let unknown = bench.runner.plan(&request("other", "g")).await.unwrap_err();
    assert_eq!(unknown.kind(), ErrorKind::Invalid);
    let bad = bench.runner.plan(&request("link", "g(")).await.unwrap_err();
    assert_eq!(bad.kind(), ErrorKind::Invalid);
    let plan = bench.runner.plan(&request("link", "g")).await.unwrap();
    assert_eq!(
        (plan.chosen, plan.groups.len()),
        (vec![GroupId::from("g")], 1)
    );
    assert_eq!(plan.blockers[0].code, BlockerCode::UnknownTopic);
    let nobody = bench.runner.plan(&request("link", "x")).await.unwrap();
    assert_eq!(nobody.blockers[0].code, BlockerCode::UnknownGroup);
}

#[tokio::test(start_paused = true)]
async fn changes_can_be_watched_until_the_end() {
    let bench = Bench::new().await;
    let plan = bench.plan(MoveKind::Failover).await;
    bench.start(&plan).await.unwrap();
    let mut changes = bench.runner.watch(&plan.id).unwrap();
    let last = async {
        while changes.changed().await.is_ok() {}
        Operation::clone(&changes.borrow())
    };
    let (ended, last) = tokio::join!(bench.finish(&plan.id), last);
    assert_eq!(last, ended);
    assert!(bench.runner.watch(&plan.id).is_none());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_executed_twice_at_once() {
    let bench = Bench::new().await;
    let token = CancellationToken::new();
    let first = bench.runner.run(token.clone());
    let second = async {
        let refused = timeout(
            Duration::from_secs(1),
            bench.runner.run(CancellationToken::new()),
        );
        assert_eq!(
            refused.await.unwrap().unwrap_err().kind(),
            ErrorKind::Invalid
        );
        token.cancel();
    };
    let (ran, ()) = tokio::join!(first, second);
    ran.unwrap();
}
