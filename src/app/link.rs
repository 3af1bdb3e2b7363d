//! A link's components, and its tasks in a term: identity first, then discovery, mirroring and group sync concurrently.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::{Mutex, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::api::LinkHandle;
use crate::api::state::{Condition, Selection};
use crate::check::probe;
use crate::checkpoint::Store;
use crate::checkpoint::audit::AuditLog;
use crate::checkpoint::intents::IntentKeeper;
use crate::clusters::Watched;
use crate::config::LinkConfig;
use crate::control::acls::cluster::AclCluster;
use crate::control::acls::status::AclBoard;
use crate::control::acls::sync::AclSync;
use crate::control::groups::committed::Ledger;
use crate::control::groups::status::Board;
use crate::control::groups::sync::GroupSync;
use crate::control::topics::Discovery;
use crate::control::topics::cluster::SeenConfigs;
use crate::control::{KafkaSite, Mirrored};
use crate::error::{Error, Kind, Result};
use crate::failover::sites::Sites;
use crate::journal::{JournalSettings, JournaledStore};
use crate::kafka::admin;
use crate::kafka::client::Cluster;
use crate::model::{MirrorSet, OffsetsMode};
use crate::replicate::{self, LinkView, OtherLinks, Settings};
use crate::task::{InFlight, Ownership, Supervisor};
use crate::verify::{self, Verifications, Verifier};

use super::identity;
use super::mirrored::{SourceView, View};

/// Kafka's default for `producer.id.expiration.ms`.
const PRODUCER_MEMORY_MS: i64 = 24 * 60 * 60 * 1000;
/// The time limit for a stopping link to let writes in flight land and to store its state.
const STOP_LIMIT: Duration = Duration::from_secs(20);
/// The delay between attempts while intents are pending.
const INTENT_RETRY: Duration = Duration::from_millis(200);

/// The components of a link.
#[derive(Debug, Clone)]
pub(crate) struct LinkParts {
    pub(crate) config: LinkConfig,
    pub(crate) source: Watched,
    pub(crate) target: Watched,
    /// The other links of the configuration.
    pub(crate) others: OtherLinks,
    pub(crate) store: Arc<dyn Store>,
    /// The same store, through which links are owned.
    pub(crate) journaled: Arc<JournaledStore>,
    pub(crate) journal: JournalSettings,
    pub(crate) ownership: Ownership,
    pub(crate) view: LinkView,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) board: Arc<Board>,
    pub(crate) acls: Arc<AclBoard>,
    pub(crate) verifications: Arc<Verifications>,
    /// The settings of topics on the source and of mirror topics, as last read.
    pub(crate) configs: [SeenConfigs; 2],
    pub(crate) audit: Arc<AuditLog>,
    /// Held while the link's pending intents are read, changed and written.
    pub(crate) pending_intents: Arc<Mutex<()>>,
    /// Writes of topic discovery and group sync to the target that are in flight.
    pub(crate) in_flight: InFlight,
    /// The condition of the link as a whole.
    pub(crate) condition: Arc<watch::Sender<Condition>>,
    /// Whether the view may differ from the checkpoint DB; set once any task has run.
    pub(crate) is_stale: Arc<AtomicBool>,
}

impl LinkParts {
    /// The parts of the link that moves of groups need.
    pub(crate) fn sites(&self) -> Sites {
        Sites {
            link: self.config.name.clone(),
            source: Arc::new(KafkaSite::new(self.source.cluster.clone())),
            target: self.target_site(),
            mirrored: self.mirrored(),
            ledger: Arc::clone(&self.ledger),
            groups: self.config.groups.clone(),
            ownership: self.ownership.clone(),
        }
    }

    /// The parts of the link that the API needs.
    pub(crate) fn handle(&self) -> LinkHandle {
        LinkHandle {
            source: self.config.source.clone(),
            target: self.config.target.clone(),
            view: self.view.clone(),
            condition: self.condition.subscribe(),
            groups: Arc::clone(&self.board),
            acls: Arc::clone(&self.acls),
            selection: Selection {
                topics: self.config.topics.clone(),
                groups: self.config.groups.clone(),
                naming: self.config.naming,
                source: Arc::new(SourceView(self.source.cluster.clone())),
                excluded_settings: self.config.excluded_settings.clone(),
                configs: self.configs.clone(),
            },
            verifications: Arc::clone(&self.verifications),
            ownership: self.ownership.clone(),
            in_flight: self.in_flight.clone(),
            pending_intents: Arc::clone(&self.pending_intents),
        }
    }

