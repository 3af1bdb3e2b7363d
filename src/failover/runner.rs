//! Makes plans, and executes them one per link: each phase is stored before its effect, and resumed after a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{OwnedMutexGuard, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::drive::Drive;
use super::operation::{
    Operation, put_operation, read_operation, read_plan, save_plan, unfinished,
};
use super::plan::{Blocker, LossLimit, MoveKind, Plan, plan};
use super::sites::{Chosen, Sites};
use super::states::{Moves, Phase};
use crate::checkpoint::{Store, Update};
use crate::config::GroupFilter;
use crate::error::{self, Error, Result};
use crate::model::{LinkName, TopicName};
use crate::task::contained;

mod orders;
#[cfg(test)]
mod tests;

pub use orders::NotCancelled;

/// How long a switchover waits for the source to come to rest.
const DRAIN_LIMIT: SignedDuration = SignedDuration::from_mins(10);
/// The capacity for operations started but not yet picked up; there is at most one per link.
const STARTED_MAX: usize = 64;

/// What a plan is requested for.
#[derive(Debug, Clone)]
pub struct MoveRequest {
    pub kind: MoveKind,
    pub link: LinkName,
    /// Regular expressions for whole group names; `None` means every group of the link. A group that was moved before is
    /// part of the move only if one of them is its name.
    pub groups: Option<Vec<String>>,
    /// Regular expressions for whole names of groups that aren't part of the move.
    pub groups_exclude: Vec<String>,
    /// Topics to drain in addition to those of the groups.
    pub topics: BTreeSet<TopicName>,
    /// How much a failover may lose; `None` for no limit.
    pub allow_loss: Option<LossLimit>,
}

/// Why a plan isn't executed.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// There is no plan of that name.
    #[error("there is no such plan; make one")]
    UnknownPlan,
    /// The plan has expired, or would be different now.
    #[error("the plan is stale: {0}; make a new one")]
    Stale(String),
    /// The plan has blockers.
    #[error("something stands against the plan")]
    Blocked(Vec<Blocker>),
    /// Another operation of the link is running.
    #[error("operation {0} is running on the link; wait until it is done")]
    Busy(String),
    /// The checks themselves failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// An operation that is executed here.
#[derive(Debug)]
struct Running {
    shown: watch::Sender<Arc<Operation>>,
    /// The order to call it off, once there is one.
    cancelled: watch::Sender<Option<Blocker>>,
}

/// The plans and operations of all links.
#[derive(Debug)]
pub struct Runner {
    store: Arc<dyn Store>,
    links: watch::Receiver<BTreeMap<LinkName, Arc<Sites>>>,
    /// Per link, held while everything that a plan depends on is read: with many groups that is large.
    observing: Mutex<BTreeMap<LinkName, Arc<tokio::sync::Mutex<()>>>>,
    /// Operations being executed, by name.
    running: Mutex<BTreeMap<String, Running>>,
    /// Held while a plan is being started, so that only one can start at a time.
    starting: tokio::sync::Mutex<mpsc::Sender<Operation>>,
    started: Mutex<Option<mpsc::Receiver<Operation>>>,
}

impl Runner {
    /// Creates a runner for the links present at any time.
    pub fn new(
        store: Arc<dyn Store>,
        links: watch::Receiver<BTreeMap<LinkName, Arc<Sites>>>,
    ) -> Self {
        let (starting, started) = mpsc::channel(STARTED_MAX);
        Self {
            store,
            links,
            observing: Mutex::default(),
            running: Mutex::default(),
            starting: tokio::sync::Mutex::new(starting),
            started: Mutex::new(Some(started)),
        }
    }

    /// Makes a plan and stores it; changes nothing else.
    ///
    /// Errors: `Invalid` for an unknown link or a bad expression; whatever prevents reading the target or the checkpoint
    /// DB.
    pub async fn plan(&self, request: &MoveRequest) -> Result<Plan> {
        let now = Timestamp::now();
        let sites = self.sites(&request.link)?;
        let every = vec![".*".to_owned()];
        let expressions = request.groups.as_ref().unwrap_or(&every);
        let mut moved = self.moved(&sites)?;
        moved.retain(|group, _| !expressions.iter().any(|it| it == group.as_str()));
        let chosen = Chosen::Matching {
            filter: GroupFilter::new(expressions, &request.groups_exclude)?,
            moved,
        };
        let topics = request.topics.clone();
        let _alone = self.alone(&request.link).await;
        let mut situation = sites.observe(request.kind, &chosen, topics, now).await?;
        situation.allow_loss = request.allow_loss;
        let id = format!(
            "{}-{:08x}",
            now.strftime("%Y%m%dT%H%M%SZ"),
            fastrand::u32(..)
        );
        let plan = plan(&situation, id, now);
        drop(situation);
        save_plan(self.store.as_ref(), &plan).await?;
        Ok(plan)
    }

