//! The facts that `check` gathers, before they are judged.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clusters::unreached::Unreached;
use crate::config::{IdleExpression, PreserveLimits};
use crate::control::acls::status::AclStatus;
use crate::error::Error;
use crate::kafka::acl::{AclOperation, Grantee};
use crate::kafka::admin::{Operations, Outdated};
use crate::kafka::client::Cluster;
use crate::model::{
    BrokerId, CertificateEnds, ClusterName, GroupId, LinkName, Partition, TopicName,
};

use super::probe::Probe;

/// All facts, by cluster and by link.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// When they were gathered, in seconds since 1970.
    pub(super) now: i64,
    /// The clusters used by links.
    pub(super) clusters: BTreeMap<ClusterName, ClusterFacts>,
    pub(super) links: Vec<LinkFacts>,
    pub(super) circles: Vec<CircleFacts>,
}

/// A cycle of links in which a topic is mirrored again and again, or may be.
#[derive(Debug)]
pub(super) struct CircleFacts {
    pub(super) links: Vec<LinkName>,
    /// A topic that would go round, if one was found.
    pub(super) topic: Option<TopicName>,
    /// Whether other topics could not be looked at.
    pub(super) unknown: bool,
}

/// The facts about a cluster.
#[derive(Debug)]
pub(super) struct ClusterFacts {
    /// The principal under which its brokers know farshore.
    pub(super) grantee: Grantee,
    /// When the certificates of its connections end.
    pub(super) certificates: CertificateEnds,
    /// What it reported, or why it couldn't be reached.
    pub(super) reached: Result<Reached, Error>,
}

/// A cluster that was reached.
#[derive(Debug)]
pub(super) struct Reached {
    /// The cluster id.
    pub(super) id: String,
    /// The number of brokers.
    pub(super) brokers: usize,
    /// The brokers that can't be reached.
    pub(super) unreached: Vec<Unreached>,
    /// The brokers that are too old to be written to.
    pub(super) outdated: Option<Outdated>,
    /// The brokers on which offsets can't be preserved, because they are too old.
    pub(super) gapless: Vec<BrokerId>,
    /// Whether writing control markers takes `CLUSTER_ACTION` on one of the brokers, rather than `ALTER`.
    pub(super) marks_as_broker: bool,
    /// The settings of its brokers, or the error returned instead.
    pub(super) settings: Result<Settings, Error>,
    /// The time from a request to its answer; zero if it isn't known.
    pub(super) round_trip: Duration,
}

/// Both clusters of a link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) source: (&'a Cluster, &'a Reached),
    pub(super) target: (&'a Cluster, &'a Reached),
}

/// Broker settings by name.
pub(super) type Settings = BTreeMap<String, String>;

/// The facts about a link.
#[derive(Debug)]
pub(super) struct LinkFacts {
    pub(super) name: LinkName,
    pub(super) source: ClusterName,
    pub(super) target: ClusterName,
    /// Fetch connections to each broker of the source; `None`: chosen by the round trip time.
    pub(super) fetch_connections: Option<u16>,
    /// What was found on both clusters; `None` if one of them can't be reached, or if they are the same one.
    pub(super) found: Option<Result<Found, Error>>,
}

/// The facts about a link found on its clusters.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The expressions in `topics` through which no topic is selected.
    pub(super) idle_topics: Vec<IdleExpression<TopicName>>,
    /// The same for `groups`.
    pub(super) idle_groups: Vec<IdleExpression<GroupId>>,
    /// The selected topics, by their names on the source.
    pub(super) topics: BTreeMap<TopicName, TopicFacts>,
    /// The number of selected consumer groups; `None` if it isn't known.
    pub(super) groups: Option<usize>,
    /// The facts about preserving offsets, if the link does.
    pub(super) preserve: Option<PreserveFacts>,
    /// The facts about the record path, if the link uses it.
    pub(super) record: Option<RecordFacts>,
    /// The facts about the quarantine topic, if refused records go there.
    pub(super) quarantine: Option<QuarantineFacts>,
    /// Per topic, the number of offsets older than the retention of its mirror.
    pub(super) outlived: BTreeMap<TopicName, i64>,
    /// Per topic without a mirror, the number of offsets so old that they are written one request at a time.
    pub(super) unpipelined: BTreeMap<TopicName, i64>,
    /// The facts about the journal, if the link keeps one.
    pub(super) journal: Option<JournalFacts>,
    /// What became of what the link has mirrored so far.
    pub(super) history: HistoryFacts,
    /// The facts about the ACLs of its mirror topics, if it cares for them.
    pub(super) acls: Option<AclFacts>,
    /// What isn't known because nobody answered, each with the reason. Nothing is concluded from the facts about it.
    pub(super) unknown: Vec<(&'static str, Error)>,
}

