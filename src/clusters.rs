//! The configured clusters, and whether they can be reached.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::state::Reach;
use crate::config::{ClusterConfig, Config, LoginConfig};
use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::client::{
    Bearer, Cluster, ClusterSettings, Kerberos, Login, Mechanism, Password, Plain, Scram,
};
use crate::model::ClusterName;
use crate::task::{Rounds, contained};

/// A cluster with its reachability.
#[derive(Debug, Clone)]
pub(crate) struct Watched {
    pub(crate) cluster: Cluster,
    reach: Arc<watch::Sender<Reach>>,
}

impl Watched {
    fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            reach: Arc::new(watch::Sender::new(Reach::Unknown)),
        }
    }

    /// Whether the cluster can be reached; notified of every change.
    pub(crate) fn reach(&self) -> watch::Receiver<Reach> {
        self.reach.subscribe()
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
            self.note(match refused.map_or(looked, Err) {
                Ok(_) => Reach::Reached,
                Err(error) if is_of_login(&error) => Reach::LoginFailed(error.chain()),
                Err(error) => Reach::Lost(error.chain()),
            });
        }
        Ok(())
    }

    /// Logs once when a cluster is lost, refuses the login or is found, not at each request.
    fn note(&self, now: Reach) {
        let name = self.cluster.name();
        let before = self.reach.send_replace(now.clone());
        match (before, now) {
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
            let owner = format!("cluster {}", cluster.name);
            Arc::new(Bearer::new(&owner, source.clone(), extensions.clone()))
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

#[cfg(test)]
mod tests;
