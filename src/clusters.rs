//! The configured clusters, and whether they and their brokers can be reached.

pub(crate) mod brokers;
pub(crate) mod unreached;
mod watching;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::api::state::{Reach, Unreachable};
use crate::config::{ClusterConfig, Config, LoginConfig};
use crate::kafka::client::{
    Bearer, Cluster, ClusterSettings, Kerberos, Login, Mechanism, Password, Plain, Scram, Socks,
    Tls, Transport,
};
use crate::model::{CertificateEnds, ClusterName};

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
    /// The brokers that can't be reached although the cluster answers.
    pub(crate) unreachable: Unreachable,
}

impl Watched {
    pub(crate) fn new(cluster: Cluster, tls: Option<Arc<Tls>>) -> Self {
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
}

/// Limits on how long clusters are waited for, beside those of the configuration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Haste {
    pub(crate) connect: Duration,
    pub(crate) request: Duration,
    pub(crate) retry: Duration,
}

impl Haste {
    /// Shortens what takes longer.
    pub(crate) fn limit(self, settings: &mut ClusterSettings) {
        settings.connect_timeout = settings.connect_timeout.min(self.connect);
        settings.request_timeout = settings.request_timeout.min(self.request);
        settings.retry_limit = settings.retry_limit.min(self.retry);
    }
}

/// Opens every cluster that a link uses.
pub(crate) fn open(config: &Config, haste: Option<Haste>) -> BTreeMap<ClusterName, Watched> {
    let is_used = |name: &ClusterName| {
        config
            .links
            .iter()
            .any(|link| link.source == *name || link.target == *name)
    };
    let names = config.clusters.keys().filter(|name| is_used(name));
    names
        .filter_map(|name| Some((name.clone(), open_one(config, name, haste)?)))
        .collect()
}

/// Opens a cluster; `None` if it isn't configured.
pub(crate) fn open_one(
    config: &Config,
    name: &ClusterName,
    haste: Option<Haste>,
) -> Option<Watched> {
    let cluster = config.clusters.get(name)?;
    let timeout = request_timeout(config, name);
    let mut settings = settings(cluster, timeout);
    if let Some(haste) = haste {
        haste.limit(&mut settings);
    }
    let line: Arc<dyn Transport> = match &cluster.proxy {
        Some(proxy) => Arc::new(Socks::new(proxy.clone(), settings.connect_timeout)),
        None => Arc::new(Plain),
    };
    let Some(tls) = &cluster.tls else {
        return Some(Watched::new(Cluster::new(settings, line), None));
    };
    let tls = Arc::new(Tls::new(line, name.clone(), tls.clone()));
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
        rack: cluster.rack.clone(),
        connect_timeout: cluster.connect_timeout,
        request_timeout,
        retry_limit: request_timeout * 2,
        metadata_max_age: cluster.metadata_max_age,
    }
}

#[cfg(test)]
mod tests;
