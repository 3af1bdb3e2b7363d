//! What has to be added and removed, and what is recorded before and after. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::kafka::acl::entry::{AclEntry, AclPurpose, AclState, AddedAcl};
use crate::model::TopicName;

use super::desired::Desired;

/// What the link has added on one topic, by the entries.
pub type Added = BTreeMap<AclEntry, (AclPurpose, AclState)>;

/// What is recorded of the topics, by their names on the target.
pub type AclRecords = BTreeMap<TopicName, Recorded>;

/// What is recorded of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The topic's name on the source.
    pub topic: TopicName,
    pub added: Added,
}

/// The changes of a topic's ACLs on the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AclChanges {
    pub add: BTreeMap<AclEntry, AclPurpose>,
    pub remove: BTreeSet<AclEntry>,
}

impl AclChanges {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// Whether an entry is added or removed.
    pub fn has(&self, entry: &AclEntry) -> bool {
        self.add.contains_key(entry) || self.remove.contains(entry)
    }

    /// The number of entries that change.
    pub fn len(&self) -> usize {
        self.add.len() + self.remove.len()
    }
}

/// The record's form in memory.
pub fn added(entries: &[AddedAcl]) -> Added {
    let entries = entries.iter();
    let entries = entries.map(|it| (it.acl.clone(), (it.purpose, it.state)));
    entries.collect()
}

/// The form in which it is stored and shown.
pub fn entries(added: &Added) -> Vec<AddedAcl> {
    let added = added.iter();
    let entry = |(acl, (purpose, state)): (&AclEntry, &(AclPurpose, AclState))| AddedAcl {
        acl: acl.clone(),
        purpose: *purpose,
        state: *state,
    };
    added.map(entry).collect()
}

/// Plans the changes of one topic.
///
/// `there` holds the target's entries, all or those that name the topic. What isn't in `added` belongs to others: it is
/// neither added again nor removed.
pub fn plan(desired: &Desired, added: &Added, there: &BTreeSet<AclEntry>) -> AclChanges {
    let is_missing = |(entry, _): &(&AclEntry, &AclPurpose)| !there.contains(*entry);
    let missing = desired.entries.iter().filter(is_missing);
    let surplus = added.iter().filter(|(entry, (purpose, state))| {
        let stays = desired.keeps_synced && *purpose == AclPurpose::Sync;
        // The request that adds it may be under way.
        let may_be_there = there.contains(*entry) || *state == AclState::Adding;
        !desired.entries.contains_key(*entry) && !stays && may_be_there
    });
    AclChanges {
        add: missing.map(|(entry, it)| (entry.clone(), *it)).collect(),
        remove: surplus.map(|(entry, _)| entry.clone()).collect(),
    }
}

/// What is recorded before the changes are made.
#[must_use]
pub fn intending(added: &Added, changes: &AclChanges) -> Added {
    let mut intended = added.clone();
    for (_, state) in intended.values_mut() {
        // Wanted again.
        if *state == AclState::Removing {
            *state = AclState::Added;
        }
    }
    for (entry, purpose) in &changes.add {
        intended.insert(entry.clone(), (*purpose, AclState::Adding));
    }
    for entry in &changes.remove {
        if let Some((_, state)) = intended.get_mut(entry) {
            *state = AclState::Removing;
        }
    }
    intended
}

/// What is recorded once the target's entries have been read after the changes.
///
/// An entry that was about to be added and isn't there stays recorded: the request may still be under way. It leaves the
/// record after it was removed.
#[must_use]
pub fn settled(added: &Added, there: &BTreeSet<AclEntry>) -> Added {
    let mut settled = added.clone();
    settled.retain(|entry, (_, state)| there.contains(entry) || *state == AclState::Adding);
    for (entry, (_, state)) in &mut settled {
        if *state == AclState::Adding && there.contains(entry) {
            *state = AclState::Added;
        }
    }
    settled
}

#[cfg(test)]
mod tests;