    /// Mirrors until `stop` is cancelled, and only under the current term.
    pub(super) async fn run_parts(self, stop: &CancellationToken) -> Result<()> {
        let (source, target) = (self.source.cluster.clone(), self.target.cluster.clone());
        self.say(Some("waiting for both clusters to report their ids"));
        let known = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            known = identity::establish(&*self.store, &self.config.name, &source, &target) => known?,
        };
        self.say(None);
        let mut tasks = Supervisor::new(stop.child_token());
        let token = tasks.token().clone();
        let discovery = self.discovery()?;
        let (set, acl_set) = (discovery.watch(), discovery.watch());
        tasks.spawn("intents", self.clone().keep_intents(token.clone()));
        tasks.spawn("discovery", discovery.run(token.clone()));
        tasks.spawn(
            "mirroring",
            self.clone().mirror(known.clone(), set, token.clone()),
        );
        tasks.spawn("group sync", self.group_sync().run(token.clone()));
        tasks.spawn("acls", self.acl_sync(acl_set).run(token.clone()));
        tasks.spawn(
            "journal's policy",
            self.clone().watch_journal(token.clone()),
        );
        tasks.spawn("verification", self.verifier().run(token));
        let (link, written) = (self.config.name, target.clone());
        tasks.spawn("target's version", async move {
            // That no broker answers is reported elsewhere.
            if let Ok(Some(outdated)) = admin::outdated(&written).await {
                tracing::error!(%link, cluster = %written.name(), "the target has brokers {outdated}");
            }
            Ok(())
        });
        let (source_id, target_id) = (known.source_cluster_id, known.target_cluster_id);
        tasks.spawn("source identity", async move {
            identity::confirm(&source, &source_id).await
        });
        tasks.spawn("target identity", async move {
            identity::confirm(&target, &target_id).await
        });
        tokio::select! {
            () = stop.cancelled() => tasks.stop(STOP_LIMIT).await,
            error = tasks.failure() => {
                // The cause is reported; that other tasks then ended late doesn't matter.
                let _ = tasks.stop(STOP_LIMIT).await;
                Err(error)
            }
        }
    }

    /// Moves pending intents into the link's entries and its journal as soon as there are any and the lease is held.
    ///
    /// Errors: the checkpoint DB failed. Cancellation: safe, they stay pending.
    async fn keep_intents(self, stop: CancellationToken) -> Result<()> {
        let keeper = IntentKeeper {
            store: &*self.store,
            link: &self.config.name,
            audit: &self.audit,
            pending: &self.pending_intents,
        };
        let mut pending = self.view.pending_intents();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                found = pending.wait_for(|pending| !pending.is_empty()) => {
                    found.map_err(|_| Error::new(Kind::Stopping, "the link's view was dropped"))?;
                }
            }
            let taking = async {
                if self.ownership.is_held() {
                    match keeper.take_in().await {
                        Ok(()) => return self.view.reload_intents(),
                        Err(error) if error.kind() == Kind::Store => return Err(error),
                        // The link was lost, or the journal lags behind: the intents stay pending.
                        Err(_) => {}
                    }
                }
                sleep(INTENT_RETRY).await;
                Ok(())
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                taken = taking => taken?,
            }
        }
    }

    /// The target, where only the link's owner commits group offsets and changes topics.
    fn target_site(&self) -> Arc<KafkaSite> {
        let cluster = self.target.cluster.clone();
        Arc::new(KafkaSite::under(cluster, self.ownership.clone()))
    }

    fn discovery(&self) -> Result<Discovery> {
        let source = Arc::new(KafkaSite::new(self.source.cluster.clone()));
        let discovery = Discovery::new(
            self.config.clone(),
            source,
            self.target_site(),
            Arc::clone(&self.store),
        )?;
        let discovery = discovery.hearing(self.mirrored(), self.in_flight.clone());
        Ok(discovery.showing(self.configs.clone()))
    }

    fn verifier(&self) -> Verifier {
        let clusters = [&self.source, &self.target].map(|it| it.cluster.clone());
        let verify = self.config.verify;
        let settings = verify::Settings {
            interval: verify.interval,
            bytes_per_second: verify.max_bytes_per_second,
        };
        let verifications = Arc::clone(&self.verifications);
        Verifier::new(self.view.clone(), clusters, verifications, settings)
    }

    fn group_sync(&self) -> GroupSync {
        GroupSync {
            source: Arc::new(KafkaSite::new(self.source.cluster.clone())),
            target: self.target_site(),
            mirrored: self.mirrored(),
            ledger: Arc::clone(&self.ledger),
            board: Arc::clone(&self.board),
            filter: self.config.groups.clone(),
            interval: self.config.group_sync_interval,
            in_flight: self.in_flight.clone(),
        }
    }

    fn acl_sync(&self, set: watch::Receiver<Arc<MirrorSet>>) -> AclSync {
        let site = |cluster: &Watched, right| {
            let cluster = cluster.cluster.clone();
            Arc::new(AclCluster { cluster, right })
        };
        AclSync {
            config: self.config.clone(),
            // Nothing is ever changed there.
            source: site(&self.source, Ownership::none()),
            target: site(&self.target, self.ownership.clone()),
            store: Arc::clone(&self.store),
            audit: Arc::clone(&self.audit),
            mirrored: self.mirrored(),
            set,
            board: Arc::clone(&self.acls),
            in_flight: self.in_flight.clone(),
        }
    }

    /// The view as seen by control and moves.
    pub(crate) fn mirrored(&self) -> Arc<dyn Mirrored> {
        Arc::new(View(self.view.clone()))
    }

    /// Mirrors once the target has reported how long it remembers producers.
    async fn mirror(
        self,
        identity: crate::model::LinkIdentity,
        set: watch::Receiver<Arc<MirrorSet>>,
        stop: CancellationToken,
    ) -> Result<()> {
        let target = self.target.cluster.clone();
        let memory_ms = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            memory = producer_memory(&target) => memory,
        };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = self.tell_what_is_refused(&target) => {}
        }
        let link = replicate::ReplicationLink {
            view: self.view.clone(),
            source: self.source.cluster.clone(),
            target,
            identity,
            settings: settings(&self.config),
            // Half of it: older producers may be forgotten at any moment.
            memory_ms: memory_ms / 2,
            ownership: self.ownership.clone(),
            audit: self.audit,
            in_flight: self.in_flight,
            others: self.others,
        };
        replicate::run(link, set, stop).await
    }

    /// Logs which operations needed to preserve offsets the target refuses, if the link preserves offsets.
    async fn tell_what_is_refused(&self, target: &Cluster) {
        // The probe writes to the target.
        let _writing = self.in_flight.begin().await;
        if self.config.offsets != OffsetsMode::Preserve || !self.view.link_intent().writes() {
            return;
        }
        let probe = probe::try_until_told(target).await;
        for refused in [&probe.markers, &probe.deletion].into_iter().flatten() {
            tracing::error!(link = %self.config.name, error = refused.chain(), "offsets can't be preserved everywhere");
        }
    }
}

