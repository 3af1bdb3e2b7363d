//! The configured clusters, and whether they can be reached.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::state::Reach;
use crate::config::{ClusterConfig, Config, LoginConfig};
use crate::error::Result;
use crate::kafka::client::{Cluster, ClusterSettings, Kerberos, Login, Mechanism, Password, Plain};
use crate::model::ClusterName;
use crate::task::{Rounds, contained};

/// A cluster with its reachability.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) cluster: Cluster,
    reach: Arc<watch::Sender<Reach>>,
    throttled: Arc<watch::Sender<bool>>,
}

/// How long after the last silence that a broker asked for a cluster counts as throttled.
const THROTTLED_FOR: Duration = Duration::from_secs(10);

impl Watched {
    fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            reach: Arc::new(watch::Sender::new(Reach::Unknown)),
            throttled: Arc::default(),
        }
    }

    /// Whether the cluster can be reached; notified of every change.
    pub(crate) fn reach(&self) -> watch::Receiver<Reach> {
        self.reach.subscribe()
    }

    /// Whether its brokers' quotas have slowed farshore down lately; notified of every change.
    pub(crate) fn throttled(&self) -> watch::Receiver<bool> {
        self.throttled.subscribe()
    }

    /// Requests metadata every `every` until `stop` is cancelled; logs each change of the cluster's reachability once.
    pub(crate) async fn watch(self, every: Duration, stop: CancellationToken) -> Result<()> {
        let mut rounds = Rounds::every(every, stop);
        while rounds.next().await {
            let seen = self.cluster.metadata().generation;
            // A panic counts as any other failure to reach the cluster.
            let look = contained("a look at the cluster", self.cluster.refresh(seen));
            let Some(looked) = rounds.unless_stopped(look).await else {
                break;
            };
            self.note(match looked {
                Ok(_) => Reach::Reached,
                Err(error) => Reach::Lost(error.chain()),
            });
            self.note_throttling();
        }
        Ok(())
    }

    /// Logs once when quotas begin to slow farshore down, and when they no longer do.
    fn note_throttling(&self) {
        let until = self.cluster.throttled_until();
        let now = until.is_some_and(|until| until + THROTTLED_FOR > Instant::now());
        let is_other = |before: &mut bool| std::mem::replace(before, now) != now;
        if self.throttled.send_if_modified(is_other) {
            let cluster = self.cluster.name();
            if now {
                tracing::info!(%cluster, "the cluster's quotas slow farshore down");
            } else {
                tracing::info!(%cluster, "the cluster's quotas no longer slow farshore down");
            }
        }
    }

    /// Logs once when a cluster is lost or found, not at each request.
    fn note(&self, now: Reach) {
        let name = self.cluster.name();
        let before = self.reach.send_replace(now.clone());
        match (before, now) {
            (Reach::Unknown | Reach::Lost(_), Reach::Reached) => {
                tracing::info!(cluster = %name, "cluster reached");
            }
            (Reach::Unknown | Reach::Reached, Reach::Lost(error)) => {
                tracing::warn!(cluster = %name, error, "cluster cannot be reached");
            }
            (_, Reach::Unknown)
            | (Reach::Reached, Reach::Reached)
            | (Reach::Lost(_), Reach::Lost(_)) => {}
        }
    }
}

/// Opens every cluster that a link uses.
pub(crate) fn open(config: &Config) -> BTreeMap<ClusterName, Watched> {
    let is_used = |name: &ClusterName| {
        config
            .links
            .iter()
            .any(|link| link.source == *name || link.target == *name)
    };
    let names = config.clusters.keys().filter(|name| is_used(name));
    names
        .filter_map(|name| Some((name.clone(), open_one(config, name)?)))
        .collect()
}

/// Opens a cluster; `None` if it isn't configured.
pub(crate) fn open_one(config: &Config, name: &ClusterName) -> Option<Watched> {
    let cluster = config.clusters.get(name)?;
    let timeout = request_timeout(config, name);
    let cluster = Cluster::new(settings(cluster, timeout), Arc::new(Plain));
    Some(Watched::new(cluster))
}

/// The longest request timeout of the links that use the cluster.
fn request_timeout(config: &Config, name: &ClusterName) -> Duration {
    let links = config
        .links
        .iter()
        .filter(|link| link.source == *name || link.target == *name);
    links
        .map(|link| link.request_timeout)
        .max()
        .unwrap_or(crate::config::defaults::REQUEST_TIMEOUT)
}

fn logged_in_by(login: &LoginConfig, cluster: &ClusterConfig) -> Login {
    let mechanism: Arc<dyn Mechanism> = match login {
        LoginConfig::Password { username, password } => {
            Arc::new(Password::new(username.as_str(), password.clone()))
        }
        LoginConfig::Kerberos { service, principal } => {
            Arc::new(Kerberos::new(service.as_str(), principal.clone()))
        }
    };
    Login::new(mechanism, &cluster.address_map)
}

fn settings(cluster: &ClusterConfig, request_timeout: Duration) -> ClusterSettings {
    ClusterSettings {
        name: cluster.name.clone(),
        bootstrap: cluster.bootstrap.clone(),
        address_map: cluster.address_map.clone(),
        client_id: cluster.client_id.clone(),
        login: cluster
            .login
            .as_ref()
            .map(|login| logged_in_by(login, cluster)),
        connect_timeout: cluster.connect_timeout,
        request_timeout,
        metadata_max_age: cluster.metadata_max_age,
    }
}
