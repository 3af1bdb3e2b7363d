//! Makes plans, and executes them one per link: each phase is stored before its effect, and taken up again after a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::drive::Drive;
use super::operation::{
    Operation, all_operations, read_operation, read_plan, save_operation, save_plan,
};
use super::plan::{Blocker, Kind, Plan, plan};
use super::sites::{Chosen, Sites};
use super::states::{Moves, Phase};
use crate::checkpoint::Store;
use crate::config::GroupFilter;
use crate::error::{self, Error, Result};
use crate::model::{LinkName, TopicName};
use crate::task::contained;

#[cfg(test)]
mod tests;

/// How long a switchover waits for the source to come to rest.
const DRAIN_LIMIT: SignedDuration = SignedDuration::from_mins(10);
/// Operations started and not yet taken up; there is at most one per link.
const STARTED_MAX: usize = 64;

/// What a plan is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// The kind of move.
    pub kind: Kind,
    /// The link.
    pub link: LinkName,
    /// Regular expressions for whole group names; none means every group of the link.
    pub groups: Option<Vec<String>>,
    /// Topics to be drained beside those of the groups.
    pub topics: BTreeSet<TopicName>,
}

/// Why a plan isn't executed.
#[derive(Debug, thiserror::Error)]
pub enum NotStarted {
    /// There is no plan of that name.
    #[error("there is no such plan; make one")]
    UnknownPlan,
    /// It is too old, or has changed.
    #[error("the plan is stale: {0}; make a new one")]
    Stale(String),
    /// Something stands against it.
    #[error("something stands against the plan")]
    Blocked(Vec<Blocker>),
    /// Another operation of the link is running.
    #[error("operation {0} is running on the link; wait until it is done")]
    Busy(String),
    /// It couldn't be found out.
    #[error(transparent)]
    Failed(#[from] Error),
}

/// Plans and operations of all links.
#[derive(Debug)]
pub struct Runner {
    store: Arc<dyn Store>,
    links: watch::Receiver<BTreeMap<LinkName, Arc<Sites>>>,
    /// Operations being executed, by name.
    running: Mutex<BTreeMap<String, watch::Sender<Arc<Operation>>>>,
    /// Held while a plan is being started, so that two can't be at once.
    starting: tokio::sync::Mutex<mpsc::Sender<Operation>>,
    started: Mutex<Option<mpsc::Receiver<Operation>>>,
}

impl Runner {
    /// A runner for the links that there are at any time.
    pub fn new(
        store: Arc<dyn Store>,
        links: watch::Receiver<BTreeMap<LinkName, Arc<Sites>>>,
    ) -> Self {
        let (starting, started) = mpsc::channel(STARTED_MAX);
        Self {
            store,
            links,
            running: Mutex::default(),
            starting: tokio::sync::Mutex::new(starting),
            started: Mutex::new(Some(started)),
        }
    }

    /// Makes a plan and stores it; changes nothing else.
    ///
    /// Errors: `Invalid` for an unknown link or a bad expression; what prevents seeing the target or the checkpoint DB.
    pub async fn plan(&self, request: &Request) -> Result<Plan> {
        let now = Timestamp::now();
        let sites = self.sites(&request.link)?;
        let chosen = match &request.groups {
            Some(expressions) => GroupFilter::new(expressions, &[] as &[&str])?,
            None => sites.groups.clone(),
        };
        let chosen = Chosen::Matching(chosen);
        let topics = request.topics.clone();
        let situation = sites.observe(request.kind, &chosen, topics, now).await?;
        let id = format!(
            "{}-{:08x}",
            now.strftime("%Y%m%dT%H%M%SZ"),
            fastrand::u32(..)
        );
        let plan = plan(&situation, id, now);
        save_plan(self.store.as_ref(), &plan).await?;
        Ok(plan)
    }

    /// A plan made before.
    pub fn find_plan(&self, id: &str) -> Result<Option<Plan>> {
        read_plan(self.store.as_ref(), id)
    }

    /// An operation, finished or not; it has the name of its plan.
    pub fn operation(&self, id: &str) -> Result<Option<Operation>> {
        read_operation(self.store.as_ref(), id)
    }

    /// Every change of an operation while it is executed; the sender is gone when it has ended.
    pub fn watch(&self, id: &str) -> Option<watch::Receiver<Arc<Operation>>> {
        self.running.lock().get(id).map(watch::Sender::subscribe)
    }

