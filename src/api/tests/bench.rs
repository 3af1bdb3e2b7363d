//! A service with one link behind a real listener; the clusters of moves and group sync are in memory.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;

use crate::api::slots::ConnectionLimits;
use crate::api::state::{Condition, Reach};
use crate::api::{Access, ApiState, ApiToken, Limits, LinkHandle, router, serve};
use crate::checkpoint::audit::AuditLog;
use crate::checkpoint::intents::{IntentKeeper, put_intents};
use crate::checkpoint::{LinkRecord, MemoryStore, Store, Update, records};
use crate::config::{ApiConfig, GroupFilter};
use crate::control::groups::committed::Ledger;
use crate::control::groups::status::Board;
use crate::control::groups::sync::GroupSync;
use crate::control::testing::acls::example;
use crate::control::testing::{FakeMirror, FakeSite, SHIFT, partition};
use crate::failover::runner::Runner;
use crate::failover::sites::Sites;
use crate::model::{
    HaltCode, IntentChange, LinkIdentity, LinkIntents, LinkName, Moment, Monotonic, PartitionState,
    Reason, Run, Secret, SourceOffset, TargetOffset, TopicPartition,
};
use crate::replicate::LinkView;
use crate::replicate::shared::source_ends::SourceEnds;
use crate::replicate::testing::open_transaction;
use crate::task::{InFlight, Owned, Ownership};
use crate::telemetry::LostLines;
use crate::telemetry::metrics::{
    ClusterSample, Exposition, GroupSample, LinkSample, PartitionSample, Samples, VerifiedSample,
};
use crate::verify::Verifications;

use super::client::{Answer, Ask, TOKEN};
use super::selection::selection;

/// The source's log end offset of the partition that is mirrored to its end.
pub(super) const END: i64 = 100;
/// Since when a transaction has been open in the other partition, in milliseconds since 1970.
const OPEN_SINCE: i64 = 1_794_692_400_000;

pub(super) struct Bench {
    pub(super) address: SocketAddr,
    pub(super) view: LinkView,
    pub(super) store: Arc<dyn Store>,
    pub(super) condition: watch::Sender<Condition>,
    pub(super) ownership: Ownership,
    pub(super) in_flight: InFlight,
    pub(super) source: Arc<FakeSite>,
    pub(super) target: Arc<FakeSite>,
    pub(super) runner: Arc<Runner>,
    pub(super) stop: CancellationToken,
    sync: Option<GroupSync>,
    pub(super) server: Owned,
    _owner: Owned,
}

/// Acts on intents as the owner of a link does: moves them into the entries and brings partitions to rest.
struct Owner {
    view: LinkView,
    store: Arc<dyn Store>,
    audit: Arc<AuditLog>,
    ownership: Ownership,
    pending: Arc<Mutex<()>>,
}

impl Owner {
    async fn obey(self) -> crate::error::Result<()> {
        let mut intents = self.view.intents();
        let keeper = IntentKeeper {
            store: &*self.store,
            link: self.view.link(),
            audit: &self.audit,
            pending: &self.pending,
        };
        loop {
            for status in self.view.partitions() {
                let writes = self.view.intent_of(&status.partition.topic).writes();
                let state = match status.state {
                    PartitionState::Live if !writes => PartitionState::Paused,
                    PartitionState::Paused if writes => PartitionState::Live,
                    state => state,
                };
                if state != status.state {
                    let tracked = self.view.track(&status.partition, &status.mirror_topic)?;
                    tracked.show(state, None);
                }
            }
            if self.ownership.is_held() {
                keeper.take_in().await?;
                self.view.reload_intents()?;
            }
            if intents.changed().await.is_err() {
                return Ok(());
            }
        }
    }
}

const PLENTY: ConnectionLimits = ConnectionLimits {
    total: 64,
    per_client: 64,
    health: 1,
    health_per_client: 1,
};

