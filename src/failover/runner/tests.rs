use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::*;
use crate::checkpoint::MemoryStore;
use crate::control::groups::commit::SourceCommit;
use crate::control::groups::cut::Snapshot;
use crate::control::groups::fake::{FakeMirror, FakeSite, partition};
use crate::control::groups::ledger::Ledger;
use crate::error::Kind as ErrorKind;
use crate::failover::plan::BlockerCode;
use crate::failover::states::{Ends, PhaseName};
use crate::model::{GroupId, PartitionState, SourceOffset, TargetOffset};

/// A link whose group `g` committed 50 on the source, which has 100 records, all mirrored five offsets lower.
struct Bench {
    source: Arc<FakeSite>,
    target: Arc<FakeSite>,
    mirror: Arc<FakeMirror>,
    store: Arc<dyn Store>,
    ledger: Arc<Ledger>,
    runner: Runner,
}

impl Bench {
    async fn new() -> Self {
        let source = Arc::new(FakeSite::default());
        source.set(|inner| inner.ends.insert(partition(), 100));
        source.put("g", 50);
        let target = Arc::new(FakeSite::default());
        let mirror = Arc::new(FakeMirror::at(100));
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let bench = Self::over(source, target, mirror, store);
        bench.snapshot(50, 100).await;
        bench
    }

    fn over(
        source: Arc<FakeSite>,
        target: Arc<FakeSite>,
        mirror: Arc<FakeMirror>,
        store: Arc<dyn Store>,
    ) -> Self {
        let ledger = Arc::new(Ledger::new(Arc::clone(&store), "link".into()));
        let sites = Sites {
            link: "link".into(),
            source: Arc::<FakeSite>::clone(&source),
            target: Arc::<FakeSite>::clone(&target),
            mirrored: Arc::<FakeMirror>::clone(&mirror),
            ledger: Arc::clone(&ledger),
            groups: GroupFilter::new(&["g.*"], &[] as &[&str]).unwrap(),
        };
        let runner = Runner::new(Arc::clone(&store), [sites]);
        Self {
            source,
            target,
            mirror,
            store,
            ledger,
            runner,
        }
    }

    /// The same clusters and checkpoint DB under a new process.
    fn restarted(self) -> Self {
        Self::over(self.source, self.target, self.mirror, self.store)
    }

    /// What group sync last saw on the source.
    async fn snapshot(&self, committed: i64, end: i64) {
        let commit = SourceCommit {
            offset: SourceOffset(committed),
            metadata: Some("text".into()),
        };
        let snapshot = Snapshot {
            taken_at_ms: 1,
            groups: BTreeMap::from([("g".into(), BTreeMap::from([(partition(), commit)]))]),
            ends: BTreeMap::from([(partition(), SourceOffset(end))]),
        };
        self.ledger.save_snapshot(&snapshot).await.unwrap();
    }

    async fn plan(&self, kind: Kind) -> Plan {
        let request = Request {
            kind,
            link: "link".into(),
            groups: None,
            topics: BTreeSet::new(),
        };
        self.runner.plan(&request).await.unwrap()
    }

    async fn start(&self, plan: &Plan) -> Result<Operation, NotStarted> {
        self.runner.start(&plan.id, &plan.hash).await
    }

    /// Executes until the operation has ended.
    async fn finish(&self, id: &str) -> Operation {
        let token = CancellationToken::new();
        let ended = async {
            loop {
                let operation = self.runner.operation(id).unwrap().unwrap();
                if operation.phase.is_last() {
                    token.cancel();
                    return operation;
                }
                sleep(Duration::from_millis(50)).await;
            }
        };
        let (ran, operation) = tokio::join!(self.runner.run(token.clone()), ended);
        ran.unwrap();
        operation
    }

    async fn execute(&self, kind: Kind) -> Operation {
        let plan = self.plan(kind).await;
        self.start(&plan).await.unwrap();
        self.finish(&plan.id).await
    }

    fn frozen_by(&self) -> Option<String> {
        self.ledger.account(&"g".into()).unwrap().frozen_by
    }
}

fn stopped(operation: &Operation) -> (PhaseName, BlockerCode) {
    let Phase::Stopped { at, blockers, .. } = &operation.phase else {
        panic!("not stopped: {:?}", operation.phase);
    };
    (*at, blockers[0].code)
}

#[tokio::test(start_paused = true)]
async fn a_failover_works_without_the_source_and_after_a_restart() {
    let mut bench = Bench::new().await;
    bench.snapshot(50, 130).await;
    bench.source.set(|inner| inner.gone = true);
    bench = bench.restarted();
    let plan = bench.plan(Kind::Failover).await;
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
            let plan = bench.plan(Kind::Failover).await;
            let moves = Moves::from(plan.groups.clone());
            let phase = match name {
                PhaseName::Freezing => Phase::Freezing { moves },
                PhaseName::Checking => Phase::Checking { moves },
                PhaseName::Committing => Phase::Committing { moves },
                _ => Phase::Verifying { moves },
            };
            if committed_already || name == PhaseName::Verifying {
                bench.target.put("g", 45);
            }
            let mut operation = begin(plan, Timestamp::now());
            operation.phase = phase;
            save_operation(bench.store.as_ref(), &operation)
                .await
                .unwrap();
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
    let plan = bench.plan(Kind::Failover).await;
    let mut operation = begin(plan.clone(), Timestamp::now());
    operation.phase = Phase::Committing {
        moves: Moves::from(plan.groups),
    };
    save_operation(bench.store.as_ref(), &operation)
        .await
        .unwrap();
    bench.target.put("g", 45);
    bench.target.set(|inner| inner.active.insert("g".into()));
    let ended = bench.restarted().finish(&operation.id).await;
    assert_eq!(ended.phase.name(), PhaseName::Done);
}