/// The facts about what a link has mirrored so far.
#[derive(Debug, Default)]
pub(super) struct HistoryFacts {
    /// Why it isn't known.
    pub(super) unknown: Option<String>,
    /// The clusters that the link doesn't belong to, each with the id that it should have and the one it has.
    pub(super) others: Vec<(ClusterName, String, String)>,
    /// The number of selected topics of which records were mirrored.
    pub(super) mirrors: usize,
    /// Their mirrors that aren't on the target any more.
    pub(super) gone: Vec<TopicName>,
    /// Their mirrors that may not be seen.
    pub(super) hidden: Vec<TopicName>,
    /// Their mirrors that were created again.
    pub(super) recreated: Vec<TopicName>,
    /// The topics whose offsets relate otherwise than configured.
    pub(super) fixed: Vec<TopicName>,
}

/// The facts about the ACLs of mirror topics.
#[derive(Debug)]
pub(super) struct AclFacts {
    /// What the link would do; `None` if the target has no authorizer.
    pub(super) status: Result<Option<AclStatus>, Error>,
    /// Whether it is known what the link has added so far.
    pub(super) knows_added: bool,
}

/// The facts about the record path.
#[derive(Debug)]
pub(super) struct RecordFacts {
    /// The prefix of the link's transactional ids.
    pub(super) prefix: String,
    /// The target's error for one of them.
    pub(super) refused: Option<Error>,
}

/// The facts about the topic for refused records.
#[derive(Debug)]
pub(super) struct QuarantineFacts {
    pub(super) name: TopicName,
    /// Its state.
    pub(super) stands: MirrorFacts,
}

/// The facts about a journal.
#[derive(Debug)]
pub(super) struct JournalFacts {
    /// The name of its topic.
    pub(super) name: TopicName,
    /// The state of the topic.
    pub(super) state: JournalTopic,
}

/// The state of a journal's topic.
#[derive(Debug)]
pub(super) enum JournalTopic {
    /// It has to be created.
    Missing {
        /// The target's error for the creation.
        refused: Option<Error>,
    },
    /// It exists.
    Present {
        /// The operations permitted on it.
        permitted: Operations,
        /// Its cleanup policy, if the target reports it.
        policy: Option<String>,
    },
}

/// The facts about preserving offsets.
#[derive(Debug)]
pub(super) struct PreserveFacts {
    /// The configured limits.
    pub(super) limits: PreserveLimits,
    /// The result of trying the operations needed on the target.
    pub(super) probe: Probe,
    /// The offsets to fill in topics that aren't mirrored yet, by their names on the source.
    pub(super) fills: BTreeMap<TopicName, Fill>,
}

/// The offsets to fill in a topic.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Fill {
    /// Offsets before the first record of a partition; the maximum over its partitions.
    pub(super) longest_prefix: i64,
    /// Offsets before the first records, summed over all partitions.
    pub(super) prefixes: i64,
    /// Offsets from the first records on, with or without records.
    pub(super) history: i64,
}

/// The facts about a selected topic.
#[derive(Debug)]
pub(super) struct TopicFacts {
    /// The number of partitions.
    pub(super) partitions: i32,
    /// The operations permitted on the source.
    pub(super) permitted: Operations,
    /// Whether its cleanup policy contains `compact`.
    pub(super) compacted: bool,
    /// The size limit of a batch in bytes, if the source reports it.
    pub(super) max_message_bytes: Option<i64>,
    /// The name of its mirror topic.
    pub(super) mirror: TopicName,
    /// The state of its mirror topic.
    pub(super) on_target: MirrorFacts,
}

/// The state of a mirror topic.
#[derive(Debug)]
pub(super) enum MirrorFacts {
    /// It has to be created.
    Missing {
        /// The target's error for the creation.
        refused: Option<Error>,
    },
    /// It exists.
    Present {
        /// The operations permitted on it.
        permitted: Operations,
        /// The operations needed before it can mirror its source.
        due: BTreeSet<AclOperation>,
        /// The partitions with foreign writes.
        strangers: Vec<Stranger>,
    },
}

/// A mirror partition to which another producer wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stranger {
    pub(super) partition: Partition,
    /// The evidence.
    pub(super) what: String,
}