/// Limits that no test reaches by accident.
pub(super) fn wide() -> Limits {
    Limits {
        max_body: 4096,
        reads_per_second: 100_000,
        changes_per_second: 100_000,
        timeout: Duration::from_secs(20),
        patience: Duration::ZERO,
        places: PLENTY,
        header_timeout: Duration::from_secs(20),
        connection_age: Duration::from_secs(60),
    }
}

/// Rules by which nothing is open but health.
pub(super) fn access() -> Access {
    let config = ApiConfig {
        hosts: vec!["farshore".to_owned()],
        ..ApiConfig::default()
    };
    Access::new(&config, ApiToken::new(Secret::new(TOKEN)).unwrap())
}

/// Serves on a free port until `stop` is cancelled.
async fn served(state: ApiState, limits: Limits, stop: &CancellationToken) -> (SocketAddr, Owned) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = router(Arc::new(state), access(), &limits);
    let serving = serve(listener, router, limits, stop.clone());
    let server = Owned::spawn("api", async {
        serving.await;
        Ok(())
    });
    (address, server)
}

impl Bench {
    pub(super) async fn start() -> Self {
        Self::with(wide()).await
    }

    pub(super) async fn with(limits: Limits) -> Self {
        let link = LinkName::new("paris-oslo");
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        save_link(&*store, &link).await;
        let view = view(&link, &store);
        let (source, target) = <(Arc<FakeSite>, Arc<FakeSite>)>::default();
        source.set(|inner| inner.ends.insert(partition(), END));
        source.put("billing", 50);
        let sites = sites(&link, [&source, &target], &store);
        let board = Arc::new(Board::default());
        let sync = sync(&sites, &board);
        let runner = Arc::new(Runner::new(
            Arc::clone(&store),
            watch::Sender::new([(link.clone(), Arc::new(sites))].into()).subscribe(),
        ));
        let (condition, seen) = watch::channel(Condition {
            source: Reach::Reached,
            target: Reach::Reached,
            ..Condition::default()
        });
        let (ownership, in_flight) = (Ownership::permanent(), InFlight::default());
        let pending = Arc::default();
        let handle = LinkHandle {
            source: "paris".into(),
            target: "oslo".into(),
            view: view.clone(),
            condition: seen,
            groups: board,
            acls: example(),
            selection: selection(),
            verifications: Arc::new(Verifications::load(&view, &store).unwrap()),
            ownership: ownership.clone(),
            in_flight: in_flight.clone(),
            pending_intents: Arc::clone(&pending),
        };
        let audit = Arc::new(AuditLog::open(Arc::clone(&store)).unwrap());
        let owner = Owner {
            view: view.clone(),
            store: Arc::clone(&store),
            audit: Arc::clone(&audit),
            ownership: ownership.clone(),
            pending,
        };
        let state = ApiState {
            links: watch::Sender::new([(link, Arc::new(handle))].into()).subscribe(),
            moves: Arc::clone(&runner),
            audit,
            store: Arc::clone(&store),
            exposition: Exposition::new(Arc::new(Nothing), LostLines::default()),
        };
        let stop = CancellationToken::new();
        let (address, server) = served(state, limits, &stop).await;
        Self {
            address,
            view,
            store,
            condition,
            ownership,
            in_flight,
            source,
            target,
            runner,
            stop,
            sync: Some(sync),
            server,
            _owner: Owned::spawn("owner", owner.obey()),
        }
    }

    /// Runs group sync until it has carried the groups over.
    pub(super) async fn sync_groups(&mut self) {
        let sync = self.sync.take().unwrap();
        let board = Arc::clone(&sync.board);
        let token = CancellationToken::new();
        let _task = Owned::spawn("group sync", sync.run(token));
        while board.groups().is_empty() {
            tokio::task::yield_now().await;
        }
    }

    /// Pauses the link with the state that a restart after a pause would find.
    pub(super) async fn pause(&self) {
        let change = IntentChange::Pause;
        let made = LinkIntents::default().change(None, change, "test", 1);
        let mut update = Update::new();
        put_intents(&mut update, self.view.link(), &made.unwrap());
        self.store.commit(update).await.unwrap();
        self.view.reload_intents().unwrap();
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        Ask::new("GET", path).of(self.address).await
    }

