//! The running service: store, clusters, links and API under one supervisor, started and stopped in order.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::{self, Store};
use crate::config::{Config, LinkConfig};
use crate::control::groups::ledger::Ledger;
use crate::error::{Error, Kind, Result};
use crate::replicate::LinkView;
use crate::task::{Supervisor, signal};

use super::clusters::{self, Watched};
use super::link::Link;

/// How long everything may take to end after the first signal; the links' own limits fit into it.
const STOP_LIMIT: Duration = Duration::from_secs(25);

/// Runs the service until it is told to stop. The first signal stops in order, the second at once.
///
/// Errors: what keeps it from starting (checkpoint DB, API address), and what ends it against its will.
pub async fn run(config: Config) -> Result<()> {
    let (first, second) = signal::stop_signals()?;
    let store = checkpoint::open(&config.checkpoint.path)?;
    let mut tasks = Supervisor::new(CancellationToken::new());
    let links = start(&config, &store, &mut tasks)?;
    tracing::info!(links = links.len(), api = %config.api.listen, "farshore runs");
    let ended = tokio::select! {
        () = first => Ok(()),
        error = tasks.failure() => Err(error),
    };
    tracing::info!("stopping: what is in flight lands first; a second signal stops at once");
    let stopped = tokio::select! {
        stopped = tasks.stop(STOP_LIMIT) => stopped,
        () = second => Err(Error::new(Kind::Stopping, "stopped at once by a second signal")),
    };
    // Waits for everything that was queued for the checkpoint DB.
    drop((links, store));
    ended.and(stopped)
}

fn start(config: &Config, store: &Arc<dyn Store>, tasks: &mut Supervisor) -> Result<Vec<Link>> {
    let clusters = clusters::open(config);
    let look = |link: &LinkConfig| link.refresh_interval;
    for watched in clusters.values() {
        let every = config
            .links
            .iter()
            .map(look)
            .min()
            .unwrap_or(Duration::from_secs(5));
        let name = format!("watch of cluster {}", watched.cluster.name());
        tasks.spawn(name, watched.clone().watch(every, tasks.token().clone()));
    }
    let mut links = Vec::with_capacity(config.links.len());
    for link in &config.links {
        let cluster = |name| {
            let found: Option<&Watched> = clusters.get(name);
            found.cloned().ok_or_else(|| {
                Error::new(
                    Kind::Invalid,
                    format!("link {} names no cluster {name}", link.name),
                )
            })
        };
        let link = Link {
            config: link.clone(),
            source: cluster(&link.source)?,
            target: cluster(&link.target)?,
            store: Arc::clone(store),
            view: LinkView::load(link.name.clone(), Arc::clone(store))?,
            ledger: Arc::new(Ledger::new(Arc::clone(store), link.name.clone())),
            board: Arc::default(),
            detail: Arc::new(Mutex::new(None)),
        };
        tasks.spawn(
            format!("link {}", link.config.name),
            link.clone().live(tasks.token().clone()),
        );
        links.push(link);
    }
    Ok(links)
}
