//! What the API knows: handles to everything it shows and asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::checkpoint::Store;
use crate::checkpoint::audit::AuditLog;
use crate::contract::LinkFailure;
use crate::control::groups::status::Board;
use crate::failover::runner::Runner;
use crate::journal::Owner;
use crate::model::{ClusterName, LinkName};
use crate::replicate::LinkView;
use crate::task::{InFlight, Ownership};
use crate::telemetry::metrics::Exposition;
use crate::verify::Verifications;

/// Everything the handlers use.
#[derive(Debug)]
pub struct ApiState {
    /// The links there are now.
    pub links: watch::Receiver<BTreeMap<LinkName, Arc<LinkHandle>>>,
    /// Plans and operations of all links.
    pub moves: Arc<Runner>,
    /// The checkpoint DB.
    pub store: Arc<dyn Store>,
    /// The audit log in it.
    pub audit: Arc<AuditLog>,
    /// What `/metrics` shows.
    pub exposition: Exposition,
}

/// One link.
#[derive(Debug)]
pub struct LinkHandle {
    /// The cluster it reads.
    pub source: ClusterName,
    /// The cluster it writes to.
    pub target: ClusterName,
    /// Its mirror partitions.
    pub view: LinkView,
    /// How it stands as a whole; kept up to date by whoever runs it.
    pub condition: watch::Receiver<Condition>,
    /// Its consumer groups.
    pub groups: Arc<Board>,
    /// What was verified, and is to be.
    pub verifications: Arc<Verifications>,
    /// Whether this process owns it.
    pub ownership: Ownership,
    /// Writes of topic discovery and group sync to the target that are in flight.
    pub in_flight: InFlight,
    /// Held while its pending intents are read, changed and written, so that no change is lost.
    pub pending_intents: Arc<Mutex<()>>,
}

/// How a link stands as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Condition {
    /// Whether the source answers.
    pub source: Reach,
    /// Whether the target answers.
    pub target: Reach,
    /// What else it waits for before it can mirror.
    pub waits_for: Option<String>,
    /// Whether another process owns the link, and this one stands by.
    pub standby: bool,
    /// That process, while it is alive.
    pub owner: Option<Owner>,
    /// What an operator should put right although the link mirrors.
    pub warning: Option<String>,
    /// The failure that ended the link's parts, until it restarts.
    pub failure: Option<LinkFailure>,
    /// How often that happened since the process started.
    pub failures: u64,
}

/// Whether a cluster answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reach {
    /// Nothing was heard from it yet.
    #[default]
    Unknown,
    /// It answered when it was last asked.
    Reached,
    /// It didn't, for this reason.
    Lost(String),
}

impl Reach {
    /// Whether the cluster answered when it was last asked.
    pub fn is_reached(&self) -> bool {
        *self == Self::Reached
    }
}
