//! Changes ACLs on the target: recorded first, read back afterwards, and taken back where the link itself is refused.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::time::sleep;

use crate::checkpoint::acls::{AclRecord, put_acls};
use crate::checkpoint::audit::AuditLog;
use crate::checkpoint::{Store, Update};
use crate::error::{Error, Kind, Result};
use crate::kafka::acl::AclOperation;
use crate::kafka::acl::entry::{AclEntry, AclState};
use crate::model::{LinkName, TopicName};

use super::cluster::{AclSite, AclView, Permitted};
use super::plan::{AclChanges, AclRecords, Recorded, entries, intending, settled};

/// How often a broker is asked whether it knows of the changes, and how long apart: brokers learn of them within
/// milliseconds, but one may be behind.
const LOOKS: u32 = 50;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How many entries one entry of the audit log lists; the others are counted.
const AUDITED: usize = 100;

/// The changes of one topic.
#[derive(Debug, Clone)]
pub(super) struct TopicChanges {
    pub(super) topic: TopicName,
    pub(super) mirror: TopicName,
    pub(super) changes: AclChanges,
    /// What the link was permitted on the topic before; `None` if that isn't known.
    pub(super) permitted: Option<Permitted>,
}

/// What became of changes.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// The topics whose changes were taken back, each with what the link was no longer permitted.
    pub(super) lost: BTreeMap<TopicName, Permitted>,
    /// The entries that the target refused.
    pub(super) refused: Vec<(AclEntry, Error)>,
    /// The target's entries after the changes.
    pub(super) there: BTreeSet<AclEntry>,
}

/// What it takes to change ACLs.
#[derive(Debug)]
pub(super) struct Applier<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) audit: &'a AuditLog,
    pub(super) link: &'a LinkName,
    pub(super) target: &'a dyn AclSite,
}

