//! Orders to operations, and what there is: lists of plans and operations.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::{NotStarted, Runner};
use crate::checkpoint::Update;
use crate::config::GroupFilter;
use crate::error::{Error, Result};
use crate::failover::operation;
use crate::failover::plan::{Blocker, BlockerCode};
use crate::failover::sites::Sites;
use crate::failover::states::{Operation, PhaseName};
use crate::failover::summary::{OperationSummary, PlanSummary};
use crate::model::{GroupId, LinkName};

/// Why an operation isn't called off.
#[derive(Debug, thiserror::Error)]
pub enum NotCancelled {
    /// There is no operation of that name.
    #[error("there is no such operation")]
    Unknown,
    /// It has ended, or is past the point of no return.
    #[error("the operation is {0}: {advice}", advice = advice(*.0))]
    TooLate(PhaseName),
    /// This process doesn't execute it now.
    #[error(
        "the operation isn't executed by this process now: ask the owner of the link, or wait until the link runs"
    )]
    Elsewhere,
    /// Its state can't be read.
    #[error(transparent)]
    Failed(#[from] Error),
}

fn advice(phase: PhaseName) -> &'static str {
    match phase {
        PhaseName::Committing | PhaseName::Verifying => {
            "offsets may be committed on the target already, so it goes on to its end"
        }
        PhaseName::Thawing => "it is being taken back already",
        PhaseName::Done | PhaseName::Stopped => "there is nothing left to call off",
        PhaseName::Draining | PhaseName::Fixing | PhaseName::Freezing | PhaseName::Checking => {
            "ask again"
        }
    }
}

impl Runner {
    /// Calls an operation off that hasn't committed anything yet, and waits until that is durable: it has stopped then, or
    /// gives its groups back to group sync. `by` says who ordered it.
    ///
    /// Cancellation: the order stays in force.
    pub async fn cancel(&self, id: &str, by: &str) -> Result<Arc<Operation>, NotCancelled> {
        let Some(mut shown) = self.watch(id) else {
            let stored = self.operation(id)?.ok_or(NotCancelled::Unknown)?;
            return Err(if stored.phase.is_last() {
                NotCancelled::TooLate(stored.phase.name())
            } else {
                NotCancelled::Elsewhere
            });
        };
        let at = shown.borrow_and_update().phase.name();
        if !at.is_cancellable() {
            return Err(NotCancelled::TooLate(at));
        }
        if let Some(running) = self.running.lock().get(id) {
            let order = Blocker::new(BlockerCode::Cancelled, format!("cancelled by {by}"));
            running.cancelled.send_replace(Some(order));
        }
        let ended = shown.wait_for(|it| !it.phase.name().is_cancellable()).await;
        let Ok(operation) = ended.map(|it| Arc::clone(&it)) else {
            return Err(NotCancelled::Elsewhere);
        };
        let is_cancelled = |blocker: &Blocker| blocker.code == BlockerCode::Cancelled;
        if operation.phase.blockers().iter().any(is_cancelled) {
            Ok(operation)
        } else {
            Err(NotCancelled::TooLate(operation.phase.name()))
        }
    }

    /// The frozen groups of a link whose operation isn't under way or stopped in the middle, each with that operation.
    pub(super) fn moved(&self, sites: &Sites) -> Result<BTreeMap<GroupId, String>> {
        let mut frozen = sites.ledger.frozen()?;
        if frozen.is_empty() {
            return Ok(frozen);
        }
        let others = self.operations()?.into_iter();
        let others = others.filter(|it| it.phase != PhaseName::Done);
        let others: BTreeSet<String> = others.map(|it| it.id).collect();
        frozen.retain(|_, by| !others.contains(by));
        Ok(frozen)
    }

    /// Gives groups that were moved back to group sync, and returns each with the operation that moved it. `note` adds to
    /// the update. Progress made on the target stays: group sync never commits over it.
    ///
    /// Errors: an operation is under way on the link, or another process owns it.
    pub async fn return_groups(
        &self,
        link: &LinkName,
        chosen: &GroupFilter,
        note: impl FnOnce(&mut Update) + Send,
    ) -> Result<BTreeMap<GroupId, String>, NotStarted> {
        // No operation starts meanwhile.
        let _starting = self.starting.lock().await;
        let sites = self.sites(link)?;
        if let Some(other) = self.unfinished(link)?.pop() {
            return Err(NotStarted::Busy(other));
        }
        let guard = sites.ledger.guard().await;
        let mut returned = sites.ledger.frozen()?;
        returned.retain(|group, _| chosen.matches(group));
        sites.ownership.check()?;
        guard.release(returned.keys(), note).await?;
        Ok(returned)
    }

    /// When each move ended that is done.
    pub fn ended(&self) -> Result<BTreeMap<String, Timestamp>> {
        let all = self.operations()?.into_iter();
        let done = all.filter(|it| it.phase == PhaseName::Done);
        Ok(done.map(|it| (it.id, it.entered_at)).collect())
    }

    /// Every operation, the latest first.
    pub fn operations(&self) -> Result<Vec<OperationSummary>> {
        let mut all = operation::operations(self.store.as_ref())?;
        for summary in &mut all {
            if let Some(running) = self.watch(&summary.id) {
                *summary = OperationSummary::from(&**running.borrow());
            }
        }
        all.sort_by_key(|it| Reverse(it.started_at));
        Ok(all)
    }

    /// Every plan that can still be executed or was made in the last day and wasn't, the latest first.
    pub fn plans(&self) -> Result<Vec<PlanSummary>> {
        let mut all = operation::plans(self.store.as_ref())?;
        all.sort_by_key(|it| Reverse(it.created_at));
        Ok(all)
    }
}
