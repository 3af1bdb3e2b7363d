//! The rights that requests need, and the commands that grant them.
//!
//! Each kind of request that an authorizer may refuse is a [`Need`]: the right that a refused request names, the rights that
//! `check` looks for and those that it prints all come from there. Pure.

pub mod entry;

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::BrokerCode;
use crate::model::OneLine;

/// An operation, with its number in Kafka's protocol.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AclOperation {
    /// Every operation.
    All = 2,
    /// Read records, or commit offsets of a group.
    Read = 3,
    /// Write records, or transactions under an id.
    Write = 4,
    /// Create the topic.
    Create = 5,
    /// Delete records, or the topic.
    Delete = 6,
    /// Add partitions; on the cluster, write control markers.
    Alter = 7,
    /// See that it exists, and what state it is in.
    Describe = 8,
    /// Act as a broker; farshore uses it only to write control markers before Kafka 3.8.
    ClusterAction = 9,
    /// Read its settings.
    DescribeConfigs = 10,
    /// Change its settings.
    AlterConfigs = 11,
    /// Get a producer id.
    IdempotentWrite = 12,
    /// Make delegation tokens for a user.
    CreateTokens = 13,
    DescribeTokens = 14,
    /// Prepare transactions that another system completes.
    TwoPhaseCommit = 15,
}

impl AclOperation {
    /// The operations that include this one, for Kafka's own authorizers.
    fn included_in(self) -> &'static [Self] {
        match self {
            Self::Describe => &[Self::Read, Self::Write, Self::Delete, Self::Alter],
            Self::DescribeConfigs => &[Self::AlterConfigs],
            Self::All
            | Self::Read
            | Self::Write
            | Self::Create
            | Self::Delete
            | Self::Alter
            | Self::ClusterAction
            | Self::AlterConfigs
            | Self::IdempotentWrite
            | Self::CreateTokens
            | Self::DescribeTokens
            | Self::TwoPhaseCommit => &[],
        }
    }

    /// Returns `operations` without those that others among them include.
    pub fn least(operations: &BTreeSet<Self>) -> BTreeSet<Self> {
        let is_included = |it: &&Self| it.included_in().iter().any(|it| operations.contains(it));
        let least = operations.iter().filter(|it| !is_included(it));
        least.copied().collect()
    }
}

impl fmt::Display for AclOperation {
    /// The form that the `--operation` option of `kafka-acls` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// The kinds of resources, with their numbers in Kafka's protocol.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum ResourceType {
    Topic = 2,
    Group = 3,
    TransactionalId = 5,
    Cluster = 4,
    DelegationToken = 6,
    User = 7,
}

impl ResourceType {
    /// The option of `kafka-acls` that selects one.
    fn option(self) -> &'static str {
        match self {
            Self::Topic => "--topic",
            Self::Group => "--group",
            Self::TransactionalId => "--transactional-id",
            Self::Cluster => "--cluster",
            Self::DelegationToken => "--delegation-token",
            Self::User => "--user-principal",
        }
    }

    /// The code with which brokers refuse requests without the right.
    fn refusal(self) -> BrokerCode {
        BrokerCode(match self {
            Self::Topic => 29,
            Self::Group => 30,
            Self::Cluster => 31,
            Self::TransactionalId => 53,
            Self::DelegationToken | Self::User => 65,
        })
    }
}

/// What a name stands for, with its number in Kafka's protocol.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum PatternType {
    /// The resource of this name; `*` stands for all.
    Literal = 3,
    /// All resources whose names begin with it.
    Prefixed = 4,
}

/// The resources that a right is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct Resource {
    pub kind: ResourceType,
    pub pattern: PatternType,
    pub name: String,
}

/// The name of the cluster as a resource.
const CLUSTER: &str = "kafka-cluster";
/// The literal name that stands for every resource of its kind.
pub const ALL: &str = "*";

impl Resource {
    /// The resource of this name.
    pub fn literal(kind: ResourceType, name: impl Into<String>) -> Self {
        Self {
            kind,
            pattern: PatternType::Literal,
            name: name.into(),
        }
    }

    /// The resources whose names begin with `prefix`; all if it is empty.
    pub fn prefixed(kind: ResourceType, prefix: impl Into<String>) -> Self {
        let name = prefix.into();
        if name.is_empty() {
            return Self::literal(kind, ALL);
        }
        Self {
            kind,
            pattern: PatternType::Prefixed,
            name,
        }
    }

    /// The cluster itself.
    pub fn cluster() -> Self {
        Self::literal(ResourceType::Cluster, CLUSTER)
    }
}

/// What farshore asks of brokers that needs a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// Reading records, and everything that is asked about a log that is read: its ends, its epochs, its producers.
    ReadRecords,
    WriteRecords,
    /// Deleting the oldest records.
    DeleteRecords,
    CreateTopic,
    /// Adding partitions.
    GrowTopic,
    DeleteTopic,
    ReadTopicConfigs,
    ChangeTopicConfigs,
    /// Seeing that a topic exists.
    SeeTopic,
    /// Seeing a group and its offsets.
    ReadOffsets,
    /// Committing offsets of a group, and seeing them.
    CommitOffsets,
    /// Reading the brokers' settings.
    ReadBrokerConfigs,
    WriteMarkers,
    /// Writing transactions under a transactional id.
    Transact,
    /// Seeing whose an open transaction is.
    SeeTransactions,
    /// Reading the cluster's ACLs.
    ReadAcls,
    /// Adding and removing ACLs.
    ChangeAcls,
}