/// A change of ACLs, as recorded in the audit log.
#[derive(Serialize)]
struct Entry<'a> {
    action: &'static str,
    at: Timestamp,
    link: &'a LinkName,
    topic: &'a TopicName,
    mirror_topic: &'a TopicName,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    add: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remove: Vec<String>,
    /// How many more are added and removed.
    #[serde(skip_serializing_if = "is_zero")]
    more: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Applier<'_> {
    /// Makes changes, whose records it keeps up to date.
    ///
    /// Errors: those of the store; the target didn't answer, or refused all of it. What was recorded then stays, and the next
    /// round finds out what was done. Cancellation: as for such an error.
    pub(super) async fn carry_out(
        &self,
        records: &mut AclRecords,
        all: &[TopicChanges],
    ) -> Result<Applied> {
        self.intend("change_acls", records, all).await?;
        let sent = self.send(all).await;
        // Whether or not the answers arrived, some of it may have been done.
        let refused = match &sent {
            Ok(refused) => refused.iter().map(|(entry, _)| entry.clone()).collect(),
            Err(_) => BTreeSet::new(),
        };
        let waits = sent.is_ok();
        let mut applied = self.read_back(all, &refused, waits).await?;
        let lost = all.iter().filter_map(|it| {
            let before = it.permitted.as_ref()?;
            let now = applied.permitted.get(&it.mirror)?;
            let lost: Permitted = before.difference(now).copied().collect();
            (!lost.is_empty() && !it.changes.add.is_empty()).then(|| (it.mirror.clone(), lost))
        });
        let lost: BTreeMap<TopicName, Permitted> = lost.collect();
        if !lost.is_empty() {
            applied = self.take_back(records, all, &lost).await?;
        }
        let mirrors = all.iter().map(|it| &it.mirror);
        self.confirm(records, mirrors, &applied.entries).await?;
        Ok(Applied {
            lost,
            refused: sent?,
            there: applied.entries,
        })
    }

    /// Removes what has just been added to the topics where the link was refused for it.
    async fn take_back(
        &self,
        records: &mut AclRecords,
        all: &[TopicChanges],
        lost: &BTreeMap<TopicName, Permitted>,
    ) -> Result<AclView> {
        let back = all.iter().filter(|it| lost.contains_key(&it.mirror));
        let back = back.map(|it| TopicChanges {
            changes: AclChanges {
                add: BTreeMap::new(),
                remove: it.changes.add.keys().cloned().collect(),
            },
            ..it.clone()
        });
        let back: Vec<TopicChanges> = back.collect();
        // At once: the record of the additions suffices for the case that this process ends before.
        let refused = self.send(&back).await?;
        self.intend("take_back_acls", records, &back).await?;
        if let Some((_, error)) = refused.into_iter().next() {
            return Err(error);
        }
        self.read_back(&back, &BTreeSet::new(), true).await
    }

    /// Records changes before they are made, with an entry in the audit log for each topic where something new is intended.
    async fn intend(
        &self,
        action: &'static str,
        records: &mut AclRecords,
        all: &[TopicChanges],
    ) -> Result<()> {
        let mut update = Update::new();
        let mut intended = Vec::new();
        for TopicChanges {
            topic,
            mirror,
            changes,
            ..
        } in all
        {
            let before = records.get(mirror).map(|it| it.added.clone());
            let before = before.unwrap_or_default();
            let after = intending(&before, changes);
            if after == before {
                continue;
            }
            let is_new =
                |entry: &&AclEntry, state| before.get(*entry).map(|it| it.1) != Some(state);
            let add = changes.add.keys().filter(|it| is_new(it, AclState::Adding));
            let remove = changes.remove.iter();
            let remove = remove.filter(|it| is_new(it, AclState::Removing));
            let (add, remove): (Vec<&AclEntry>, Vec<&AclEntry>) = (add.collect(), remove.collect());
            if !add.is_empty() || !remove.is_empty() {
                let text = |all: &[&AclEntry]| {
                    let listed = all.iter().take(AUDITED);
                    listed.map(ToString::to_string).collect::<Vec<String>>()
                };
                let beyond = |all: &[&AclEntry]| all.len().saturating_sub(AUDITED);
                let entry = Entry {
                    action,
                    at: Timestamp::now(),
                    link: self.link,
                    topic,
                    mirror_topic: mirror,
                    add: text(&add),
                    remove: text(&remove),
                    more: beyond(&add) + beyond(&remove),
                };
                // A structure of plain text can't fail to serialize.
                let entry = serde_json::to_value(entry).unwrap_or_default();
                self.audit.append(&mut update, Some(self.link), &entry);
            }
            let recorded = Recorded {
                topic: topic.clone(),
                added: after,
            };
            self.put(&mut update, mirror, &recorded);
            intended.push((mirror.clone(), recorded));
        }
        if !update.is_empty() {
            self.store.commit(update).await?;
        }
        records.extend(intended);
        Ok(())
    }

    fn put(&self, update: &mut Update, mirror: &TopicName, recorded: &Recorded) {
        let record = AclRecord {
            topic: recorded.topic.clone(),
            entries: entries(&recorded.added),
        };
        put_acls(update, self.link, mirror, &record);
    }

    /// Sends the changes: what is added first, so that nothing is open in between.
    async fn send(&self, all: &[TopicChanges]) -> Result<Vec<(AclEntry, Error)>> {
        let add = all.iter().flat_map(|it| it.changes.add.keys().cloned());
        let remove = all.iter().flat_map(|it| it.changes.remove.iter().cloned());
        let (add, remove): (Vec<AclEntry>, Vec<AclEntry>) = (add.collect(), remove.collect());
        let mut refused = Vec::new();
        if !add.is_empty() {
            refused.extend(self.target.add(&add).await?);
        }
        if !remove.is_empty() {
            refused.extend(self.target.remove(&remove).await?);
        }
        Ok(refused)
    }

    /// Reads the target's entries and the link's rights, and if it is to wait, until a broker knows of the changes; what it
    /// knows in the end counts.
    async fn read_back(
        &self,
        all: &[TopicChanges],
        refused: &BTreeSet<AclEntry>,
        waits: bool,
    ) -> Result<AclView> {
        let topics: Vec<TopicName> = all.iter().map(|it| it.mirror.clone()).collect();
        let is_done = |there: &BTreeSet<AclEntry>| {
            let add = all.iter().flat_map(|it| it.changes.add.keys());
            let mut remove = all.iter().flat_map(|it| &it.changes.remove);
            add.filter(|it| !refused.contains(*it))
                .all(|it| there.contains(it))
                && remove.all(|it| refused.contains(it) || !there.contains(it))
        };
        let mut looks = 0;
        loop {
            let seen = self.target.acls_and_permitted(&topics).await?;
            let seen = seen.ok_or_else(|| {
                let why = "the target has no authorizer any more";
                Error::new(Kind::Refused, why)
            })?;
            looks += 1;
            if !waits || is_done(&seen.entries) || looks == LOOKS {
                return Ok(seen);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Records what the target shows of topics.
    pub(super) async fn confirm(
        &self,
        records: &mut AclRecords,
        mirrors: impl Iterator<Item = &TopicName>,
        there: &BTreeSet<AclEntry>,
    ) -> Result<()> {
        let mut update = Update::new();
        let mut confirmed = Vec::new();
        for mirror in mirrors {
            let Some(recorded) = records.get(mirror) else {
                continue;
            };
            let added = settled(&recorded.added, there);
            if added != recorded.added {
                let recorded = Recorded {
                    added,
                    ..recorded.clone()
                };
                self.put(&mut update, mirror, &recorded);
                confirmed.push((mirror.clone(), recorded));
            }
        }
        if update.is_empty() {
            return Ok(());
        }
        self.store.commit(update).await?;
        records.extend(confirmed);
        records.retain(|_, it| !it.added.is_empty());
        Ok(())
    }
}

/// Whether the link can go on with a mirror.
pub(super) fn goes_on(permitted: &Permitted) -> bool {
    permitted.contains(&AclOperation::Read) && permitted.contains(&AclOperation::Write)
}