    pub(super) async fn post(&self, path: &str, body: &str) -> Answer {
        Ask::new("POST", path).json(body).of(self.address).await
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

async fn save_link(store: &dyn Store, link: &LinkName) {
    let identity = LinkIdentity {
        link: link.clone(),
        source_cluster_id: "p".to_owned(),
        target_cluster_id: "o".to_owned(),
    };
    let record = LinkRecord {
        identity,
        initialized: true,
        paused: false,
    };
    let mut update = Update::new();
    records::put_link(&mut update, &record);
    store.commit(update).await.unwrap();
}

/// The view with `t-0` mirrored to its end and `orders-0` halted.
fn view(link: &LinkName, store: &Arc<dyn Store>) -> LinkView {
    let view = LinkView::load(link, store, |_| true).unwrap();
    let live = view.track(&partition(), &"t".into()).unwrap();
    {
        let mut known = live.lock();
        known.begun = true;
        known.record.origin = SourceOffset(SHIFT);
        let run = Run::new(SourceOffset(SHIFT), TargetOffset(0), END - SHIFT);
        known.landed(&[run], SourceOffset(END)).unwrap();
        known.figures.state = PartitionState::Live;
        known.figures.source_log_start = SHIFT;
        known.figures.source_end = END;
        known.figures.source_high_watermark = END;
        known.figures.target_log_start = 0;
    }
    let halted = TopicPartition::new("orders", 0);
    let halted = view.track(&halted, &"paris.orders".into()).unwrap();
    {
        let mut known = halted.lock();
        known.begun = true;
        known.record.complete_ms = Some(OPEN_SINCE);
        let ends = SourceEnds {
            log_start: 40,
            stable: 45,
            high_watermark: 52,
        };
        let heard = Moment {
            wall_ms: 1_794_694_400_000,
            monotonic: Monotonic::default(),
        };
        known.hear(ends, heard);
        open_transaction(&mut known, 45, OPEN_SINCE);
        known.figures.target_log_start = 0;
    }
    let reason = Reason::new(HaltCode::SourceGap, "records 0 to 39 are gone");
    halted.show_halted(reason.at(Some(SourceOffset(40)), None));
    view
}

fn sites(link: &LinkName, [source, target]: [&Arc<FakeSite>; 2], store: &Arc<dyn Store>) -> Sites {
    Sites {
        link: link.clone(),
        source: Arc::<FakeSite>::clone(source),
        target: Arc::<FakeSite>::clone(target),
        mirrored: Arc::new(FakeMirror::at(END)),
        ledger: Arc::new(Ledger::new(Arc::clone(store), link.clone())),
        groups: all_groups(),
        ownership: Ownership::permanent(),
    }
}

fn sync(sites: &Sites, board: &Arc<Board>) -> GroupSync {
    GroupSync {
        source: Arc::clone(&sites.source),
        target: Arc::clone(&sites.target),
        mirrored: Arc::clone(&sites.mirrored),
        ledger: Arc::clone(&sites.ledger),
        board: Arc::clone(board),
        filter: all_groups(),
        interval: Duration::from_millis(1),
        in_flight: InFlight::default(),
    }
}

fn all_groups() -> GroupFilter {
    GroupFilter::new(&[".*"], &[] as &[&str]).unwrap()
}

#[derive(Debug)]
struct Nothing;

impl Samples for Nothing {
    fn links(&self) -> (Vec<LinkSample>, Vec<PartitionSample>) {
        (Vec::new(), Vec::new())
    }

    fn groups(&self) -> Vec<GroupSample> {
        Vec::new()
    }

    fn checkpoint_failed(&self) -> bool {
        false
    }

    fn rate_limited(&self) -> Vec<(LinkName, u64)> {
        Vec::new()
    }

    fn verified(&self) -> Vec<VerifiedSample> {
        Vec::new()
    }

    fn bytes_verified(&self) -> Vec<(LinkName, u64)> {
        Vec::new()
    }

    fn clusters(&self) -> Vec<ClusterSample> {
        Vec::new()
    }
}
