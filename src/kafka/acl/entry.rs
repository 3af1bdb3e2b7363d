//! Entries of an authorizer, and what they permit, by the rules of Kafka's own authorizers (`StandardAuthorizer`, and
//! `AclAuthorizer` of clusters with `ZooKeeper`). Pure.

use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{ALL, AclOperation, Grantee, PatternType, Resource, ResourceType, quoted};
use crate::model::{OneLine, TopicName};

/// The principal that stands for everybody.
pub const EVERYBODY: &str = "User:*";
/// The host that stands for all.
pub const ANY_HOST: &str = "*";

/// Whether an entry allows or denies, with its number in Kafka's protocol. A denial prevails, whatever allows.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    Deny = 2,
    Allow = 3,
}

/// One entry of an authorizer. Two entries that are equal are one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct AclEntry {
    pub resource: Resource,
    /// The principal with its type, as in `User:alice`.
    pub principal: String,
    /// The address from which it may come; `*` for all.
    pub host: String,
    pub operation: AclOperation,
    pub permission: Permission,
}

impl AclEntry {
    /// An entry on one topic, for a principal from any host.
    pub fn on_topic(
        topic: &TopicName,
        principal: &str,
        operation: AclOperation,
        permission: Permission,
    ) -> Self {
        Self {
            resource: Resource::literal(ResourceType::Topic, topic.as_str()),
            principal: principal.to_owned(),
            host: ANY_HOST.to_owned(),
            operation,
            permission,
        }
    }

    /// Whether the entry's pattern covers a topic.
    pub fn reaches(&self, topic: &TopicName) -> bool {
        let Resource {
            kind,
            pattern,
            name,
        } = &self.resource;
        *kind == ResourceType::Topic
            && match pattern {
                PatternType::Literal => name == topic.as_str() || name == ALL,
                PatternType::Prefixed => topic.as_str().starts_with(name.as_str()),
            }
    }

    /// Whether the entry is on exactly this topic: by its name, not by a pattern or for all.
    pub fn names(&self, topic: &TopicName) -> bool {
        let resource = &self.resource;
        resource.kind == ResourceType::Topic
            && resource.pattern == PatternType::Literal
            && resource.name == topic.as_str()
    }

    /// Whether the entry allows writing records.
    pub fn allows_writing(&self) -> bool {
        self.permission == Permission::Allow && self.is_about_writing()
    }

    /// Whether the entry is about writing records, among other operations or alone.
    pub fn is_about_writing(&self) -> bool {
        matches!(self.operation, AclOperation::Write | AclOperation::All)
    }

    /// The command that adds the entry at the cluster with these bootstrap addresses.
    pub fn command(&self, at: &Grantee) -> String {
        let side = match self.permission {
            Permission::Allow => "allow",
            Permission::Deny => "deny",
        };
        let resource = &self.resource;
        let mut words = vec![
            "kafka-acls.sh --bootstrap-server".to_owned(),
            quoted(&at.bootstrap),
            format!("--add --{side}-principal"),
            quoted(&self.principal),
        ];
        if self.host != ANY_HOST {
            words.push(format!("--{side}-host {}", quoted(&self.host)));
        }
        words.push(format!(
            "--operation {} {}",
            self.operation,
            resource.kind.option()
        ));
        if resource.kind != ResourceType::Cluster {
            words.push(quoted(&resource.name));
        }
        if resource.pattern == PatternType::Prefixed {
            words.push("--resource-pattern-type prefixed".to_owned());
        }
        words.join(" ")
    }
}

/// An entry that farshore added, and that wasn't there before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub struct AddedAcl {
    #[serde(flatten)]
    pub acl: AclEntry,
    pub purpose: AclPurpose,
    pub state: AclState,
}

/// What an ACL was added for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AclPurpose {
    /// The source topic has it, or it is what the link itself needs beside those.
    Sync,
    /// It keeps somebody from writing to the mirror.
    Guard,
}

/// How far the addition or the removal of an ACL is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AclState {
    /// About to be added, or added.
    Adding,
    /// The target has shown it.
    Added,
    /// About to be removed, or removed.
    Removing,
}

impl fmt::Display for AclEntry {
    /// As in `DENY Write on topic orders for User:alice`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let permission = match self.permission {
            Permission::Allow => "ALLOW",
            Permission::Deny => "DENY",
        };
        let principal = OneLine(&self.principal);
        let (operation, resource) = (self.operation, &self.resource);
        write!(f, "{permission} {operation} on {resource} for {principal}")?;
        match self.host.as_str() {
            ANY_HOST => Ok(()),
            host => write!(f, " from {}", OneLine(host)),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = OneLine(&self.name);
        let kind = match self.kind {
            ResourceType::Topic => "topic",
            ResourceType::Group => "group",
            ResourceType::TransactionalId => "transactional id",
            ResourceType::Cluster => return f.write_str("the cluster"),
            ResourceType::DelegationToken => "delegation token",
            ResourceType::User => "user",
        };
        match self.pattern {
            PatternType::Literal if self.name == ALL => write!(f, "every {kind}"),
            PatternType::Literal => write!(f, "{kind} {name}"),
            PatternType::Prefixed => write!(f, "every {kind} that begins with {name}"),
        }
    }
}

/// The operations by their numbers.
pub(crate) fn operation_of(number: i8) -> Option<AclOperation> {
    use AclOperation as Op;
    let all = [
        Op::All,
        Op::Read,
        Op::Write,
        Op::Create,
        Op::Delete,
        Op::Alter,
        Op::Describe,
        Op::ClusterAction,
        Op::DescribeConfigs,
        Op::AlterConfigs,
        Op::IdempotentWrite,
        Op::CreateTokens,
        Op::DescribeTokens,
        Op::TwoPhaseCommit,
    ];
    all.into_iter().find(|it| *it as i8 == number)
}

/// The kinds of resources by their numbers.
pub(crate) fn kind_of(number: i8) -> Option<ResourceType> {
    use ResourceType as Kind;
    let all = [
        Kind::Topic,
        Kind::Group,
        Kind::Cluster,
        Kind::TransactionalId,
        Kind::DelegationToken,
        Kind::User,
    ];
    all.into_iter().find(|it| *it as i8 == number)
}

/// The patterns by their numbers.
pub(crate) fn pattern_of(number: i8) -> Option<PatternType> {
    let all = [PatternType::Literal, PatternType::Prefixed];
    all.into_iter().find(|it| *it as i8 == number)
}

/// The permissions by their numbers.
pub(crate) fn permission_of(number: i8) -> Option<Permission> {
    let all = [Permission::Deny, Permission::Allow];
    all.into_iter().find(|it| *it as i8 == number)
}
