//! The links of the process and the clusters they use, by name; both may be added and removed at run time.
//!
//! Promises: an added link is driven until it is removed, and then stopped in order; a cluster is open and watched exactly
//! as long as a link uses it; API, metrics and moves look links up in what is published here. Doesn't: read the
//! configuration, or decide which links exist.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::LinkHandle;
use crate::checkpoint::Store;
use crate::checkpoint::audit::AuditLog;
use crate::clusters::{self, Watched};
use crate::config::{Config, LinkConfig};
use crate::control::groups::committed::Ledger;
use crate::error::{Error, Kind, Result};
use crate::failover::sites::Sites;
use crate::journal::JournaledStore;
use crate::journal::{JournalSettings, Owner};
use crate::model::{ClusterName, LinkName};
use crate::replicate::{LinkView, OtherLinks};
use crate::task::{InFlight, Owned, Ownership, contained};
use crate::verify::Verifications;

use super::driver::Driver;
use super::link::LinkParts;
use super::store_recovery::StoreHealth;

#[cfg(test)]
mod tests;

/// A value per link, by name.
type ByLink<T> = BTreeMap<LinkName, Arc<T>>;

/// Resources shared by all links of the process.
#[derive(Debug)]
pub(crate) struct SharedByLinks {
    /// The checkpoint DB with the journals.
    pub(crate) store: Arc<JournaledStore>,
    /// The health of the checkpoint DB.
    pub(crate) health: StoreHealth,
    pub(crate) audit: Arc<AuditLog>,
    /// This process, as the owner of links.
    pub(crate) me: Owner,
}

/// The current links and clusters.
#[derive(Debug)]
pub(crate) struct Registry {
    shared: SharedByLinks,
    links: Links,
    clusters: Arc<Clusters>,
    handles: watch::Sender<ByLink<LinkHandle>>,
    sites: watch::Sender<ByLink<Sites>>,
    /// Set when a driver has panicked.
    failure: watch::Sender<Option<String>>,
}

/// The links by name; `None` while a link is being stopped.
type Links = Mutex<BTreeMap<LinkName, Option<DrivenLink>>>;

/// A link with its driver.
#[derive(Debug)]
struct DrivenLink {
    stop: CancellationToken,
    life: Owned,
    _condition: Owned,
    _clusters: Vec<ClusterUse>,
}

/// The open clusters by name.
type Clusters = Mutex<BTreeMap<ClusterName, OpenCluster>>;

#[derive(Debug)]
struct OpenCluster {
    watched: Watched,
    uses: usize,
    _watch: Owned,
}

/// A link's use of a cluster; dropping the last one closes the cluster.
#[derive(Debug)]
struct ClusterUse {
    clusters: Arc<Clusters>,
    name: ClusterName,
}

impl Drop for ClusterUse {
    fn drop(&mut self) {
        let mut clusters = self.clusters.lock();
        if let Some(open) = clusters.get_mut(&self.name) {
            open.uses -= 1;
            if open.uses == 0 {
                clusters.remove(&self.name);
            }
        }
    }
}

/// A link being stopped; dropping this makes its name available again.
struct Removal<'a> {
    links: &'a Links,
    name: &'a LinkName,
}

impl Drop for Removal<'_> {
    fn drop(&mut self) {
        self.links.lock().remove(self.name);
    }
}

impl Registry {
    /// Returns a registry without links.
    pub(crate) fn new(shared: SharedByLinks) -> Self {
        Self {
            shared,
            links: Mutex::default(),
            clusters: Arc::default(),
            handles: watch::Sender::default(),
            sites: watch::Sender::default(),
            failure: watch::Sender::default(),
        }
    }

    /// The resources shared by all links.
    pub(crate) fn shared(&self) -> &SharedByLinks {
        &self.shared
    }

    /// The links as seen by the API and the metrics; updated whenever one is added or removed.
    pub(crate) fn handles(&self) -> watch::Receiver<ByLink<LinkHandle>> {
        self.handles.subscribe()
    }

    /// The links as seen by moves; updated whenever one is added or removed.
    pub(crate) fn sites(&self) -> watch::Receiver<ByLink<Sites>> {
        self.sites.subscribe()
    }

    /// Adds a link and starts its driver; `config` defines its clusters.
    ///
    /// Must be called within a tokio runtime. Errors: `Refused` for a name that exists already or is still being stopped,
    /// `Invalid` for an unknown cluster; the link's entries in the checkpoint DB can't be read.
    pub(crate) fn add(&self, config: &Config, link: &LinkConfig) -> Result<()> {
        let mut links = self.links.lock();
        let name = link.name.clone();
        if links.contains_key(&name) {
            let message = format!("link {name} already exists; remove it first");
            return Err(Error::new(Kind::Refused, message));
        }
        let (source, source_use) = self.open(config, &link.source)?;
        let (target, target_use) = self.open(config, &link.target)?;
        let mut uses = vec![source_use, target_use];
        let others = self.others(config, link, &mut uses)?;
        self.shared.store.set_journal(&name, link.journal);
        let link = self.link(link, (source, target), others)?;
        let stop = CancellationToken::new();
        let driver = Driver::new(link.clone(), self.shared.health.clone(), stop.clone());
        let entry = DrivenLink {
            stop,
            life: Owned::spawn("link", drive(name.clone(), driver, self.failure.clone())),
            _condition: Owned::spawn("condition", link.clone().watch()),
            _clusters: uses,
        };
        links.insert(name.clone(), Some(entry));
        let (handle, sites) = (Arc::new(link.handle()), Arc::new(link.sites()));
        self.handles.send_modify(|handles| {
            handles.insert(name.clone(), handle);
        });
        self.sites.send_modify(|all| {
            all.insert(name, sites);
        });
        Ok(())
    }