impl Need {
    /// Every need, for enumeration.
    pub const ALL: [Self; 17] = [
        Self::ReadRecords,
        Self::WriteRecords,
        Self::DeleteRecords,
        Self::CreateTopic,
        Self::GrowTopic,
        Self::DeleteTopic,
        Self::ReadTopicConfigs,
        Self::ChangeTopicConfigs,
        Self::SeeTopic,
        Self::ReadOffsets,
        Self::CommitOffsets,
        Self::ReadBrokerConfigs,
        Self::WriteMarkers,
        Self::Transact,
        Self::SeeTransactions,
        Self::ReadAcls,
        Self::ChangeAcls,
    ];

    /// The right: the kind of resource, and the operation on it.
    pub fn right(self) -> (ResourceType, AclOperation) {
        use AclOperation as Op;
        use ResourceType::{Cluster, Group, Topic, TransactionalId};
        match self {
            Self::ReadRecords => (Topic, Op::Read),
            Self::WriteRecords => (Topic, Op::Write),
            Self::DeleteRecords | Self::DeleteTopic => (Topic, Op::Delete),
            Self::CreateTopic => (Topic, Op::Create),
            Self::GrowTopic => (Topic, Op::Alter),
            Self::ReadTopicConfigs => (Topic, Op::DescribeConfigs),
            Self::ChangeTopicConfigs => (Topic, Op::AlterConfigs),
            Self::SeeTopic => (Topic, Op::Describe),
            Self::ReadOffsets => (Group, Op::Describe),
            Self::CommitOffsets => (Group, Op::Read),
            Self::ReadBrokerConfigs => (Cluster, Op::DescribeConfigs),
            Self::WriteMarkers | Self::ChangeAcls => (Cluster, Op::Alter),
            Self::ReadAcls => (Cluster, Op::Describe),
            Self::Transact => (TransactionalId, Op::Write),
            Self::SeeTransactions => (TransactionalId, Op::Describe),
        }
    }

    /// The operation that it takes.
    pub fn operation(self) -> AclOperation {
        self.right().1
    }

    /// Whether a broker's code refuses this because the right is missing. Old brokers refuse to create a topic as an operation on the
    /// cluster.
    pub(crate) fn is_refused_by(self, code: BrokerCode) -> bool {
        let (kind, _) = self.right();
        let is_of_cluster = code == ResourceType::Cluster.refusal();
        code == kind.refusal() || (self == Self::CreateTopic && is_of_cluster)
    }

    /// The right in words: what a refused request lacks.
    pub(crate) fn words(self, name: &str) -> String {
        let operation = self.operation();
        match self.right().0 {
            ResourceType::Topic => format!("{operation} on topic {name}"),
            ResourceType::Group => format!("{operation} on group {}", OneLine(name)),
            ResourceType::TransactionalId => format!("{operation} on transactional ids {name}*"),
            ResourceType::Cluster => format!("{operation} on the cluster"),
            ResourceType::DelegationToken | ResourceType::User => {
                format!("{operation} on {}", OneLine(name))
            }
        }
    }
}

/// Whether a broker's code says that a right is missing.
pub fn is_not_permitted(code: BrokerCode) -> bool {
    use ResourceType::{Cluster, Group, Topic, TransactionalId};
    let kinds = [Topic, Group, Cluster, TransactionalId];
    kinds.iter().any(|kind| kind.refusal() == code)
}

/// The principal that a cluster grants rights to, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grantee {
    /// The bootstrap addresses, in the syntax of Kafka's tools.
    pub bootstrap: String,
    /// The principal, without its type.
    pub principal: String,
}

impl Grantee {
    /// The command that grants `operations` on resources of one kind and one pattern.
    pub fn command<'a>(
        &self,
        operations: impl IntoIterator<Item = AclOperation>,
        resources: impl IntoIterator<Item = &'a Resource>,
    ) -> String {
        let Self {
            bootstrap,
            principal,
        } = self;
        let mut words: Vec<String> = ["kafka-acls.sh", "--bootstrap-server"]
            .map(str::to_owned)
            .into();
        words.push(quoted(bootstrap));
        words.extend(["--add", "--allow-principal"].map(str::to_owned));
        words.push(quoted(&format!("User:{principal}")));
        for operation in operations {
            words.extend(["--operation".to_owned(), operation.to_string()]);
        }
        let mut is_prefixed = false;
        for resource in resources {
            words.push(resource.kind.option().to_owned());
            if resource.kind != ResourceType::Cluster {
                words.push(quoted(&resource.name));
            }
            is_prefixed |= resource.pattern == PatternType::Prefixed;
        }
        if is_prefixed {
            words.extend(["--resource-pattern-type", "prefixed"].map(str::to_owned));
        }
        words.join(" ")
    }

    /// The command that grants what `need` takes on the resource of this name, or on the transactional ids that begin with it.
    pub(crate) fn command_for(&self, need: Need, name: &str) -> String {
        let (kind, operation) = need.right();
        let resource = match kind {
            ResourceType::Cluster => Resource::cluster(),
            // A link has several, under one prefix.
            ResourceType::TransactionalId => Resource::prefixed(kind, name),
            ResourceType::Topic
            | ResourceType::Group
            | ResourceType::DelegationToken
            | ResourceType::User => Resource::literal(kind, name),
        };
        self.command([operation], [&resource])
    }
}

/// A word of a shell's command, in quotes if it needs them.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-:,/@=+".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if word.contains(OneLine::is_obeyed) {
        let escaped = word.chars().map(|c| match c {
            c if OneLine::is_obeyed(c) => format!("\\u{:04x}", u32::from(c)),
            '\'' | '\\' => format!("\\{c}"),
            c => c.to_string(),
        });
        return format!("$'{}'", escaped.collect::<String>());
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
