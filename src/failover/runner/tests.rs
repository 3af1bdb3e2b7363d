use std::time::Duration;

use tokio::time::timeout;

mod cancelling;
mod executing;
mod moved;
mod owning;
mod starting;
mod storing;

use super::*;
use crate::checkpoint::MemoryStore;
use crate::control::groups::commit::SourceCommit;
use crate::control::groups::committed::Ledger;
use crate::control::groups::cut::Snapshot;
use crate::control::testing::{FakeMirror, FakeSite, Fate, partition};
use crate::error::Kind as ErrorKind;
use crate::failover::operation::save_operation;
use crate::failover::plan::BlockerCode;
use crate::failover::states::{Ends, PhaseName};
use crate::model::{GroupId, PartitionState, SourceOffset, TargetOffset};
use crate::task::Ownership;
use crate::task::testing::passes;

/// A link whose group `g` committed 50 on the source, which has 100 records, all mirrored five offsets lower.
struct Bench {
    source: Arc<FakeSite>,
    target: Arc<FakeSite>,
    mirror: Arc<FakeMirror>,
    store: Arc<dyn Store>,
    ledger: Arc<Ledger>,
    ownership: Ownership,
    links: watch::Sender<BTreeMap<LinkName, Arc<Sites>>>,
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
        let ownership = Ownership::permanent();
        let links = watch::Sender::default();
        let runner = Runner::new(Arc::clone(&store), links.subscribe());
        let bench = Self {
            source,
            target,
            mirror,
            store,
            ledger,
            ownership,
            links,
            runner,
        };
        bench.add_link(bench.ownership.clone());
        bench
    }

    fn add_link(&self, ownership: Ownership) {
        let sites = Sites {
            link: "link".into(),
            source: Arc::<FakeSite>::clone(&self.source),
            target: Arc::<FakeSite>::clone(&self.target),
            mirrored: Arc::<FakeMirror>::clone(&self.mirror),
            ledger: Arc::clone(&self.ledger),
            groups: GroupFilter::new(&["g.*"], &[] as &[&str]).unwrap(),
            ownership,
        };
        self.links.send_modify(|links| {
            links.insert("link".into(), Arc::new(sites));
        });
    }

    fn remove_link(&self) {
        self.links.send_modify(BTreeMap::clear);
        self.ownership.end();
    }

    /// The same clusters and checkpoint DB in a new process.
    fn restarted(self) -> Self {
        Self::over(self.source, self.target, self.mirror, self.store)
    }

    /// Stores what group sync last saw on the source.
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

    async fn plan(&self, kind: MoveKind) -> Plan {
        let request = MoveRequest {
            kind,
            link: "link".into(),
            groups: None,
            groups_exclude: Vec::new(),
            topics: BTreeSet::new(),
            allow_loss: None,
        };
        self.runner.plan(&request).await.unwrap()
    }

    async fn start(&self, plan: &Plan) -> Result<Operation, NotStarted> {
        let started = self.runner.start(&plan.id, &plan.hash, |_, _| {}).await;
        started.map(Arc::unwrap_or_clone)
    }

    /// Runs the runner while `doing` is done, which cancels `token` in the end.
    async fn runs_until<T>(&self, token: &CancellationToken, doing: impl Future<Output = T>) -> T {
        let both = async { tokio::join!(self.runner.run(token.clone()), doing) };
        let (ran, done) = timeout(Duration::from_secs(3_600), both).await.unwrap();
        ran.unwrap();
        done
    }

    /// Waits until an operation has ended, stops the runner and returns the operation.
    async fn ended(&self, id: &str, token: &CancellationToken) -> Operation {
        loop {
            let operation = self.runner.operation(id).unwrap().unwrap();
            if operation.phase.is_last() {
                token.cancel();
                return Arc::unwrap_or_clone(operation);
            }
            passes(Duration::from_millis(10)).await;
        }
    }

    /// Executes until the operation has ended.
    async fn finish(&self, id: &str) -> Operation {
        let token = CancellationToken::new();
        self.runs_until(&token, self.ended(id, &token)).await
    }

    /// Stores an operation of a plan that another process left in a phase.
    async fn left(&self, plan: Plan, phase: Phase) -> Operation {
        let mut operation = begin(plan, Timestamp::now());
        operation.phase = phase;
        save_operation(self.store.as_ref(), &operation)
            .await
            .unwrap();
        operation
    }

    async fn execute(&self, kind: MoveKind) -> Operation {
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
