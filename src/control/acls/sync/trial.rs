//! What is tried alone before it is done everywhere: a change that might shut out the link itself.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::control::acls::apply::TopicChanges;
use crate::control::acls::plan::AclChanges;
use crate::kafka::acl::entry::{AclEntry, Permission};
use crate::model::TopicName;

/// How long changes that were taken back aren't tried again.
const HELD_FOR: Duration = Duration::from_secs(600);

/// What trials have shown in a term.
#[derive(Debug, Default)]
pub(super) struct Tried {
    /// The principals that are the link's own: they are never denied.
    pub(super) own: BTreeSet<String>,
    /// Principals whose denial left the link its rights.
    others: BTreeSet<String>,
    /// Whether a topic's first entry left the link its rights.
    first_is_harmless: bool,
    /// Since when first entries aren't tried, because one of them took the link's rights.
    first_failed: Option<Instant>,
    /// Topics whose changes were taken back, with the reason.
    held: BTreeMap<TopicName, (Instant, String)>,
}

impl Tried {
    /// Begins with the principal that the configuration tells.
    pub(super) fn knowing(own: Option<String>) -> Self {
        Self {
            own: own.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Forgets what may be tried again.
    pub(super) fn expire(&mut self) {
        self.held.retain(|_, (since, _)| since.elapsed() < HELD_FOR);
        self.first_failed = self.first_failed.filter(|it| it.elapsed() < HELD_FOR);
    }

    /// Why changes of a topic aren't tried now.
    pub(super) fn held(&self, mirror: &TopicName) -> Option<&str> {
        self.held.get(mirror).map(|(_, why)| why.as_str())
    }

    /// Leaves a topic alone for a while.
    pub(super) fn hold(&mut self, mirror: &TopicName, why: String) {
        self.held.insert(mirror.clone(), (Instant::now(), why));
    }

    /// The next change to be tried alone: the first denial of a principal, or the first entry of a topic.
    pub(super) fn next(
        &self,
        rest: &[TopicChanges],
        there: &BTreeSet<AclEntry>,
    ) -> Option<TopicChanges> {
        rest.iter().find_map(|change| {
            if !self.first_is_harmless && is_first(change, there) {
                return Some(change.clone());
            }
            let add = &change.changes.add;
            let is_new = |(entry, _): &(&AclEntry, _)| self.is_new_denial(entry);
            let (entry, purpose) = add.iter().find(is_new)?;
            let changes = AclChanges {
                add: BTreeMap::from([(entry.clone(), *purpose)]),
                remove: BTreeSet::new(),
            };
            Some(TopicChanges {
                changes,
                ..change.clone()
            })
        })
    }

    fn is_new_denial(&self, entry: &AclEntry) -> bool {
        entry.permission == Permission::Deny && !self.others.contains(&entry.principal)
    }

    /// Whether a topic's first entry may be tried now.
    pub(super) fn may_try_first(&self) -> bool {
        self.first_failed.is_none()
    }

    /// Notes that the link kept its rights.
    pub(super) fn passed(&mut self, trial: &TopicChanges, was_first: bool) {
        self.first_is_harmless |= was_first;
        let denials = trial.changes.add.keys();
        let denials = denials.filter(|it| it.permission == Permission::Deny);
        self.others.extend(denials.map(|it| it.principal.clone()));
    }

    /// Notes that the link lost rights, and returns what that says.
    pub(super) fn failed(&mut self, trial: &TopicChanges, lost: &str) -> String {
        let added: Vec<&AclEntry> = trial.changes.add.keys().collect();
        let why = match added.as_slice() {
            [denial] if denial.permission == Permission::Deny => {
                self.own.insert(denial.principal.clone());
                self.others.remove(&denial.principal);
                format!(
                    "{} is the link's own principal, so that the denial for it was taken back; set `principal` in the section of the target",
                    denial.principal
                )
            }
            _ => {
                self.first_failed = Some(Instant::now());
                format!(
                    "with its new ACLs the link itself had no {lost} on it, so that they were taken back; set `principal` in the section of the target, or grant the link's principal All on the topic"
                )
            }
        };
        self.hold(&trial.mirror, why.clone());
        why
    }
}

/// Whether a change adds the first entry that reaches its topic: from then on, others need entries too.
pub(super) fn is_first(change: &TopicChanges, there: &BTreeSet<AclEntry>) -> bool {
    !change.changes.add.is_empty() && !there.iter().any(|it| it.reaches(&change.mirror))
}

/// Leaves out what a trial has done, and denials of the link's own principals.
pub(super) fn leave_out(rest: &mut Vec<TopicChanges>, trial: &TopicChanges, tried: &Tried) {
    for change in rest.iter_mut() {
        let is_of_trial = change.mirror == trial.mirror;
        change.changes.add.retain(|entry, _| {
            let is_own =
                entry.permission == Permission::Deny && tried.own.contains(&entry.principal);
            !(is_own || is_of_trial && trial.changes.add.contains_key(entry))
        });
        if is_of_trial {
            let removed = &trial.changes.remove;
            change.changes.remove.retain(|it| !removed.contains(it));
        }
    }
    rest.retain(|it| !it.changes.is_empty() && tried.held(&it.mirror).is_none());
}
