//! The running service: store, clusters, links and API under one supervisor, started and stopped in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::{self, ApiState, Limits};
use crate::checkpoint::audit::AuditLog;
use crate::checkpoint::{self, Store};
use crate::config::{ApiConfig, Config, LinkConfig};
use crate::control::groups::ledger::Ledger;
use crate::error::{Error, Kind, Result};
use crate::failover::runner::Runner;
use crate::replicate::LinkView;
use crate::task::{Supervisor, signal};
use crate::telemetry::metrics::Exposition;

use super::clusters::{self, Watched};
use super::link::Link;
use super::samples::LinkSamples;

/// How long everything may take to end after the first signal; the links' own limits fit into it.
const STOP_LIMIT: Duration = Duration::from_secs(25);

/// Runs the service until it is told to stop. The first signal stops in order, the second at once.
///
/// Errors: what keeps it from starting (checkpoint DB, API address), and what ends it against its will.
pub async fn run(config: Config) -> Result<()> {
    let (first, second) = signal::stop_signals()?;
    let store = checkpoint::open(&config.checkpoint.path)?;
    let listener = listen(&config.api).await?;
    let mut tasks = Supervisor::new(CancellationToken::new());
    let audit = Arc::new(AuditLog::open(Arc::clone(&store))?);
    let links = start(&config, &store, &audit, &mut tasks)?;
    serve(&config, (&store, audit), &links, listener, &mut tasks);
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

async fn listen(api: &ApiConfig) -> Result<TcpListener> {
    TcpListener::bind(api.listen).await.map_err(|cause| {
        let message = format!(
            "the API cannot listen on {}: choose another address in [api] listen, or end who uses it",
            api.listen
        );
        Error::new(Kind::Invalid, message).caused_by(cause)
    })
}

/// Starts moves and the API over the links.
fn serve(
    config: &Config,
    (store, audit): (&Arc<dyn Store>, Arc<AuditLog>),
    links: &[Link],
    listener: TcpListener,
    tasks: &mut Supervisor,
) {
    let moves = Arc::new(Runner::new(
        Arc::clone(store),
        links.iter().map(Link::sites),
    ));
    let running = Arc::clone(&moves);
    let token = tasks.token().clone();
    tasks.spawn("moves", async move { running.run(token).await });
    let views = links
        .iter()
        .map(|link| (link.view.clone(), Arc::clone(&link.board)));
    let samples = Arc::new(LinkSamples(views.collect()));
    let state = ApiState {
        links: links
            .iter()
            .map(|link| (link.config.name.clone(), link.handle()))
            .collect(),
        moves,
        store: Arc::clone(store),
        audit,
        exposition: Exposition::new(samples),
    };
    let limits = Limits::from(&config.api);
    let router = api::router(Arc::new(state), &limits);
    let token = tasks.token().clone();
    tasks.spawn("API", async move {
        api::serve(listener, router, limits, token).await;
        Ok(())
    });
}

fn start(
    config: &Config,
    store: &Arc<dyn Store>,
    audit: &Arc<AuditLog>,
    tasks: &mut Supervisor,
) -> Result<Vec<Link>> {
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
            audit: Arc::clone(audit),
            view: LinkView::load(&link.name, store, |topic| link.topics.matches(topic))?,
            ledger: Arc::new(Ledger::new(Arc::clone(store), link.name.clone())),
            board: Arc::default(),
            record: Arc::default(),
            condition: Arc::new(watch::Sender::default()),
        };
        tasks.spawn(
            format!("link {}", link.config.name),
            link.clone().live(tasks.token().clone()),
        );
        links.push(link);
    }
    Ok(links)
}