    /// Removes a link and stops it in order: no further move of it begins, requests in flight are answered, its lease is
    /// released. It is shown until then. Its clusters are closed with the last link that uses them.
    ///
    /// Errors: `Invalid` if the link doesn't exist. Cancellation: dropping the future ends the link as a crash would.
    pub(crate) async fn remove(&self, name: &LinkName) -> Result<()> {
        let link = self.links.lock().get_mut(name).and_then(Option::take);
        let link = link.ok_or_else(|| {
            let message = format!("there is no link {name}");
            Error::new(Kind::Invalid, message)
        })?;
        let _removed = Removal {
            links: &self.links,
            name,
        };
        self.sites.send_modify(|sites| {
            sites.remove(name);
        });
        link.stop.cancel();
        // Its driver reports how it ended.
        let _ = link.life.join().await;
        self.handles.send_modify(|handles| {
            handles.remove(name);
        });
        Ok(())
    }

    /// Keeps the links running until `stop` is cancelled, then removes all of them concurrently.
    ///
    /// Errors: the driver of a link panicked. Cancellation: as for [`Registry::remove`].
    pub(crate) async fn keep(self: Arc<Self>, stop: CancellationToken) -> Result<()> {
        let mut failure = self.failure.subscribe();
        tokio::select! {
            () = stop.cancelled() => {}
            Ok(why) = failure.wait_for(Option::is_some) => {
                return Err(Error::new(Kind::Invalid, why.clone().unwrap_or_default()));
            }
        }
        let names: Vec<LinkName> = self.links.lock().keys().cloned().collect();
        // A link that has already been removed is fine.
        let _ = join_all(names.iter().map(|name| self.remove(name))).await;
        Ok(())
    }

    /// Returns the cluster, opening it unless a link already uses it.
    fn open(&self, config: &Config, name: &ClusterName) -> Result<(Watched, ClusterUse)> {
        let mut clusters = self.clusters.lock();
        let watched = if let Some(open) = clusters.get_mut(name) {
            open.uses += 1;
            open.watched.clone()
        } else {
            let watched = clusters::open_one(config, name, None)
                .ok_or_else(|| Error::new(Kind::Invalid, format!("there is no cluster {name}")))?;
            let looks = config.links.iter().map(|link| link.refresh_interval);
            let every = looks.min().unwrap_or(Duration::from_secs(5));
            // The watch ends with the last use.
            let watching = watched.clone().watch(every, CancellationToken::new());
            let open = OpenCluster {
                watched: watched.clone(),
                uses: 1,
                _watch: Owned::spawn("watch of a cluster", watching),
            };
            clusters.insert(name.clone(), open);
            watched
        };
        let in_use = ClusterUse {
            clusters: Arc::clone(&self.clusters),
            name: name.clone(),
        };
        Ok((watched, in_use))
    }

    /// The other links of the configuration, as far as a link has to know them; uses of their clusters are added to `uses`.
    fn others(
        &self,
        config: &Config,
        link: &LinkConfig,
        uses: &mut Vec<ClusterUse>,
    ) -> Result<OtherLinks> {
        let mut others = OtherLinks::default();
        for other in &config.links {
            others.names.push(other.name.clone());
            if other.target == link.source {
                let (source, in_use) = self.open(config, &other.source)?;
                others.upstream.push((other.name.clone(), source.cluster));
                uses.push(in_use);
            }
        }
        Ok(others)
    }

    fn link(
        &self,
        config: &LinkConfig,
        (source, target): (Watched, Watched),
        others: OtherLinks,
    ) -> Result<LinkParts> {
        let journaled = &self.shared.store;
        let store: Arc<dyn Store> = Arc::<JournaledStore>::clone(journaled);
        let view = LinkView::load(&config.name, &store, |topic| config.topics.matches(topic))?;
        Ok(LinkParts {
            config: config.clone(),
            source,
            others,
            journal: JournalSettings {
                target: target.cluster.clone(),
                replication_factor: config.replication_factor,
                me: self.shared.me.clone(),
            },
            ownership: Ownership::none(),
            target,
            audit: Arc::clone(&self.shared.audit),
            journaled: Arc::clone(journaled),
            verifications: Arc::new(Verifications::load(&view, &store)?),
            view,
            ledger: Arc::new(Ledger::new(Arc::clone(&store), config.name.clone())),
            store,
            board: Arc::default(),
            acls: Arc::default(),
            pending_intents: Arc::default(),
            in_flight: InFlight::default(),
            condition: Arc::default(),
            is_stale: Arc::default(),
            configs: <[_; 2]>::default(),
        })
    }
}

/// Runs a link's driver to its end; a panic of the driver itself ends the process.
async fn drive(
    name: LinkName,
    driver: Driver<LinkParts>,
    failure: watch::Sender<Option<String>>,
) -> Result<()> {
    let living = Box::pin(async {
        driver.run().await;
        Ok(())
    });
    let ended = contained(&format!("the life of link {name}"), living).await;
    if let Err(error) = &ended {
        failure.send_replace(Some(error.chain()));
    }
    ended
}
