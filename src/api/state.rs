//! The state shared by all handlers: handles to everything that the API shows and triggers.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use tokio::sync::{Mutex, watch};

use crate::checkpoint::Store;
use crate::checkpoint::audit::AuditLog;
use crate::config::{ExcludedSettings, GroupFilter, Naming, TopicFilter};
use crate::contract::{LinkFailure, UnreachableBroker};
use crate::control::acls::status::AclBoard;
use crate::control::groups::status::Board;
use crate::control::topics::cluster::SeenConfigs;
use crate::failover::runner::Runner;
use crate::journal::Owner;
use crate::model::{CertificateEnds, ClusterName, LinkName, TopicName};
use crate::replicate::LinkView;
use crate::task::{InFlight, Ownership};
use crate::telemetry::metrics::Exposition;
use crate::verify::Verifications;

/// The state shared by all handlers.
#[derive(Debug)]
pub struct ApiState {
    /// The current links.
    pub links: watch::Receiver<BTreeMap<LinkName, Arc<LinkHandle>>>,
    /// Plans and operations of all links.
    pub moves: Arc<Runner>,
    /// The checkpoint DB.
    pub store: Arc<dyn Store>,
    pub audit: Arc<AuditLog>,
    /// Encodes the samples for `/metrics`.
    pub exposition: Exposition,
}

/// The API's handle to a link.
#[derive(Debug)]
pub struct LinkHandle {
    pub source: ClusterName,
    pub target: ClusterName,
    /// Its mirror partitions.
    pub view: LinkView,
    /// Its condition as a whole, kept up to date by the link's tasks.
    pub condition: watch::Receiver<Condition>,
    /// The state of its consumer groups.
    pub groups: Arc<Board>,
    /// The state of the ACLs of its mirror topics.
    pub acls: Arc<AclBoard>,
    /// What decides on the names of topics and groups.
    pub selection: Selection,
    /// Its verifications, ordered and completed.
    pub verifications: Arc<Verifications>,
    /// Whether this process owns it.
    pub ownership: Ownership,
    /// Writes to the target by topic discovery and group sync that are in flight.
    pub in_flight: InFlight,
    /// Held while its pending intents are read, changed and written, so that no change is lost.
    pub pending_intents: Arc<Mutex<()>>,
}

/// What decides on the names of a link's topics and groups.
#[derive(Debug)]
pub struct Selection {
    pub topics: TopicFilter,
    pub groups: GroupFilter,
    pub naming: Naming,
    pub source: Arc<dyn SourceTopics>,
    /// The settings of mirror topics that are left alone.
    pub excluded_settings: ExcludedSettings,
    /// The settings of topics on the source and of mirror topics, as topic discovery last read them.
    pub configs: [SeenConfigs; 2],
}

/// The topics of a link's source, as of the last look.
pub trait SourceTopics: Send + Sync + Debug {
    /// What was seen of a topic.
    fn seen(&self, topic: &TopicName) -> Sighting;
}

/// What was seen of a topic at the last look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sighting {
    /// There has been no look yet.
    Unknown,
    Absent,
    /// The topic exists; `is_internal` is what the brokers say of it.
    Present {
        is_internal: bool,
    },
}

/// The condition of a link as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Condition {
    pub source: Reach,
    pub target: Reach,
    /// The ends of the certificates on the connections to source and target.
    pub certificates: [CertificateEnds; 2],
    /// The brokers of source and target that can't be reached although their clusters answer.
    pub unreachable: [Unreachable; 2],
    /// What else it waits for before it can mirror.
    pub waits_for: Option<String>,
    /// Whether another process owns the link and this one is on standby.
    pub standby: bool,
    /// The process that owns the link, while it is alive and isn't this one.
    pub owner: Option<Owner>,
    /// Whether the quotas of the source and of the target have slowed the link down lately.
    pub throttled: [bool; 2],
    /// What an operator should fix although the link mirrors.
    pub warning: Option<String>,
    /// Why the checkpoint DB can't be used, if it can't.
    pub store_failure: Option<String>,
    /// The failure that ended the link's tasks, until it restarts.
    pub failure: Option<LinkFailure>,
    /// The number of such failures since the process started.
    pub failures: u64,
}

/// The brokers of a cluster that can't be reached although it answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unreachable {
    pub(crate) brokers: Vec<UnreachableBroker>,
    /// What is wrong with them, and what to do about it.
    pub advice: Vec<(String, String)>,
}

/// Whether a cluster answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Reach {
    /// It has not answered yet.
    #[default]
    Unknown,
    /// It answered the last request.
    Reached,
    /// It didn't answer the last request, for this reason.
    Lost(String),
    /// It refused the last login, or farshore had no credentials for it, for this reason.
    LoginFailed(String),
}

impl Reach {
    /// Whether the cluster answered the last request.
    pub fn is_reached(&self) -> bool {
        *self == Self::Reached
    }
}