    /// The stored plan `id`, if it exists.
    pub fn find_plan(&self, id: &str) -> Result<Option<Plan>> {
        read_plan(self.store.as_ref(), id)
    }

    /// The operation `id`, finished or not; it has the name of its plan.
    pub fn operation(&self, id: &str) -> Result<Option<Arc<Operation>>> {
        if let Some(running) = self.watch(id) {
            return Ok(Some(Arc::clone(&running.borrow())));
        }
        Ok(read_operation(self.store.as_ref(), id)?.map(Arc::new))
    }

    /// Subscribes to an operation while it is executed; the channel closes when the operation has ended.
    pub fn watch(&self, id: &str) -> Option<watch::Receiver<Arc<Operation>>> {
        let running = self.running.lock();
        running.get(id).map(|running| running.shown.subscribe())
    }

    /// Starts the execution of a plan, or returns its operation if the plan was started before. `note` adds to the update
    /// that starts it.
    pub async fn start(
        &self,
        plan_id: &str,
        hash: &str,
        note: impl FnOnce(&mut Update, &Plan) + Send,
    ) -> Result<Arc<Operation>, NotStarted> {
        let starting = self.starting.lock().await;
        let mut plan = self.find_plan(plan_id)?.ok_or(NotStarted::UnknownPlan)?;
        if plan.hash != hash {
            return Err(NotStarted::Stale("the plan's hash differs".to_owned()));
        }
        if let Some(operation) = self.operation(plan_id)? {
            return Ok(operation);
        }
        if let Some(other) = self.unfinished(&plan.link)?.pop() {
            return Err(NotStarted::Busy(other));
        }
        let now = Timestamp::now();
        // A large plan's moves need as much memory as the look that checks them: one at a time.
        plan.groups = Moves::default();
        self.check_again(&plan, now).await?;
        let plan = self.find_plan(plan_id)?.ok_or(NotStarted::UnknownPlan)?;
        self.sites(&plan.link)?.ownership.check()?;
        let operation = begin(plan, now);
        let mut update = Update::new();
        note(&mut update, &operation.plan);
        put_operation(&mut update, self.store.as_ref(), &operation)?;
        self.store.commit(update).await?;
        self.show(&operation);
        let stopping = |_| Error::new(error::Kind::Stopping, "farshore is stopping");
        starting.send(operation.clone()).await.map_err(stopping)?;
        Ok(Arc::new(operation))
    }

    /// Waits for the exclusive right to look at a link for a plan.
    async fn alone(&self, link: &LinkName) -> OwnedMutexGuard<()> {
        let observing = Arc::clone(self.observing.lock().entry(link.clone()).or_default());
        observing.lock_owned().await
    }

    /// Checks that the same plan would be made now.
    async fn check_again(&self, old: &Plan, now: Timestamp) -> Result<(), NotStarted> {
        if old.is_expired(now) {
            return Err(NotStarted::Stale(format!(
                "it expired at {}",
                old.expires_at
            )));
        }
        let chosen = Chosen::Exactly(old.chosen.iter().cloned().collect());
        let topics = old.topics.iter().cloned().collect();
        let sites = self.sites(&old.link)?;
        let _alone = self.alone(&old.link).await;
        let mut situation = sites.observe(old.kind, &chosen, topics, now).await?;
        situation.allow_loss = old.allow_loss;
        let new = plan(&situation, old.id.clone(), now);
        drop(situation);
        if !new.blockers.is_empty() {
            return Err(NotStarted::Blocked(new.blockers));
        }
        if new.hash != old.hash {
            return Err(NotStarted::Stale("the situation has changed".to_owned()));
        }
        Ok(())
    }

    /// Resumes the unfinished operations of each link this process gains ownership of, and executes those started here,
    /// until `token` is cancelled. When ownership of a link is lost, its operations end here; the next owner resumes them.
    ///
    /// Errors: the checkpoint DB failed, or it runs already.
    pub async fn run(&self, token: CancellationToken) -> Result<()> {
        let mut started = self.started.lock().take().ok_or_else(|| {
            Error::new(
                error::Kind::Invalid,
                "operations are being executed already",
            )
        })?;
        let mut drives = FuturesUnordered::new();
        let mut links = self.links.clone();
        let mut terms = Terms::default();
        let mut gains = terms.of(&links.borrow_and_update());
        loop {
            tokio::select! {
                biased;
                () = token.cancelled() => return Ok(()),
                Some(()) = drives.next() => {}
                Ok(()) = links.changed() => gains = terms.of(&links.borrow_and_update()),
                Some((sites, term)) = gains.next() => {
                    terms.0.insert(sites.link.clone(), (Arc::clone(&sites), term));
                    // If the DB can't be read, another term follows once it can.
                    let taken_up = self.left_over(&sites.link).unwrap_or_default();
                    drives.extend(taken_up.into_iter().map(|operation| self.execute(operation)));
                    gains.push(gain(sites, term));
                }
                Some(operation) = started.recv() => drives.push(self.execute(operation)),
            }
        }
    }