    /// Starts the execution of a plan, or gives the operation if the plan is or was executed already.
    pub async fn start(&self, plan_id: &str, hash: &str) -> Result<Operation, NotStarted> {
        let starting = self.starting.lock().await;
        let plan = self.find_plan(plan_id)?.ok_or(NotStarted::UnknownPlan)?;
        if plan.hash != hash {
            return Err(NotStarted::Stale("the hash is not the plan's".to_owned()));
        }
        if let Some(operation) = self.operation(plan_id)? {
            return Ok(operation);
        }
        if let Some(other) = self
            .unfinished()?
            .into_iter()
            .find(|o| o.plan.link == plan.link)
        {
            return Err(NotStarted::Busy(other.id));
        }
        let now = Timestamp::now();
        self.check_again(&plan, now).await?;
        self.sites(&plan.link)?.ownership.check()?;
        let operation = begin(plan, now);
        save_operation(self.store.as_ref(), &operation).await?;
        self.show(&operation);
        let stopping = |_| Error::new(error::Kind::Stopping, "farshore is stopping");
        starting.send(operation.clone()).await.map_err(stopping)?;
        Ok(operation)
    }

    /// Whether the plan would be made in the same way now.
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
        let situation = sites.observe(old.kind, &chosen, topics, now).await?;
        let new = plan(&situation, old.id.clone(), now);
        if !new.blockers.is_empty() {
            return Err(NotStarted::Blocked(new.blockers));
        }
        if new.hash != old.hash {
            return Err(NotStarted::Stale("the situation has changed".to_owned()));
        }
        Ok(())
    }

    /// Takes up unfinished operations of each link that this process comes to own and executes those started, until the
    /// token is cancelled. When a link is lost, so are its operations: its next owner takes them up.
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
                    // One started in this process waits in the channel.
                    let is_new = |o: &Operation| o.plan.link == sites.link && self.watch(&o.id).is_none();
                    // If the DB can't be read, another term follows when it can.
                    let taken_up = self.unfinished().unwrap_or_default().into_iter().filter(is_new);
                    drives.extend(taken_up.map(|operation| self.execute(operation)));
                    gains.push(gain(sites, term));
                }
                Some(operation) = started.recv() => drives.push(self.execute(operation)),
            }
        }
    }

    /// Operations of configured links that a former process didn't finish.
    fn unfinished(&self) -> Result<Vec<Operation>> {
        let all = all_operations(self.store.as_ref())?.into_iter();
        let links = self.links.borrow();
        let ours = |o: &Operation| !o.phase.is_last() && links.contains_key(&o.plan.link);
        Ok(all.filter(ours).collect())
    }

    async fn execute(&self, operation: Operation) {
        let id = operation.id.clone();
        let Ok(sites) = self.sites(&operation.plan.link) else {
            // The link was removed meanwhile; the operation waits until it is there again.
            self.running.lock().remove(&id);
            return;
        };
        self.show(&operation);
        let drive = Drive {
            sites: &sites,
            store: self.store.as_ref(),
            show: &|operation| self.show(operation),
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
                "the operation stands still until the link begins anew"
            );
        }
    }

    fn show(&self, operation: &Operation) {
        let shown = Arc::new(operation.clone());
        self.running
            .lock()
            .entry(operation.id.clone())
            .or_insert_with(|| watch::Sender::new(Arc::clone(&shown)))
            .send_replace(shown);
    }

    fn sites(&self, link: &LinkName) -> Result<Arc<Sites>> {
        let found = self.links.borrow().get(link).cloned();
        found.ok_or_else(|| Error::new(error::Kind::Invalid, format!("there is no link {link}")))
    }
}

/// A link and the term in which it is owned now.
type Gain = BoxFuture<'static, (Arc<Sites>, Option<u64>)>;

/// The last term of each link in which its operations were taken up.
#[derive(Debug, Default)]
struct Terms(BTreeMap<LinkName, (Arc<Sites>, Option<u64>)>);

impl Terms {
    /// The next terms of these links and of no others; a link that was removed and added again is another one.
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

/// Waits until the link is owned in another term than the last one.
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
        Kind::Switchover => Phase::Draining {
            deadline_ms: (now + DRAIN_LIMIT).as_millisecond(),
            rested: None,
            waits_for: Vec::new(),
        },
        Kind::Failover => Phase::Freezing {
            moves: Moves::from(plan.groups.clone()),
        },
    };
    Operation {
        id: plan.id.clone(),
        plan,
        phase,
        started_at: now,
        entered_at: now,
        retrying: None,
    }
}
