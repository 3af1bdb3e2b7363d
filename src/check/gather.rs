//! Gathers the facts for `check`: about the clusters here, about each link in `check::link`. Read-only: nothing is created,
//! altered or committed, except for a scratch topic where offsets are preserved; the checkpoint DB is only read, and only if
//! nobody uses it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};

use crate::clusters::unreached::Unreached;
use crate::clusters::{self, Watched, brokers};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::kafka::admin::{self, Outdated};
use crate::kafka::client::Cluster;
use crate::model::{ClusterName, LinkName};
use crate::task::blocking;
use crate::telemetry::now_ms;

use super::circles;
use super::deadline::{Deadline, HASTE, Stage};
use super::facts::{ClusterFacts, Facts, LinkFacts, Reached, Settings, Sides};
use super::history::{self, Remembered};
use super::link::find;

/// How many links are looked at concurrently.
const LINKS_AT_ONCE: usize = 8;
/// Longer than a check takes: brokers that were dialed in vain aren't dialed again.
const PUT_OFF: Duration = Duration::from_secs(60);

/// The clusters that links use, by name.
pub(super) type Clusters = BTreeMap<ClusterName, Watched>;

/// Gathers the facts about every cluster and every link.
pub(super) async fn facts(config: Config, deadline: Deadline) -> Facts {
    let clusters = clusters::open(&config, Some(HASTE));
    let config = Arc::new(config);
    let remembered = {
        let config = Arc::clone(&config);
        blocking("reading the checkpoint DB", move || {
            history::remembered(&config)
        })
    };
    let remembered = deadline.keep(Stage::Brokers, async { remembered.await? });
    facts_of(&config, &clusters, remembered, deadline).await
}

/// Gathers the facts, given the clusters and what links remember.
pub(super) async fn facts_of(
    config: &Config,
    clusters: &Clusters,
    remembered: impl Future<Output = Result<BTreeMap<LinkName, Remembered>>>,
    deadline: Deadline,
) -> Facts {
    let looks = clusters
        .iter()
        .map(|(name, watched)| async move { (name.clone(), look(watched, deadline).await) });
    let (remembered, looked) = tokio::join!(remembered, join_all(looks));
    let mut facts = Facts {
        now: now_ms() / 1_000,
        clusters: looked.into_iter().collect(),
        ..Facts::default()
    };
    let (links, sought) = tokio::join!(
        Box::pin(links(config, clusters, &facts, &remembered, deadline)),
        sought(clusters, &facts, deadline),
    );
    facts.links = links;
    for (name, unreached) in sought {
        let cluster = facts.clusters.get_mut(&name);
        if let Some(Ok(reached)) = cluster.map(|it| it.reached.as_mut()) {
            reached.unreached = unreached;
        }
    }
    facts.circles = circles::facts(config, &facts);
    facts
}

/// The brokers that can't be reached, each with where else it was found.
async fn sought(
    clusters: &Clusters,
    facts: &Facts,
    deadline: Deadline,
) -> Vec<(ClusterName, Vec<Unreached>)> {
    let seeking = facts.clusters.iter().filter_map(|(name, cluster)| {
        let mut unreached = cluster.reached.as_ref().ok()?.unreached.clone();
        let cluster = &clusters.get(name)?.cluster;
        Some(async move {
            brokers::seek(cluster, &mut unreached, deadline.of(Stage::All)).await;
            (name.clone(), unreached)
        })
    });
    join_all(seeking).await
}

async fn links(
    config: &Config,
    clusters: &Clusters,
    facts: &Facts,
    remembered: &Result<BTreeMap<LinkName, Remembered>>,
    deadline: Deadline,
) -> Vec<LinkFacts> {
    let reached = |name: &ClusterName| {
        let told = facts.clusters.get(name)?.reached.as_ref().ok()?;
        Some((&clusters.get(name)?.cluster, told))
    };
    let looks = config.links.iter().map(|link| async move {
        let found = match (reached(&link.source), reached(&link.target)) {
            (Some(source), Some(target)) if source.1.id != target.1.id => {
                let sides = Sides { source, target };
                Some(Box::pin(find(link, sides, remembered, deadline)).await)
            }
            _ => None,
        };
        LinkFacts {
            name: link.name.clone(),
            source: link.source.clone(),
            target: link.target.clone(),
            fetch_connections: link.fetch_connections,
            found,
        }
    });
    let looks: Vec<_> = looks.collect();
    stream::iter(looks).buffered(LINKS_AT_ONCE).collect().await
}

async fn look(watched: &Watched, deadline: Deadline) -> ClusterFacts {
    let reached = reach(&watched.cluster, deadline).await;
    ClusterFacts {
        grantee: watched.cluster.grantee(),
        reached,
        certificates: watched.certificates(),
    }
}

async fn reach(cluster: &Cluster, deadline: Deadline) -> Result<Reached> {
    let id = deadline.keep(Stage::Metadata, async {
        cluster.first_bootstrap_connection().await?;
        cluster.cluster_id().await
    });
    let id = id.await?;
    let dialed = brokers::dial(cluster, deadline.of(Stage::Brokers)).await;
    for it in &dialed.unreached {
        let error = Error::new(Kind::Disconnected, it.why.clone());
        cluster.put_off(it.broker, PUT_OFF, error);
    }
    let outdated = dialed.reached.iter();
    let outdated = outdated.filter(|(_, connection)| !connection.takes_any_first_sequence());
    let outdated = Outdated::of(outdated.map(|(broker, _)| *broker).collect());
    let gapless = dialed.reached.iter();
    let gapless = gapless.filter(|(_, connection)| !connection.preserves_offsets());
    let gapless = gapless.map(|(broker, _)| *broker).collect();
    let mut connections = dialed.reached.values();
    let marks_as_broker = connections.any(|connection| !connection.alter_permits_markers());
    let (settings, round_trip) = tokio::join!(
        deadline.keep(Stage::Settings, settings(cluster, &dialed)),
        deadline.keep(Stage::Settings, admin::round_trip(cluster)),
    );
    Ok(Reached {
        id,
        brokers: dialed.reached.len() + dialed.unreached.len(),
        unreached: dialed.unreached,
        outdated,
        gapless,
        marks_as_broker,
        settings,
        round_trip: round_trip.unwrap_or_default(),
    })
}

/// The settings of a broker: the one that takes requests for the controller, if it can be reached.
async fn settings(cluster: &Cluster, dialed: &brokers::Dialed) -> Result<Settings> {
    let controller = cluster.metadata().controller;
    let controller = controller.filter(|it| dialed.reached.contains_key(it));
    let broker = controller.or_else(|| dialed.reached.keys().next().copied());
    let broker = broker.ok_or_else(|| {
        let text = "none of the brokers can be reached";
        Error::new(Kind::Disconnected, text).cluster(cluster.name())
    })?;
    let settings = admin::broker_configs_of(cluster, broker).await?;
    let told = settings.into_iter();
    let told = told.filter_map(|(name, setting)| Some((name, setting.value?)));
    Ok(told.collect())
}

#[cfg(test)]
mod tests;
