//! The running service: store, links and API under one supervisor, started and stopped in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::api::{self, Access, ApiState, ApiToken, Limits};
use crate::checkpoint::audit::AuditLog;
use crate::checkpoint::snapshots::renew_snapshot;
use crate::checkpoint::{self, Store, Update};
use crate::config::{ApiConfig, Config};
use crate::error::{Error, Kind, Result};
use crate::failover::operation::renew_operations;
use crate::failover::runner::Runner;
use crate::journal::JournaledStore;
use crate::model::LinkName;
use crate::task::Supervisor;
use crate::telemetry::LostLines;
use crate::telemetry::metrics::Exposition;

use super::identity::this_process;
use super::metrics::LinkSamples;
use super::registry::{Registry, SharedByLinks};
use super::store_recovery::StoreRecovery;

/// The time limit for everything to end after the first signal; the links' own limits fit into it.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Runs the service until a signal arrives. The first one stops it in order, the second one immediately. SIGHUP does
/// nothing, with a line that says so.
///
/// Errors: startup failed (checkpoint DB, API address), or a task ended unexpectedly.
pub async fn run(config: Config, lost_lines: LostLines) -> Result<()> {
    let (first, second) = stop_signals()?;
    let hangups = hangups()?;
    let (shared, recovery) = open(&config).await?;
    let access = Access::new(
        &config.api,
        ApiToken::load_or_create(&config.api.token_file)?,
    );
    let listener = listen(&config.api).await?;
    let mut tasks = Supervisor::new(CancellationToken::new());
    let token = tasks.token().clone();
    tasks.spawn("checkpoint DB", recovery.keep(token.clone()));
    let registry = Arc::new(Registry::new(shared));
    for link in &config.links {
        registry.add(&config, link)?;
    }
    tasks.spawn("links", Arc::clone(&registry).keep(token));
    let doors = Doors { listener, access };
    serve(&config.api, doors, &registry, lost_lines, &mut tasks);
    let links = config.links.len();
    tracing::info!(links, api = %config.api.listen, "farshore runs");
    let ended = tokio::select! {
        () = first => Ok(()),
        error = tasks.failure() => Err(error),
        () = hangups => Ok(()),
    };
    tracing::info!("stopping: what is in flight lands first; a second signal stops at once");
    let stopped = tokio::select! {
        stopped = tasks.stop(STOP_LIMIT) => stopped,
        () = second => Err(Error::new(Kind::Stopping, "stopped at once by a second signal")),
    };
    // Waits for all updates queued for the checkpoint DB.
    drop(registry);
    ended.and(stopped)
}

/// Opens the checkpoint DB. A damaged one is replaced only if every link has a journal to restore it from.
async fn open(config: &Config) -> Result<(SharedByLinks, StoreRecovery)> {
    let path = &config.checkpoint.path;
    let disk = if config.links.iter().all(|link| link.journal) {
        checkpoint::open_or_create(path)?
    } else {
        checkpoint::open(path)?
    };
    let me = this_process(&*disk, path, &config.api.advertised_url).await?;
    let recovery = StoreRecovery::new(Arc::clone(&disk));
    let store = Arc::new(JournaledStore::new(disk, renew));
    let shared = SharedByLinks {
        health: recovery.health().clone(),
        audit: Arc::new(AuditLog::open(Arc::<JournaledStore>::clone(&store))?),
        store,
        me,
    };
    Ok((shared, recovery))
}

/// Converts a link's layout-1 values to the current layout.
fn renew(store: &dyn Store, link: &LinkName) -> Result<Update> {
    let mut update = Update::new();
    renew_snapshot(&mut update, store, link)?;
    renew_operations(&mut update, store, link)?;
    Ok(update)
}

async fn listen(api: &ApiConfig) -> Result<TcpListener> {
    TcpListener::bind(api.listen).await.map_err(|cause| {
        let message = format!(
            "the API cannot listen on {}: choose another address in [api] listen, or stop the process that uses it",
            api.listen
        );
        Error::new(Kind::Invalid, message).caused_by(cause)
    })
}

/// The API's listener, and the rules about who may ask what.
struct Doors {
    listener: TcpListener,
    access: Access,
}

/// Starts moves and the API for the links.
fn serve(
    api: &ApiConfig,
    Doors { listener, access }: Doors,
    registry: &Registry,
    lost_lines: LostLines,
    tasks: &mut Supervisor,
) {
    let shared = registry.shared();
    let store: Arc<dyn Store> = Arc::<JournaledStore>::clone(&shared.store);
    let moves = Arc::new(Runner::new(Arc::clone(&store), registry.sites()));
    let running = Arc::clone(&moves);
    let token = tasks.token().clone();
    tasks.spawn("moves", async move { running.run(token).await });
    let samples = Arc::new(LinkSamples {
        links: registry.handles(),
        store: shared.health.clone(),
    });
    let state = ApiState {
        links: registry.handles(),
        moves,
        store,
        audit: Arc::clone(&shared.audit),
        exposition: Exposition::new(samples, lost_lines),
    };
    let limits = Limits::from(api);
    let router = api::router(Arc::new(state), access, &limits);
    let token = tasks.token().clone();
    tasks.spawn("API", async move {
        api::serve(listener, router, limits, token).await;
        Ok(())
    });
}

/// Returns two futures: the first resolves at the first SIGINT or SIGTERM (stop in order), the second at the next one
/// (stop immediately). From this call on, these signals no longer terminate the process themselves.
///
/// Cancellation: dropping a future only stops waiting.
fn stop_signals() -> Result<(
    impl Future<Output = ()> + Send,
    impl Future<Output = ()> + Send,
)> {
    let mut first = SignalListener::new()?;
    let mut second = SignalListener::new()?;
    Ok((async move { first.next().await }, async move {
        second.next().await;
        second.next().await;
    }))
}

/// Returns a future that logs each SIGHUP and never ends: a terminal that is gone, or a request to reload, ends nothing.
fn hangups() -> Result<impl Future<Output = ()> + Send> {
    let mut hangups = listen_for(SignalKind::hangup())?;
    Ok(async move {
        while hangups.recv().await.is_some() {
            tracing::warn!("SIGHUP is ignored: restart farshore to take up another configuration");
        }
        std::future::pending::<()>().await;
    })
}

fn listen_for(kind: SignalKind) -> Result<Signal> {
    signal(kind)
        .map_err(|cause| Error::new(Kind::Invalid, "cannot listen for signals").caused_by(cause))
}

/// The operator's request to stop: SIGINT or SIGTERM.
struct SignalListener {
    interrupt: Signal,
    terminate: Signal,
}

impl SignalListener {
    fn new() -> Result<Self> {
        Ok(Self {
            interrupt: listen_for(SignalKind::interrupt())?,
            terminate: listen_for(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
