//! Carries out a plan topic by topic. A topic that fails doesn't hold up the others.

use std::collections::{BTreeMap, BTreeSet};

use tracing::info;

use crate::error::{BrokerCode, Error};
use crate::model::TopicName;

use super::cluster::TopicSite;
use super::plan::{Action, NewMirror};

/// The outcome of a plan.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// Source topics whose mirror was created.
    pub(super) created: BTreeSet<TopicName>,
    /// Mirror topics created or extended, with the number of partitions they must show.
    pub(super) changed: BTreeMap<TopicName, i32>,
    /// Mirror topics whose configs were changed.
    pub(super) configured: Vec<TopicName>,
    /// Source topics whose mirror may not be created or configured, with the target's error.
    pub(super) not_permitted: BTreeMap<TopicName, String>,
    /// Source topics whose mirror couldn't be created or configured this time.
    pub(super) postponed: BTreeSet<TopicName>,
    pub(super) first_failure: Option<Error>,
}

/// Missing authorizations, and configs that the target's policy or version rejects.
const REFUSALS: [BrokerCode; 4] = [
    BrokerCode(29),
    BrokerCode(31),
    BrokerCode(40),
    BrokerCode(44),
];

/// Performs the actions in order, skipping source topics for which `may_write` no longer permits writes.
pub(super) async fn apply(
    target: &dyn TopicSite,
    actions: Vec<Action>,
    may_write: &(dyn Fn(&TopicName) -> bool + Sync),
) -> Applied {
    let mut applied = Applied::default();
    for action in actions {
        if !may_write(action.source()) {
            applied.postponed.insert(action.source().clone());
            continue;
        }
        match action {
            Action::CreateTopic { source, mirror } => {
                applied.create(target, source, mirror).await;
            }
            Action::CreatePartitions {
                target: name,
                count,
                ..
            } => applied.grow(target, name, count).await,
            Action::AlterConfigs {
                source,
                target: name,
                changes,
            } => match target.alter(&name, &changes).await {
                Ok(()) => {
                    info!("set configs of mirror topic {name}: {changes:?}");
                    applied.configured.push(name);
                }
                Err(error) => applied.refused(source, error),
            },
            Action::DeleteTopic {
                source,
                target: name,
            } => match target.delete(&name).await {
                Ok(()) => info!("deleted mirror topic {name} to create it anew"),
                Err(error) => applied.refused(source, error),
            },
            Action::Conflict { .. } => {}
        }
    }
    applied
}

impl Applied {
    async fn create(&mut self, target: &dyn TopicSite, source: TopicName, mirror: NewMirror) {
        match target.create(&mirror).await {
            Ok(is_new) => {
                if is_new {
                    let (name, partitions) = (&mirror.name, mirror.partitions);
                    info!("created mirror topic {name} with {partitions} partitions");
                    self.created.insert(source);
                }
                self.changed.insert(mirror.name, mirror.partitions);
            }
            Err(error) => self.refused(source, error),
        }
    }

    async fn grow(&mut self, target: &dyn TopicSite, name: TopicName, count: i32) {
        match target.grow(&name, count).await {
            Ok(()) => {
                info!("extended mirror topic {name} to {count} partitions");
                self.changed.insert(name, count);
            }
            // The existing partitions continue; the missing ones are requested again after the next look.
            Err(error) => self.failed(error),
        }
    }

    fn refused(&mut self, source: TopicName, error: Error) {
        if error.code().is_some_and(|code| REFUSALS.contains(&code)) {
            self.not_permitted.insert(source, error.chain());
        } else {
            self.postponed.insert(source);
        }
        self.failed(error);
    }

    fn failed(&mut self, error: Error) {
        self.first_failure.get_or_insert(error);
    }
}
