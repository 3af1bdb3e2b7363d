//! The ACLs of a link's mirror topics as last seen, for the API.

use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::by_hand::ByHand;
use super::desired::{TopicRole, Unguarded};
use crate::kafka::acl::entry::{AclEntry, AddedAcl};
use crate::model::TopicName;

/// The ACLs of a link's mirror topics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AclStatus {
    pub sync_acls: bool,
    pub guard_mirrors: bool,
    /// When the target's ACLs were last read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub as_of: Option<Timestamp>,
    /// Why the ACLs can't be cared for now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Why what the source has isn't known now; what was carried over stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_failure: Option<String>,
    /// Topics to which others may write in spite of the guard.
    pub unguarded: usize,
    /// ACLs that are to be added or removed.
    pub pending: usize,
    pub topics: Vec<TopicAcls>,
    pub by_hand: ByHand,
    /// Whether an operator has to do something about `waits_for`.
    #[serde(skip)]
    pub is_refused: bool,
}

/// The ACLs of one mirror topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TopicAcls {
    pub topic: TopicName,
    pub mirror_topic: TopicName,
    pub role: TopicRole,
    /// What the topic should have because of the link, also where others added it.
    pub desired: Vec<AclEntry>,
    /// What the link added; only this is ever removed.
    pub added: Vec<AddedAcl>,
    /// What is going to be added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_add: Vec<AclEntry>,
    /// What is going to be removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub to_remove: Vec<AclEntry>,
    /// What lets others write in spite of the guard.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unguarded: Vec<String>,
    /// Why the changes aren't made now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// How many topics are named in one sentence.
const NAMED: usize = 3;

impl AclStatus {
    /// What an operator should know of it, if anything.
    pub fn trouble(&self) -> Option<String> {
        let waits = self.waits_for.iter().map(|it| format!("acls wait: {it}"));
        let of_source = self.source_failure.iter();
        let of_source = of_source.map(|it| format!("acls of the source aren't known: {it}"));
        let unguarded = self.topics.iter().filter(|it| !it.unguarded.is_empty());
        let unguarded: Vec<&TopicAcls> = unguarded.collect();
        let unguarded = unguarded.first().map(|first| {
            let named = unguarded.iter().take(NAMED);
            let named: Vec<&str> = named.map(|it| it.mirror_topic.as_str()).collect();
            let more = match unguarded.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let why = first.unguarded.join("; ");
            format!("unguarded: {}{more}: {why}", named.join(", "))
        });
        let held = self.topics.iter().find_map(|it| {
            let detail = it.detail.as_ref()?;
            Some(format!("acls of {} wait: {detail}", it.mirror_topic))
        });
        let all = waits.chain(of_source).chain(unguarded).chain(held);
        let all: Vec<String> = all.collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    /// Whether an operator has to do something.
    pub fn needs_operator(&self) -> bool {
        let is_held = |it: &TopicAcls| it.detail.is_some();
        self.is_refused || self.unguarded > 0 || self.topics.iter().any(is_held)
    }
}

impl Unguarded {
    /// The reason, with what to do.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Everybody(entry) => format!(
                "{entry}: name those who may write instead of everybody, because a denial for everybody would be one for the link"
            ),
            Self::NoEntry => "no ACL reaches the topic, so that everybody may write if the brokers have allow.everyone.if.no.acl.found: add ACLs for the link's principal (All) and for those who read".to_owned(),
        }
    }
}

/// Where the status is published.
#[derive(Debug, Default)]
pub struct AclBoard(Mutex<Arc<AclStatus>>);

impl AclBoard {
    /// Publishes a status.
    pub fn show(&self, status: AclStatus) {
        *self.0.lock() = Arc::new(status);
    }

    /// The latest status.
    pub fn status(&self) -> Arc<AclStatus> {
        Arc::clone(&self.0.lock())
    }
}
