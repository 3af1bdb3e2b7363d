//! What the authorizer of the target should hold for a topic: a function of the topic's role and of what others have set.
//! Pure, and the only place that decides it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::kafka::acl::AclOperation;
use crate::kafka::acl::entry::{AclEntry, AclPurpose, EVERYBODY, Permission};
use crate::model::{Intent, TopicName};

/// What a topic of the target is to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TopicRole {
    /// The link's mirror, also while nothing is mirrored.
    Mirror,
    /// A topic that applications write to: it was opened, or isn't the link's any more.
    Open,
}

impl TopicRole {
    /// The role of a topic with this intent; `None`: the link doesn't mirror it any more.
    pub fn of(intent: Option<Intent>) -> Self {
        match intent {
            Some(Intent::Mirror | Intent::Paused | Intent::Sealed) => Self::Mirror,
            Some(Intent::Open) | None => Self::Open,
        }
    }
}

/// A topic, and everything that its ACLs depend on.
#[derive(Debug)]
pub struct TopicSubject<'a> {
    pub role: TopicRole,
    /// Whether the source topic's entries are carried over.
    pub sync: bool,
    /// Whether everybody else is kept from writing.
    pub guard: bool,
    /// The topic's name on the source.
    pub topic: &'a TopicName,
    /// The topic's name on the target.
    pub mirror: &'a TopicName,
    /// The source's entries for this very topic; `None` if they aren't known.
    pub source: Option<&'a BTreeSet<AclEntry>>,
    /// The target's entries that reach the topic and that the link didn't add.
    pub others: &'a BTreeSet<AclEntry>,
    /// Whether entries that were carried over reach the topic now.
    pub has_synced: bool,
    /// The principals under which the link itself writes, as far as they are known.
    pub own: &'a BTreeSet<String>,
}

/// What should be there, and what can't be had.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Desired {
    pub entries: BTreeMap<AclEntry, AclPurpose>,
    /// Whether what was carried over stays as it is, whatever `entries` say.
    pub keeps_synced: bool,
    /// What lets others write in spite of the guard.
    pub unguarded: BTreeSet<Unguarded>,
    /// The source's entries that aren't carried over, with the reason.
    pub left_out: BTreeMap<AclEntry, LeftOut>,
}

/// What lets others write to a mirror in spite of the guard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unguarded {
    /// The entry allows everybody to, the link among them.
    Everybody(AclEntry),
    /// No entry reaches the topic: then `allow.everyone.if.no.acl.found` decides, which brokers don't tell.
    NoEntry,
}

/// Why an entry of a source topic isn't carried over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LeftOut {
    /// It lets somebody write, who may once the topic is opened.
    Writes,
    /// It would be a denial for the link itself.
    DeniesLink,
}

/// Decides what the authorizer should hold for a topic.
pub fn desired(subject: &TopicSubject<'_>) -> Desired {
    let mut desired = Desired::default();
    match subject.role {
        TopicRole::Mirror => {
            carry_over(subject, &mut desired);
            guard(subject, &mut desired);
        }
        // Those who may read it still may, and the source decides about it no longer.
        TopicRole::Open => desired.keeps_synced = true,
    }
    desired
}

/// By the rules of `MirrorMaker` 2: everything on the very topic but the right to write, of which reading is left where
/// everything was allowed.
fn carry_over(subject: &TopicSubject<'_>, desired: &mut Desired) {
    let Some(source) = subject.source.filter(|_| subject.sync) else {
        desired.keeps_synced = true;
        return;
    };
    for entry in source.iter().filter(|it| it.names(subject.topic)) {
        match carried(entry, subject.mirror, subject.own) {
            Ok(carried) => drop(desired.entries.insert(carried, AclPurpose::Sync)),
            Err(why) => drop(desired.left_out.insert(entry.clone(), why)),
        }
    }
    let may_write = |it: &AclEntry| {
        it.allows_writing() && (it.principal == EVERYBODY || subject.own.contains(&it.principal))
    };
    if !desired.entries.is_empty() && !subject.others.iter().any(may_write) {
        // With its first entry, a topic is no longer open to those that have none: not to the link either.
        let own = subject.own.iter().map(|own| {
            AclEntry::on_topic(subject.mirror, own, AclOperation::All, Permission::Allow)
        });
        let own = own.map(|entry| (entry, AclPurpose::Sync));
        desired.entries.extend(own);
    }
}

/// The entry for the mirror that stands for one of the source topic.
fn carried(
    entry: &AclEntry,
    mirror: &TopicName,
    own: &BTreeSet<String>,
) -> Result<AclEntry, LeftOut> {
    let mut carried = entry.clone();
    mirror.as_str().clone_into(&mut carried.resource.name);
    match (entry.permission, entry.operation) {
        (Permission::Allow, AclOperation::Write) => return Err(LeftOut::Writes),
        (Permission::Allow, AclOperation::All) => carried.operation = AclOperation::Read,
        (Permission::Allow, _) => {}
        (Permission::Deny, _) => {
            if entry.principal == EVERYBODY || own.contains(&entry.principal) {
                return Err(LeftOut::DeniesLink);
            }
        }
    }
    Ok(carried)
}

/// Denies Write to every other principal that some entry allows to write.
fn guard(subject: &TopicSubject<'_>, desired: &mut Desired) {
    if !subject.guard {
        return;
    }
    let reaching = subject.others.iter();
    let reaching = reaching.filter(|it| it.reaches(subject.mirror));
    let mut is_reached = !desired.entries.is_empty() || desired.keeps_synced && subject.has_synced;
    for entry in reaching {
        is_reached = true;
        if !entry.allows_writing() || subject.own.contains(&entry.principal) {
            continue;
        }
        if entry.principal == EVERYBODY {
            // A denial for everybody would be one for the link.
            desired
                .unguarded
                .insert(Unguarded::Everybody(entry.clone()));
            continue;
        }
        let denial = AclEntry::on_topic(
            subject.mirror,
            &entry.principal,
            AclOperation::Write,
            Permission::Deny,
        );
        desired.entries.insert(denial, AclPurpose::Guard);
    }
    if !is_reached {
        desired.unguarded.insert(Unguarded::NoEntry);
    }
}

#[cfg(test)]
mod tests;
