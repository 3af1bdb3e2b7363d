//! What `check` found out, before anybody judges it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::config::PreserveLimits;
use crate::error::Error;
use crate::kafka::admin::{Operation, Operations, Outdated};
use crate::kafka::client::HostPort;
use crate::model::{BrokerId, ClusterName, LinkName, Partition, TopicName};

use super::probe::Probe;

/// Everything, cluster by cluster and link by link.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// The clusters that links name.
    pub(super) clusters: BTreeMap<ClusterName, ClusterFacts>,
    /// The links.
    pub(super) links: Vec<LinkFacts>,
}

/// A cluster.
#[derive(Debug)]
pub(super) struct ClusterFacts {
    /// Its bootstrap addresses, as tools take them.
    pub(super) bootstrap: String,
    /// Whom its brokers take farshore for.
    pub(super) principal: String,
    /// What it told, or why it didn't.
    pub(super) reached: Result<Reached, Error>,
}

impl ClusterFacts {
    /// The command that grants farshore something.
    pub(super) fn grant(&self, what: &str) -> String {
        let Self {
            bootstrap,
            principal,
            ..
        } = self;
        format!(
            "kafka-acls.sh --bootstrap-server {bootstrap} --add --allow-principal User:{principal} {what}"
        )
    }
}

/// A cluster that answers.
#[derive(Debug)]
pub(super) struct Reached {
    /// Kafka's id of it.
    pub(super) id: String,
    /// How many brokers it has.
    pub(super) brokers: usize,
    /// The brokers that can't be reached at the addresses they advertise.
    pub(super) unreachable: Vec<(BrokerId, HostPort, Error)>,
    /// The brokers that are too old to be written to.
    pub(super) outdated: Option<Outdated>,
    /// The settings of its brokers, or what it said instead.
    pub(super) settings: Result<Settings, Error>,
    /// The time from a request to its answer.
    pub(super) round_trip: Duration,
}

/// Settings of brokers by name.
pub(super) type Settings = BTreeMap<String, String>;

/// A link.
#[derive(Debug)]
pub(super) struct LinkFacts {
    /// Its name.
    pub(super) name: LinkName,
    /// Where records come from.
    pub(super) source: ClusterName,
    /// Where they go.
    pub(super) target: ClusterName,
    /// Connections for data to each broker of the source; none: as many as its distance takes.
    pub(super) fetch_connections: Option<u16>,
    /// What was found on both clusters; none if one of them can't be reached, or if they are one.
    pub(super) found: Option<Result<Found, Error>>,
}

/// What a link found on its clusters.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Expressions for topics that select nothing.
    pub(super) idle_expressions: Vec<String>,
    /// The selected topics by their names on the source.
    pub(super) topics: BTreeMap<TopicName, TopicFacts>,
    /// How many consumer groups are selected.
    pub(super) groups: usize,
    /// What concerns keeping offsets, if they are to be kept.
    pub(super) preserve: Option<PreserveFacts>,
    /// What concerns the record path, if records take it.
    pub(super) record: Option<RecordFacts>,
    /// What concerns quarantine, if refused records are to go there.
    pub(super) quarantine: Option<QuarantineFacts>,
    /// How many offsets of topics are older than their mirrors keep records.
    pub(super) outlived: BTreeMap<TopicName, i64>,
    /// What concerns the journal, if one is kept.
    pub(super) journal: Option<JournalFacts>,
}

/// What concerns the record path.
#[derive(Debug)]
pub(super) struct RecordFacts {
    /// What the link's transactional ids begin with.
    pub(super) prefix: String,
    /// What the target says against one of them.
    pub(super) refused: Option<Error>,
}

/// The topic for refused records.
#[derive(Debug)]
pub(super) struct QuarantineFacts {
    /// Its name.
    pub(super) name: TopicName,
    /// How it stands.
    pub(super) stands: MirrorFacts,
}

/// What concerns a journal.
#[derive(Debug)]
pub(super) struct JournalFacts {
    /// Its topic.
    pub(super) name: TopicName,
    /// How that stands.
    pub(super) state: JournalTopic,
}

/// How the topic of a journal stands.
#[derive(Debug)]
pub(super) enum JournalTopic {
    /// It has to be created, which the target would do or refuses.
    Missing {
        /// What the target says against it.
        refused: Option<Error>,
    },
    /// It exists.
    Present {
        /// What is permitted.
        permitted: Operations,
        /// Its cleanup policy, if the target tells.
        policy: Option<String>,
    },
}

/// What concerns keeping offsets.
#[derive(Debug)]
pub(super) struct PreserveFacts {
    /// The configured limits.
    pub(super) limits: PreserveLimits,
    /// What the target said when it was tried.
    pub(super) probe: Probe,
    /// What there is to fill in topics that aren't mirrored yet, by their names on the source.
    pub(super) fills: BTreeMap<TopicName, Fill>,
}

/// Offsets to be filled in a topic.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fill {
    /// Before the first record of one partition, at most.
    pub(super) longest_prefix: i64,
    /// Before the first records of all partitions.
    pub(super) prefixes: i64,
    /// From the first records on, with or without records.
    pub(super) history: i64,
}

/// A selected topic.
#[derive(Debug)]
pub(super) struct TopicFacts {
    /// How many partitions it has.
    pub(super) partitions: i32,
    /// What is permitted on the source.
    pub(super) permitted: Operations,
    /// Whether it is compacted.
    pub(super) compacted: bool,
    /// The largest batch it takes in bytes, if the source tells.
    pub(super) max_message_bytes: Option<i64>,
    /// The name of its mirror.
    pub(super) mirror: TopicName,
    /// How its mirror stands.
    pub(super) on_target: MirrorFacts,
}

/// How a mirror topic stands.
#[derive(Debug)]
pub(super) enum MirrorFacts {
    /// It has to be created, which the target would do or refuses.
    Missing {
        /// What the target says against it.
        refused: Option<Error>,
    },
    /// It exists.
    Present {
        /// What is permitted.
        permitted: Operations,
        /// What has to be done with it before it can mirror its source.
        due: BTreeSet<Operation>,
        /// Partitions into which others wrote.
        strangers: Vec<Stranger>,
    },
}

/// A mirror partition into which somebody else wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stranger {
    /// The partition.
    pub(super) partition: Partition,
    /// How that shows.
    pub(super) what: String,
}
