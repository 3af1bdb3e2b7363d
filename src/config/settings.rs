//! The configuration as the program needs it: no options where a default exists, nothing left to parse.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::kafka::client::HostPort;
use crate::model::{ClusterName, DataPath, LinkName, OffsetsMode, Secret, TopicName};

use super::filter::{GroupFilter, TopicFilter};
use super::policies::PolicyRules;

/// A whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The clusters by name; a link names two of them.
    pub clusters: BTreeMap<ClusterName, ClusterConfig>,
    /// The links, ordered by name; at least one.
    pub links: Vec<LinkConfig>,
    /// Where the checkpoint DB is.
    pub checkpoint: CheckpointConfig,
    /// The service's HTTP interface.
    pub api: ApiConfig,
    /// Threads.
    pub runtime: RuntimeConfig,
    /// Logging.
    pub log: LogConfig,
}

/// How to reach a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    /// Its name in the configuration.
    pub name: ClusterName,
    /// Addresses to start from; at least one.
    pub bootstrap: Vec<HostPort>,
    /// Reachable addresses by the addresses that brokers advertise.
    pub address_map: BTreeMap<HostPort, HostPort>,
    /// How farshore proves who it is, where brokers ask for that.
    pub login: Option<LoginConfig>,
    /// How farshore names itself to the brokers.
    pub client_id: String,
    /// How long a connection may take to open.
    pub connect_timeout: Duration,
    /// After how long metadata is asked for again though nothing gave reason to.
    pub metadata_max_age: Duration,
}

/// How farshore proves who it is to a cluster's brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginConfig {
    /// By name and password (PLAIN).
    Password {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// By a Kerberos ticket (GSSAPI).
    Kerberos {
        /// The first part of the brokers' principals.
        service: String,
        /// Who to be; whoever the default credentials name if nobody is given.
        principal: Option<String>,
    },
}

/// One direction between two clusters.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// Its name.
    pub name: LinkName,
    /// Where records come from; a key of [`Config::clusters`].
    pub source: ClusterName,
    /// Where they go; another key of [`Config::clusters`].
    pub target: ClusterName,
    /// Which topics are mirrored.
    pub topics: TopicFilter,
    /// Which groups' offsets are carried over.
    pub groups: GroupFilter,

    /// Where a topic that isn't mirrored yet begins.
    pub start: Start,
    /// Whether target offsets of partitions that aren't mirrored yet are to equal source offsets.
    pub offsets: OffsetsMode,
    /// How far they are, if they are.
    pub preserve: PreserveLimits,
    /// How records travel.
    pub path: DataPath,
    /// What mirror topics are called.
    pub naming: Naming,
    /// Replicas of mirror topics; without one the source topic's, at most the number of target brokers.
    pub replication_factor: Option<i16>,
    /// Whether the link keeps a journal on the target and with it a lease: one process at a time mirrors.
    pub journal: bool,
    /// How often topics, partitions and settings are compared.
    pub refresh_interval: Duration,
    /// How often group offsets are carried over.
    pub group_sync_interval: Duration,
    /// Connections to each source broker for data; none: as many as its distance takes.
    pub fetch_connections: Option<u16>,
    /// Connections to each target broker for data.
    pub produce_connections: u16,
    /// Bytes that may be between source and target at once; fetching waits at this limit.
    pub max_in_flight_bytes: u64,
    /// Bytes of one fetch answer.
    pub fetch_max_bytes: i32,
    /// Bytes of one partition in a fetch answer; at most `fetch_max_bytes`.
    pub partition_max_bytes: i32,
    /// Bytes that are fetched from the source per second at most; none: as many as it gives.
    pub max_bytes_per_second: Option<u64>,
    /// How long a broker may take to answer.
    pub request_timeout: Duration,
    /// How mirrors are verified.
    pub verify: VerifyConfig,
    /// What happens where going on would mean to guess.
    pub policies: PolicyRules,
    /// The topic on the target for records that it refuses in their mirror topics.
    pub quarantine_topic: TopicName,
}

impl LinkConfig {
    /// The name of a source topic's mirror on the target.
    pub fn mirror_topic(&self, topic: &TopicName) -> TopicName {
        self.naming.mirror_topic(&self.source, topic)
    }
}

/// How mirrors are verified.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifyConfig {
    /// After which what was mirrored meanwhile is verified without an order; none: never.
    pub interval: Option<Duration>,
    /// What is read to verify, of both sides together.
    pub max_bytes_per_second: u64,
}

/// Where a topic that isn't mirrored yet begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the first record the source still has.
    Earliest,
    /// With the next record.
    Latest,
    /// At the first record with this timestamp or a later one, in milliseconds since 1970.
    At(i64),
}

/// How far offsets are preserved, where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PreserveLimits {
    /// At most this many offsets before a partition's first record are filled.
    pub max_prefix: i64,
    /// At most this many offsets in one gap between records are filled.
    pub max_markers: i64,
    /// What becomes of a partition whose offsets can't be preserved.
    pub otherwise: Otherwise,
}

/// What becomes of a partition whose offsets can't be preserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// It isn't mirrored.
    Refuse,
    /// It is mirrored with an offset map.
    Translate,
}

/// What mirror topics are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// As on the source.
    Identity,
    /// The source cluster's name, a dot and the topic: `MirrorMaker` 2's default.
    Prefix,
}

impl Naming {
    /// The name of a source topic's mirror.
    pub fn mirror_topic(self, source: &ClusterName, topic: &TopicName) -> TopicName {
        match self {
            Self::Identity => topic.clone(),
            Self::Prefix => TopicName::new(format!("{source}.{topic}")),
        }
    }

    /// The source topic whose mirror has this name, if one can have it.
    pub fn source_topic(self, source: &ClusterName, mirror: &TopicName) -> Option<TopicName> {
        match self {
            Self::Identity => Some(mirror.clone()),
            Self::Prefix => {
                let rest = mirror.as_str().strip_prefix(source.as_str())?;
                rest.strip_prefix('.').map(TopicName::new)
            }
        }
    }
}

/// The checkpoint DB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointConfig {
    /// Its directory; a relative path begins where the service is started.
    pub path: PathBuf,
}

/// The service's HTTP interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiConfig {
    /// The address it listens on.
    pub listen: SocketAddr,
    /// The URL advertised to others.
    pub advertised_url: String,
    /// The largest request body, in bytes.
    pub max_body: usize,
    /// Requests answered per second; more are refused.
    pub requests_per_second: u32,
    /// How long an answer may take.
    pub timeout: Duration,
}

/// Threads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// Threads that do the work; at least one.
    pub worker_threads: usize,
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogConfig {
    /// How lines look.
    pub format: LogFormat,
    /// The least level that is written.
    pub level: LogLevel,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For reading.
    Text,
    /// One JSON object per line.
    Json,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// What needs an operator.
    Error,
    /// And what passed by itself but should not have happened.
    Warn,
    /// And what changed.
    Info,
    /// And single steps.
    Debug,
    /// And requests.
    Trace,
}

impl LogLevel {
    /// The name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