#[tokio::test(start_paused = true)]
async fn a_plan_with_blockers_is_refused_at_the_start_too() {
    let bench = Bench::new().await;
    let fine = bench.plan(Kind::Failover).await;
    bench.target.set(|inner| inner.active.insert("g".into()));
    let blocked = bench.plan(Kind::Failover).await;
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
async fn a_plan_is_stale_if_unknown_changed_or_expired() {
    let bench = Bench::new().await;
    assert!(matches!(
        bench.runner.start("no", "hash").await,
        Err(NotStarted::UnknownPlan)
    ));
    let mut plan = bench.plan(Kind::Failover).await;
    let other = bench.runner.start(&plan.id, "other hash").await;
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
    bench.plan(Kind::Failover).await;
    assert!(
        bench.runner.find_plan(&plan.id).unwrap().is_none(),
        "removed as old"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_executed_once_and_a_link_runs_one_operation() {
    let bench = Bench::new().await;
    let first = bench.plan(Kind::Switchover).await;
    let second = bench.plan(Kind::Failover).await;
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
async fn members_or_progress_that_appear_after_the_start_stop_it_and_give_the_group_back() {
    let bench = Bench::new().await;
    let plan = bench.plan(Kind::Failover).await;
    bench.start(&plan).await.unwrap();
    bench.target.set(|inner| inner.active.insert("g".into()));
    let operation = bench.finish(&plan.id).await;
    assert_eq!(
        stopped(&operation),
        (PhaseName::Thawing, BlockerCode::GroupActive)
    );
    assert_eq!((bench.target.offset("g"), bench.frozen_by()), (None, None));

    let bench = Bench::new().await;
    let plan = bench.plan(Kind::Failover).await;
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
    bench.target.set(|inner| inner.commits_forgotten = true);
    let operation = bench.execute(Kind::Failover).await;
    assert_eq!(
        stopped(&operation),
        (PhaseName::Verifying, BlockerCode::ReadBackDiffers)
    );
    assert!(bench.frozen_by().is_some());

    bench.target.set(|inner| inner.commits_forgotten = false);
    let bench = bench.restarted();
    assert_eq!(
        bench.execute(Kind::Failover).await.phase.name(),
        PhaseName::Done
    );
    assert_eq!(bench.target.offset("g"), Some(45));
}

#[tokio::test(start_paused = true)]
async fn a_target_that_comes_back_in_time_only_delays_it_and_one_that_does_not_stops_it() {
    for (away_s, expected) in [(30, PhaseName::Done), (300, PhaseName::Stopped)] {
        let bench = Bench::new().await;
        let plan = bench.plan(Kind::Failover).await;
        bench.start(&plan).await.unwrap();
        bench.target.set(|inner| inner.gone = true);
        let returns = async {
            sleep(Duration::from_secs(away_s)).await;
            bench.target.set(|inner| inner.gone = false);
        };
        let (operation, ()) = tokio::join!(bench.finish(&plan.id), returns);
        assert_eq!(operation.phase.name(), expected);
        assert_eq!(bench.frozen_by().is_some(), expected == PhaseName::Done);
    }
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
    let plan = bench.plan(Kind::Switchover).await;
    bench.start(&plan).await.unwrap();
    let waits = async {
        let still_waiting = |what: &'static str| {
            let runner = &bench.runner;
            let id = plan.id.clone();
            async move {
                sleep(Duration::from_secs(5)).await;
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
    let plan = bench.plan(Kind::Switchover).await;
    let mut operation = begin(plan, Timestamp::now());
    operation.phase = Phase::Draining {
        deadline_ms: 0,
        rested: Some(Ends::default()),
        waits_for: vec![],
    };
    save_operation(bench.store.as_ref(), &operation)
        .await
        .unwrap();
    let ended = bench.finish(&operation.id).await;
    assert_eq!(
        stopped(&ended),
        (PhaseName::Draining, BlockerCode::NotDrained)
    );
    assert_eq!((bench.target.offset("g"), bench.frozen_by()), (None, None));
}

#[tokio::test(start_paused = true)]
async fn a_switchover_without_a_source_is_blocked_and_a_diverged_partition_blocks_both() {
    let bench = Bench::new().await;
    bench
        .mirror
        .set(|mirrored| mirrored.state = PartitionState::Diverged);
    for kind in [Kind::Switchover, Kind::Failover] {
        let plan = bench.plan(kind).await;
        assert_eq!(plan.blockers[0].code, BlockerCode::PartitionDiverged);
    }
    bench.source.set(|inner| inner.gone = true);
    let plan = bench.plan(Kind::Switchover).await;
    assert_eq!(plan.blockers[0].code, BlockerCode::SourceUnreachable);
}

#[tokio::test(start_paused = true)]
async fn a_request_names_its_link_and_groups() {
    let bench = Bench::new().await;
    let request = |link: &str, groups: &str| Request {
        kind: Kind::Failover,
        link: link.into(),
        groups: Some(vec![groups.to_owned()]),
        topics: BTreeSet::from(["nowhere".into()]),
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
    let plan = bench.plan(Kind::Failover).await;
    bench.start(&plan).await.unwrap();
    let mut changes = bench.runner.watch(&plan.id).unwrap();
    let last = async {
        while changes.changed().await.is_ok() {}
        let last = Arc::clone(&changes.borrow());
        last
    };
    let (ended, last) = tokio::join!(bench.finish(&plan.id), last);
    assert_eq!(*last, ended);
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