/// The target's `producer.id.expiration.ms`, or Kafka's default if the target doesn't report it.
async fn producer_memory(target: &Cluster) -> i64 {
    let configs = admin::broker_configs(target).await.unwrap_or_default();
    let setting = configs
        .get("producer.id.expiration.ms")
        .and_then(|it| it.value.as_deref());
    setting
        .and_then(|text| text.parse().ok())
        .unwrap_or(PRODUCER_MEMORY_MS)
}

fn settings(config: &LinkConfig) -> Settings {
    let bytes = |bytes: i32| usize::try_from(bytes).unwrap_or_default();
    Settings {
        fetch_connections: config.fetch_connections,
        produce_connections: config.produce_connections,
        max_in_flight_bytes: usize::try_from(config.max_in_flight_bytes).unwrap_or(usize::MAX),
        fetch_max_bytes: bytes(config.fetch_max_bytes),
        partition_max_bytes: bytes(config.partition_max_bytes),
        max_bytes_per_second: config.max_bytes_per_second,
        request_timeout: config.request_timeout,
        start: config.start,
        policies: config.policies.clone(),
        quarantine_topic: config.quarantine_topic.clone(),
        offsets: config.offsets,
        preserve: config.preserve,
        path: config.path,
        mirrored_sources: config.mirrored_sources(),
    }
}
