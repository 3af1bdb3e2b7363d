//! The resolved configuration: no options where a default exists, nothing left to parse.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::Duration;

use serde::Deserialize;

use crate::kafka::client::{AddressMap, HostPort, SocksProxy, TlsSettings};
use crate::model::{ClusterName, DataPath, LinkName, OffsetsMode, TopicName};

use super::api::ApiConfig;
use super::defaults;
use super::excluded_settings::ExcludedSettings;
use super::filter::{GroupFilter, TopicFilter};
use super::login::LoginConfig;
use super::policies::{AclRules, PolicyRules, PreserveLimits};
use super::problem::Problem;
use super::values::{Filled, Notation, Number, Word, read};

/// The whole configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// The clusters by name; a link refers to two of them.
    pub clusters: BTreeMap<ClusterName, ClusterConfig>,
    /// The links, ordered by name; at least one.
    pub links: Vec<LinkConfig>,
    pub checkpoint: CheckpointConfig,
    pub api: ApiConfig,
    pub runtime: RuntimeConfig,
    pub log: LogConfig,
    /// What couldn't be decided from the file alone.
    pub warnings: Vec<Problem>,
}

/// The connection settings of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterConfig {
    pub name: ClusterName,
    /// The bootstrap addresses; at least one.
    pub bootstrap: Vec<HostPort>,
    /// Reachable addresses, by the addresses that brokers advertise.
    pub address_map: AddressMap,
    /// The proxy through which its brokers are reached, if there is one.
    pub proxy: Option<SocksProxy>,
    /// The login, if the brokers require one.
    pub login: Option<LoginConfig>,
    /// How connections are encrypted, if they are.
    pub tls: Option<TlsSettings>,
    /// The rack in which records are fetched, if followers may serve them.
    pub rack: Option<String>,
    /// The principal under which the brokers know farshore, with its type; `None`: what the login tells.
    pub principal: Option<String>,
    /// The client id that farshore sends to the brokers.
    pub client_id: String,
    /// The timeout for opening a connection.
    pub connect_timeout: Duration,
    /// The age after which metadata is refreshed even without an error.
    pub metadata_max_age: Duration,
}

/// A link: one direction between two clusters.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    pub name: LinkName,
    /// The source cluster; a key of [`Config::clusters`].
    pub source: ClusterName,
    /// The target cluster; another key of [`Config::clusters`].
    pub target: ClusterName,
    /// The topics to mirror.
    pub topics: TopicFilter,
    /// The groups whose offsets are carried over.
    pub groups: GroupFilter,

    /// The starting point for topics that aren't mirrored yet.
    pub start: Start,
    /// Whether partitions that aren't mirrored yet get target offsets equal to the source offsets.
    pub offsets: OffsetsMode,
    /// The limits of preserved offsets.
    pub preserve: PreserveLimits,
    /// The path that records take.
    pub path: DataPath,
    /// The naming of mirror topics.
    pub naming: Naming,
    /// Whether source topics may be mirrors themselves, written by links that this configuration doesn't have.
    pub allow_mirrored_source: bool,
    /// The replication factor of mirror topics; `None`: the source topic's, limited by the number of target brokers.
    pub replication_factor: Option<i16>,
    /// The settings of mirror topics that are left alone.
    pub excluded_settings: ExcludedSettings,
    /// Whether the link keeps a journal on the target and with it a lease: one process at a time mirrors.
    pub journal: bool,
    /// The interval at which topics, partitions and settings are compared.
    pub refresh_interval: Duration,
    /// The interval at which group offsets are carried over.
    pub group_sync_interval: Duration,
    /// What is done with the ACLs of mirror topics.
    pub acls: AclRules,
    /// Fetch connections to each source broker; `None`: chosen by the round trip time.
    pub fetch_connections: Option<u16>,
    /// Produce connections to each target broker.
    pub produce_connections: u16,
    /// The limit of bytes held between source and target; fetching pauses at this limit.
    pub max_in_flight_bytes: u64,
    /// The limit of a fetch response, in bytes.
    pub fetch_max_bytes: i32,
    /// The limit of one partition's share of a fetch response, in bytes; at most `fetch_max_bytes`.
    pub partition_max_bytes: i32,
    /// The limit of bytes fetched from the source per second; `None`: unlimited.
    pub max_bytes_per_second: Option<u64>,
    /// The timeout for a broker's response.
    pub request_timeout: Duration,
    pub verify: VerifyConfig,
    /// The policies for situations in which continuing would mean guessing.
    pub policies: PolicyRules,
    /// The topic on the target for records that it refuses in their mirror topics.
    pub quarantine_topic: TopicName,
}