    /// The names of a link's operations that haven't ended.
    fn unfinished(&self, link: &LinkName) -> Result<Vec<String>> {
        let all = unfinished(self.store.as_ref())?.into_iter();
        let ours = all.filter(|(of, _)| of == link);
        Ok(ours.map(|(_, id)| id).collect())
    }

    /// The operations of a link that a former owner didn't finish.
    fn left_over(&self, link: &LinkName) -> Result<Vec<Operation>> {
        let mut found = Vec::new();
        for id in self.unfinished(link)? {
            // An operation started in this process waits in the channel.
            if self.watch(&id).is_none() {
                found.extend(read_operation(self.store.as_ref(), &id)?);
            }
        }
        Ok(found)
    }

    async fn execute(&self, operation: Operation) {
        let id = operation.id.clone();
        let Ok(sites) = self.sites(&operation.plan.link) else {
            // The link was removed meanwhile; the operation waits until it is added again.
            self.running.lock().remove(&id);
            return;
        };
        let cancelled = self.show(&operation);
        let drive = Drive {
            sites: &sites,
            store: self.store.as_ref(),
            show: &|operation| {
                self.show(operation);
            },
            cancelled,
        };
        let mut term = sites.ownership.term();
        let own = *term.borrow_and_update();
        let driving = contained("the operation", Box::pin(drive.to_the_end(operation)));
        let ended = tokio::select! {
            biased;
            _ = term.wait_for(|now| now.is_none() || *now != own) => Ok(()),
            ended = driving => ended,
        };
        self.running.lock().remove(&id);
        if let Err(error) = ended {
            tracing::error!(
                operation = id,
                error = error.chain(),
                "the operation is suspended until the link restarts"
            );
        }
    }

    /// Shows the present state of an operation that is executed here; returns where it is called off.
    fn show(&self, operation: &Operation) -> watch::Receiver<Option<Blocker>> {
        let shown = Arc::new(operation.clone());
        let mut all = self.running.lock();
        let running = all.entry(operation.id.clone()).or_insert_with(|| Running {
            shown: watch::Sender::new(Arc::clone(&shown)),
            cancelled: watch::Sender::default(),
        });
        running.shown.send_replace(shown);
        running.cancelled.subscribe()
    }

    fn sites(&self, link: &LinkName) -> Result<Arc<Sites>> {
        let found = self.links.borrow().get(link).cloned();
        found.ok_or_else(|| Error::new(error::Kind::Invalid, format!("there is no link {link}")))
    }
}

/// A link and the term in which it is owned now.
type Gain = BoxFuture<'static, (Arc<Sites>, Option<u64>)>;

/// The last term of each link in which its operations were resumed.
#[derive(Debug, Default)]
struct Terms(BTreeMap<LinkName, (Arc<Sites>, Option<u64>)>);

impl Terms {
    /// The next terms of these links and no others; a link that was removed and added again is a different one.
    fn of(&mut self, links: &BTreeMap<LinkName, Arc<Sites>>) -> FuturesUnordered<Gain> {
        let is_there = |name: &LinkName, sites: &Arc<Sites>| {
            let now = links.get(name);
            now.is_some_and(|now| Arc::ptr_eq(now, sites))
        };
        self.0.retain(|name, (sites, _)| is_there(name, sites));
        let last = |name| self.0.get(name).and_then(|(_, term)| *term);
        let gains = links.iter();
        gains
            .map(|(name, sites)| gain(Arc::clone(sites), last(name)))
            .collect()
    }
}

/// Waits until the link is owned in a term other than `last`.
fn gain(sites: Arc<Sites>, last: Option<u64>) -> Gain {
    Box::pin(async move {
        let mut term = sites.ownership.term();
        let gained = term.wait_for(|now| now.is_some() && *now != last).await;
        let gained = gained.map_or(last, |term| *term);
        (sites, gained)
    })
}

fn begin(plan: Plan, now: Timestamp) -> Operation {
    let phase = match plan.kind {
        MoveKind::Switchover => Phase::Draining {
            deadline_ms: (now + DRAIN_LIMIT).as_millisecond(),
            rested: None,
            waits_for: Vec::new(),
        },
        MoveKind::Failover => Phase::Freezing {
            moves: Moves::clone(&plan.groups),
        },
    };
    Operation {
        id: plan.id.clone(),
        plan: Arc::new(plan),
        phase,
        started_at: now,
        entered_at: now,
        retrying: None,
    }
}
