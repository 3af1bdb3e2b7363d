//! The running service: store, clusters, links and API under one supervisor, started and stopped in order.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::{self, ApiState, Limits};
use crate::checkpoint::audit::AuditLog;
use crate::checkpoint::{self, JournaledStore, Store};
use crate::clusters::{self, Watched};
use crate::config::{ApiConfig, Config, LinkConfig};
use crate::control::groups::committed::Ledger;
use crate::error::{Error, Kind, Result};
use crate::failover::runner::Runner;
use crate::journal::{JournalSettings, Owner};
use crate::replicate::LinkView;
use crate::task::{InFlight, Ownership, Supervisor, signal};
use crate::telemetry::metrics::Exposition;
use crate::verify::Verifications;

use super::link::Link;
use super::owner::this_process;
use super::revival::Revival;
use super::samples::{LinkSample, LinkSamples};

/// How long everything may take to end after the first signal; the links' own limits fit into it.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// Runs the service until it is told to stop. The first signal stops in order, the second at once.
///
/// Errors: what keeps it from starting (checkpoint DB, API address), and what ends it against its will.
pub async fn run(config: Config) -> Result<()> {
    let (first, second) = signal::stop_signals()?;
    let (store, journals) = open(&config).await?;
    let listener = listen(&config.api).await?;
    let mut tasks = Supervisor::new(CancellationToken::new());
    let audit = Arc::new(AuditLog::open(Arc::clone(&store))?);
    let links = start(&config, &journals, &audit, &mut tasks)?;
    let revival = journals.revival.clone();
    serve(
        &config,
        (&store, audit),
        revival,
        &links,
        listener,
        &mut tasks,
    );
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
    drop((links, store, journals));
    ended.and(stopped)
}

/// The journals of the links, and who would like to own them.
struct Journals {
    store: Arc<JournaledStore>,
    me: Owner,
    revival: Revival,
}

/// Opens the checkpoint DB. A damaged one is begun anew only if every link has a journal to fill it from.
async fn open(config: &Config) -> Result<(Arc<dyn Store>, Journals)> {
    let path = &config.checkpoint.path;
    let disk = if config.links.iter().all(|link| link.journal) {
        checkpoint::open_or_begin_anew(path)?
    } else {
        checkpoint::open(path)?
    };
    let me = this_process(&*disk, path, &config.api.advertised_url).await?;
    let with_journal = config.links.iter().filter(|link| link.journal);
    let names = with_journal.map(|link| link.name.clone());
    let revival = Revival::new(Arc::clone(&disk));
    let store = Arc::new(JournaledStore::new(disk, names));
    let of_links = Journals {
        store: Arc::clone(&store),
        me,
        revival,
    };
    Ok((store, of_links))
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
    revival: Revival,
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
    let views = links.iter().map(|link| LinkSample {
        view: link.view.clone(),
        board: Arc::clone(&link.board),
        verifications: Arc::clone(&link.verifications),
    });
    let samples = Arc::new(LinkSamples {
        links: views.collect(),
        revival,
    });
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
    journals: &Journals,
    audit: &Arc<AuditLog>,
    tasks: &mut Supervisor,
) -> Result<Vec<Link>> {
    let store: Arc<dyn Store> = Arc::<JournaledStore>::clone(&journals.store);
    let token = tasks.token().clone();
    tasks.spawn("checkpoint DB", journals.revival.clone().keep(token));
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
        let target = cluster(&link.target)?;
        let view = LinkView::load(&link.name, &store, |topic| link.topics.matches(topic))?;
        let link = Link {
            config: link.clone(),
            source: cluster(&link.source)?,
            journal: JournalSettings {
                target: target.cluster.clone(),
                replication_factor: link.replication_factor,
                me: journals.me.clone(),
            },
            ownership: if link.journal {
                Ownership::none()
            } else {
                Ownership::permanent()
            },
            target,
            store: Arc::clone(&store),
            audit: Arc::clone(audit),
            journaled: Arc::clone(&journals.store),
            revival: journals.revival.clone(),
            verifications: Arc::new(Verifications::load(&view, &store)?),
            view,
            ledger: Arc::new(Ledger::new(Arc::clone(&store), link.name.clone())),
            board: Arc::default(),
            record: Arc::default(),
            pending_intents: Arc::default(),
            in_flight: InFlight::default(),
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