impl LinkConfig {
    /// The name of a source topic's mirror on the target.
    pub fn mirror_topic(&self, topic: &TopicName) -> TopicName {
        self.naming.mirror_topic(&self.source, topic)
    }

    /// The source topics that may be mirrors themselves. A name that becomes longer with each link isn't mistaken for
    /// another, unless it shows that its records may have been on one of the clusters before.
    pub fn mirrored_sources(&self) -> MirroredSources {
        match (self.allow_mirrored_source, self.naming) {
            (true, _) => MirroredSources::Any,
            (false, Naming::Identity) => MirroredSources::None,
            (false, Naming::Prefix) => {
                MirroredSources::Without([self.source.clone(), self.target.clone()])
            }
        }
    }
}

/// Which source topics may be mirrors that links of other configurations write.
#[derive(Debug, Clone, Default)]
pub enum MirroredSources {
    Any,
    #[default]
    None,
    /// All but those whose names have one of these cluster names in them: they may have come from there.
    Without([ClusterName; 2]),
}

impl MirroredSources {
    /// Whether this source topic may be such a mirror.
    pub fn allow(&self, topic: &TopicName) -> bool {
        let has = |cluster: &ClusterName| {
            let mut parts = topic.as_str().match_indices(cluster.as_str());
            parts.any(|(start, name)| {
                let (before, after) = (
                    &topic.as_str()[..start],
                    &topic.as_str()[start + name.len()..],
                );
                (before.is_empty() || before.ends_with('.')) && after.starts_with('.')
            })
        };
        match self {
            Self::Any => true,
            Self::None => false,
            Self::Without(clusters) => !clusters.iter().any(has),
        }
    }
}

/// The verification of mirrors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifyConfig {
    /// The interval at which newly mirrored records are verified in the background; `None`: never.
    pub interval: Option<Duration>,
    /// The limit of bytes read to verify per second, for both sides together.
    pub max_bytes_per_second: u64,
}

/// The starting point for a topic that isn't mirrored yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the first record that the source still has.
    Earliest,
    /// At the next record.
    Latest,
    /// At the first record with this or a later timestamp, in milliseconds since 1970.
    At(i64),
}

impl Start {
    /// The time, if it is one.
    pub fn time_ms(self) -> Option<i64> {
        let Self::At(time_ms) = self else { return None };
        Some(time_ms)
    }
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

/// The naming of mirror topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Naming {
    /// The same name as on the source.
    Identity,
    /// The source cluster's name, a dot and the topic: `MirrorMaker` 2's default.
    Prefix,
}

impl Naming {
    /// The name of a source topic's mirror.
    pub fn mirror_topic(self, source: &ClusterName, topic: &TopicName) -> TopicName {
        match self {
            Self::Identity => topic.clone(),
            Self::Prefix => TopicName::new(format!("{source}.{}", topic.as_str())),
        }
    }

    /// The source topic whose mirror has this name; `None` if no topic's mirror can have it.
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
    /// The directory; a relative path starts at the working directory of the service.
    #[serde(deserialize_with = "read::<Filled<PathBuf>, _>")]
    pub path: PathBuf,
}

impl Default for CheckpointConfig {
    fn default() -> Self {
        let path = PathBuf::from(defaults::CHECKPOINT_PATH);
        Self { path }
    }
}

/// The threads of the process.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RuntimeConfig {
    /// The number of worker threads; at least one.
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
    #[serde(deserialize_with = "read::<Word<LogFormat>, _>")]
    pub format: LogFormat,
    /// The least severe level that is logged.
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

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// The log levels; each includes the previous ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Events that need an operator.
    Error,
    /// Events that passed by themselves but should not have happened.
    Warn,
    /// Changes.
    Info,
    /// Single steps.
    Debug,
    /// Requests.
    Trace,
}

impl LogLevel {
    /// The level's name in the configuration.
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
mod tests;
