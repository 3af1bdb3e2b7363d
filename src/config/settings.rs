//! The configuration as the program needs it: no options where a default exists, nothing left to parse.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use serde::Deserialize;

use crate::kafka::client::HostPort;
use crate::model::{ClusterName, DataPath, LinkName, OffsetsMode, Secret, TopicName};

use super::defaults;
use super::filter::{GroupFilter, TopicFilter};
use super::policies::PolicyRules;
use super::values::{Bytes, Filled, HttpUrl, KIB, MIB, Notation, Number, Word, read};

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

impl Notation for Start {
    type Written = String;
    type Value = Self;

    fn read(text: String) -> Result<Self, String> {
        match &*text {
            "earliest" => Ok(Self::Earliest),
            "latest" => Ok(Self::Latest),
            time => time
                .parse::<jiff::Timestamp>()
                .map(|time| Self::At(time.as_millisecond()))
                .map_err(|_| {
                    format!(
                        "expected \"earliest\", \"latest\" or an RFC 3339 time like \"2026-01-31T08:00:00Z\", found {text:?}"
                    )
                }),
        }
    }
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// It isn't mirrored.
    Refuse,
    /// It is mirrored with an offset map.
    Translate,
}

/// What mirror topics are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
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
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Its directory; a relative path begins where the service is started.
    #[serde(deserialize_with = "read::<Filled<PathBuf>, _>")]
    pub path: PathBuf,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        let path = PathBuf::from(defaults::CHECKPOINT_PATH);
        Self { path }
    }
}

/// The service's HTTP interface.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    /// The address it listens on.
    #[serde(deserialize_with = "read::<SocketAddr, _>")]
    pub listen: SocketAddr,
    /// The URL advertised to others.
    #[serde(deserialize_with = "read::<HttpUrl, _>")]
    pub advertised_url: String,
    /// The largest request body, in bytes.
    #[serde(deserialize_with = "read::<Bytes<usize, KIB, { 16 * MIB }>, _>")]
    pub max_body: usize,
    /// Requests answered per second; more are refused.
    #[serde(deserialize_with = "read::<Number<u32, 1, 100_000>, _>")]
    pub requests_per_second: u32,
    /// How long an answer may take.
    #[serde(deserialize_with = "read::<Duration, _>")]
    pub timeout: Duration,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            listen: defaults::API_LISTEN,
            // Depends on `listen`: put in when that is known.
            advertised_url: String::new(),
            max_body: defaults::API_MAX_BODY,
            requests_per_second: defaults::API_REQUESTS_PER_SECOND,
            timeout: defaults::API_TIMEOUT,
        }
    }
}

/// Threads.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeConfig {
    /// Threads that do the work; at least one.
    #[serde(deserialize_with = "read::<Number<usize, 1, 256>, _>")]
    pub worker_threads: usize,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        let worker_threads = cores.min(defaults::WORKER_THREADS_AT_MOST);
        Self { worker_threads }
    }
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// How lines look.
    #[serde(deserialize_with = "read::<Word<LogFormat>, _>")]
    pub format: LogFormat,
    /// The least level that is written.
    #[serde(deserialize_with = "read::<Word<LogLevel>, _>")]
    pub level: LogLevel,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            level: LogLevel::Info,
        }
    }
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For reading.
    Text,
    /// One JSON object per line.
    Json,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts() {
        let read = |text: &str| Start::read(text.to_owned());
        assert_eq!(read("earliest"), Ok(Start::Earliest));
        assert_eq!(read("latest"), Ok(Start::Latest));
        assert_eq!(read("1970-01-01T00:00:01.5Z"), Ok(Start::At(1_500)));
        assert_eq!(read("1970-01-01T01:00:00+01:00"), Ok(Start::At(0)));
        for text in ["", "now", "2026-01-01", "2026-01-01T00:00:00", "1767225600"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
