//! Groups that were moved before.

use super::*;

async fn named(bench: &Bench, groups: &[&str], exclude: &[&str]) -> Plan {
    let owned = |names: &[&str]| names.iter().map(|&it| it.to_owned()).collect();
    let request = MoveRequest {
        kind: MoveKind::Failover,
        link: "link".into(),
        groups: Some(owned(groups)),
        groups_exclude: owned(exclude),
        topics: BTreeSet::new(),
        allow_loss: None,
    };
    bench.runner.plan(&request).await.unwrap()
}

fn codes(plan: &Plan) -> Vec<BlockerCode> {
    plan.blockers.iter().map(|it| it.code).collect()
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_moved_is_part_of_a_plan_only_if_it_is_named() {
    let bench = Bench::new().await;
    let first = bench.execute(MoveKind::Failover).await;
    let bench = bench.restarted();
    // Its consumers run on the target now, which would block a plan that it is part of.
    bench.target.set(|inner| inner.active.insert("g".into()));
    for plan in [
        bench.plan(MoveKind::Failover).await,
        named(&bench, &["g.*"], &[]).await,
    ] {
        assert_eq!(codes(&plan), [BlockerCode::NothingToMove]);
        assert_eq!((plan.groups.len(), plan.chosen.len()), (0, 0));
        let told = plan.warnings.iter().any(|it| it.contains(&first.id));
        assert!(told, "{:?}", plan.warnings);
    }
    assert_eq!(
        codes(&named(&bench, &["g"], &[]).await),
        [BlockerCode::GroupActive]
    );
    bench.target.set(|inner| inner.active.clear());
    let again = named(&bench, &["x.*", "g"], &[]).await;
    assert_eq!((codes(&again).len(), again.groups.len()), (0, 1));
    bench.start(&again).await.unwrap();
    let ended = bench.finish(&again.id).await;
    assert_eq!(ended.phase.name(), PhaseName::Done);
    assert_eq!(bench.frozen_by(), Some(again.id));
}

#[tokio::test(start_paused = true)]
async fn a_group_whose_move_stopped_in_the_middle_is_part_of_the_next_plan() {
    let bench = Bench::new().await;
    bench
        .target
        .set(|inner| inner.commits_are = Fate::Forgotten);
    let stopped = bench.execute(MoveKind::Failover).await;
    assert_eq!(stopped.phase.name(), PhaseName::Stopped);
    assert_eq!(bench.frozen_by(), Some(stopped.id));
    assert_eq!(bench.plan(MoveKind::Failover).await.groups.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn excluded_groups_are_no_part_of_a_plan() {
    let bench = Bench::new().await;
    let plan = named(&bench, &["g.*"], &["g"]).await;
    assert_eq!(codes(&plan), [BlockerCode::UnknownGroup]);
}

#[tokio::test(start_paused = true)]
async fn a_group_that_is_returned_belongs_to_group_sync_again() {
    let bench = Bench::new().await;
    let moved = bench.execute(MoveKind::Failover).await;
    let bench = bench.restarted();
    let every = GroupFilter::new(&[".*"], &[] as &[&str]).unwrap();
    let none = GroupFilter::new(&["x"], &[] as &[&str]).unwrap();
    let link = LinkName::from("link");
    let give_back = async |chosen| bench.runner.return_groups(&link, chosen, |_| {}).await;
    assert!(give_back(&none).await.unwrap().is_empty());
    assert!(bench.frozen_by().is_some());
    let returned = give_back(&every).await.unwrap();
    assert_eq!(returned, BTreeMap::from([("g".into(), moved.id)]));
    assert_eq!(bench.frozen_by(), None);
    let again = bench.plan(MoveKind::Failover).await;
    assert_eq!(again.groups.len(), 1);
    bench.start(&again).await.unwrap();
    let Err(NotStarted::Busy(by)) = give_back(&every).await else {
        panic!("an operation is under way");
    };
    assert_eq!(by, again.id);
}

#[tokio::test(start_paused = true)]
async fn operations_and_plans_are_listed_the_latest_first() {
    let bench = Bench::new().await;
    let first = bench.execute(MoveKind::Failover).await;
    let bench = bench.restarted();
    bench
        .source
        .set(|inner| inner.transactions.insert(partition()));
    let request = named(&bench, &["g"], &[]).await;
    let plans = bench.runner.plans().unwrap();
    assert_eq!((plans.len(), &plans[0].id), (1, &request.id));
    assert_eq!(plans[0].hash, request.hash);
    bench.start(&request).await.unwrap();
    assert_eq!(bench.runner.plans().unwrap(), []);
    let listed = bench.runner.operations().unwrap();
    let phases: Vec<_> = listed.iter().map(|it| (&it.id, it.phase)).collect();
    assert_eq!(
        phases,
        [
            (&request.id, PhaseName::Freezing),
            (&first.id, PhaseName::Done)
        ]
    );
    assert!(bench.runner.ended().unwrap().contains_key(&first.id));
}
