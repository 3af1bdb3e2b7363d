//! The configured clusters, and whether they can be reached.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::state::Reach;
use crate::config::{ClusterConfig, Config, LoginConfig};
use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::client::{
    Bearer, Cluster, ClusterSettings, Kerberos, Login, Mechanism, Password, Plain, Scram, Tls,
    Transport,
};
use crate::model::{CertificateEnds, ClusterName};
use crate::task::{Rounds, contained};
use crate::telemetry::now_ms;

/// A cluster with its health.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) cluster: Cluster,
    tls: Option<Arc<Tls>>,
    health: Arc<watch::Sender<Health>>,
}

/// What is known of a cluster as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Health {
    pub(crate) reach: Reach,
    pub(crate) certificates: CertificateEnds,
    /// What should be done about the certificates, and how.
    advice: Vec<(String, String)>,
    /// Whether its brokers' quotas have slowed farshore down lately.
    pub(crate) is_throttled: bool,
}

/// How long after the last silence that a broker asked for a cluster counts as throttled.
const THROTTLED_FOR: Duration = Duration::from_secs(10);

impl Watched {
    fn new(cluster: Cluster, tls: Option<Arc<Tls>>) -> Self {
        Self {
            cluster,
            tls,
            health: Arc::default(),
        }
    }

    /// The cluster's health; notified of every change.
    pub(crate) fn health(&self) -> watch::Receiver<Health> {
        self.health.subscribe()
    }

    /// When the certificates of its connections end.
    pub(crate) fn certificates(&self) -> CertificateEnds {
        let ends = self.tls.as_ref().map(|tls| tls.certificates());
        ends.unwrap_or_default()
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
            let login = self.cluster.settings().login.as_ref();
            let refused = login.and_then(Login::failure);
            let reach = match refused.map_or(looked, Err) {
                Ok(_) => Reach::Reached,
                Err(error) if is_of_login(&error) => Reach::LoginFailed(error.chain()),
                Err(error) => Reach::Lost(error.chain()),
            };
            let look = self.look_at_certificates();
            if rounds.unless_stopped(look).await.is_none() {
                break;
            }
            self.note(reach);
        }
        Ok(())
    }

    /// Looks at the files, and forgets the certificates of brokers that are no more.
    async fn look_at_certificates(&self) {
        let Some(tls) = &self.tls else {
            return;
        };
        // A failure is that of the connections.
        let _ = tls.look().await;
        let metadata = self.cluster.metadata();
        let brokers = metadata.brokers.values().map(|it| &it.advertised);
        tls.keep_only(&brokers.collect());
    }

    fn is_throttled(&self) -> bool {
        let until = self.cluster.throttled_until();
        until.is_some_and(|until| until + THROTTLED_FOR > Instant::now())
    }

    /// Logs once when a cluster is lost or found, or limits farshore, not at each request, and each advice about certificates.
    fn note(&self, reach: Reach) {
        let name = self.cluster.name();
        let certificates = self.certificates();
        let now = Health {
            reach: reach.clone(),
            advice: certificates.advice(name, now_ms() / 1_000),
            certificates,
            is_throttled: self.is_throttled(),
        };
        let before = self.health.send_replace(now.clone());
        match (before.is_throttled, now.is_throttled) {
            (false, true) => {
                tracing::info!(cluster = %name, "the cluster's quotas slow farshore down");
            }
            (true, false) => {
                tracing::info!(cluster = %name, "the cluster's quotas no longer slow farshore down");
            }
            (false, false) | (true, true) => {}
        }
        let is_new = |it: &&(String, String)| !before.advice.contains(it);
        for (what, fix) in now.advice.iter().filter(is_new) {
            tracing::warn!(cluster = %name, "{what}: {fix}");
        }
        match (before.reach, reach) {
            (Reach::Unknown | Reach::Lost(_) | Reach::LoginFailed(_), Reach::Reached) => {
                tracing::info!(cluster = %name, "cluster reached");
            }
            (Reach::Unknown | Reach::Reached, Reach::Lost(error)) => {
                tracing::warn!(cluster = %name, error, "cluster cannot be reached");
            }
            (Reach::Unknown | Reach::Reached | Reach::Lost(_), Reach::LoginFailed(error)) => {
                tracing::warn!(cluster = %name, error, "cluster login failed");
            }
            (_, Reach::Unknown)
            | (Reach::Reached, Reach::Reached)
            | (Reach::Lost(_) | Reach::LoginFailed(_), Reach::Lost(_))
            | (Reach::LoginFailed(_), Reach::LoginFailed(_)) => {}
        }
    }
}

/// Whether a cluster can't be reached because of the login. `Invalid` means that there are no credentials for it, unless
/// it is a panic.
fn is_of_login(error: &Error) -> bool {
    match error.kind() {
        Kind::Broker(BrokerCode(33 | 34 | 58)) => true,
        kind => kind == Kind::Invalid && error.is_of_whole_cluster(),
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
    let settings = settings(cluster, timeout);
    let Some(tls) = &cluster.tls else {
        return Some(Watched::new(Cluster::new(settings, Arc::new(Plain)), None));
    };
    let tls = Arc::new(Tls::new(Arc::new(Plain), name.clone(), tls.clone()));
    let transport = Arc::clone(&tls) as Arc<dyn Transport>;
    Some(Watched::new(Cluster::new(settings, transport), Some(tls)))
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

fn logged_in_by(login: &LoginConfig, cluster: &ClusterName) -> Login {
    let mechanism: Arc<dyn Mechanism> = match login {
        LoginConfig::Password {
            scram: None,
            username,
            password,
        } => Arc::new(Password::new(username.as_str(), password.clone())),
        LoginConfig::Password {
            scram: Some(hash),
            username,
            password,
        } => Arc::new(Scram::new(*hash, username.as_str(), password.clone())),
        LoginConfig::Token { source, extensions } => {
            let owner = format!("cluster {cluster}");
            Arc::new(Bearer::new(&owner, source.clone(), extensions.clone()))
        }
        LoginConfig::Kerberos { service, principal } => {
            Arc::new(Kerberos::new(service.as_str(), principal.clone()))
        }
    };
    Login::new(mechanism)
}

fn settings(cluster: &ClusterConfig, request_timeout: Duration) -> ClusterSettings {
    let login = cluster.login.as_ref();
    let login = login.map(|login| logged_in_by(login, &cluster.name));
    ClusterSettings {
        name: cluster.name.clone(),
        bootstrap: cluster.bootstrap.clone(),
        address_map: cluster.address_map.clone(),
        principal: cluster.principal.clone(),
        client_id: cluster.client_id.clone(),
        login,
        tls: cluster.tls.clone(),
        connect_timeout: cluster.connect_timeout,
        request_timeout,
        metadata_max_age: cluster.metadata_max_age,
    }
}

#[cfg(test)]
mod tests;
