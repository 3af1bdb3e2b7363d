//! The condition of a link as a whole, as shown and logged.

use jiff::{Timestamp, Unit};

use crate::api::LinkFailure;
use crate::error::Result;

use super::link::LinkParts;
use super::phase::{AfterTerm, LinkNews, LinkPhase};
use super::store_recovery::stands_still;

impl LinkParts {
    /// Keeps the condition up to date with the health of the clusters.
    pub(super) async fn watch(self) -> Result<()> {
        let (mut source, mut target) = (self.source.health(), self.target.health());
        loop {
            let (of_source, of_target) = (
                source.borrow_and_update().clone(),
                target.borrow_and_update().clone(),
            );
            self.condition.send_modify(|condition| {
                (condition.source, condition.target) = (of_source.reach, of_target.reach);
                condition.certificates = [of_source.certificates, of_target.certificates];
                condition.unreachable = [of_source.unreachable, of_target.unreachable];
                condition.throttled = [of_source.is_throttled, of_target.is_throttled];
            });
            let changed = tokio::select! {
                changed = source.changed() => changed,
                changed = target.changed() => changed,
            };
            if changed.is_err() {
                return Ok(());
            }
        }
    }

    /// Shows a phase of the link.
    pub(super) fn show_phase(&self, phase: &LinkPhase) {
        let store_failure = store_failure(phase);
        let waits_for = match phase {
            LinkPhase::Running | LinkPhase::Failed(_) => Some(None),
            LinkPhase::StoreFailed(_) | LinkPhase::Ending(AfterTerm::AwaitStore(_)) => {
                Some(store_failure.clone())
            }
            LinkPhase::Ending(AfterTerm::Acquire | AfterTerm::BeginAnew(_)) => Some(Some(
                "waiting for the tasks of the previous term to end".to_owned(),
            )),
            // Reported while the lease is being acquired, or no longer of interest.
            LinkPhase::Acquiring
            | LinkPhase::Standby
            | LinkPhase::Ending(AfterTerm::Stop)
            | LinkPhase::Releasing(_)
            | LinkPhase::Stopped => None,
        };
        let failure = shown_failure(phase);
        match phase {
            LinkPhase::StoreFailed(why) => self.view.stand_still(&stands_still(why)),
            LinkPhase::Failed(failure) => self.view.stand_still(&failure.why),
            _ => {}
        }
        self.condition.send_modify(|condition| {
            condition.standby = *phase == LinkPhase::Standby;
            if !matches!(phase, LinkPhase::Acquiring | LinkPhase::Standby) {
                condition.owner = None;
            }
            condition.failures += u64::from(failure.is_some());
            condition.store_failure = store_failure;
            condition.failure = failure;
            if let Some(waits_for) = waits_for {
                condition.waits_for = waits_for;
            }
        });
    }

    /// Logs an event of the link's lifecycle.
    pub(super) fn log(&self, news: LinkNews) {
        let link = &self.config.name;
        match news {
            LinkNews::Failed(failure) => {
                let (error, retry_in) = (failure.why, failure.retry_in);
                tracing::error!(%link, error, ?retry_in, "link has failed, and begins anew");
            }
            LinkNews::RunsSteadily => tracing::info!(%link, "link runs steadily again"),
            LinkNews::Lost(why) => {
                tracing::warn!(%link, why, "the link is no longer owned by this process");
            }
        }
    }

    /// Shows the reason for waiting; `None` clears it.
    pub(super) fn say(&self, waits_for: Option<&str>) {
        self.condition.send_modify(|condition| {
            condition.waits_for = waits_for.map(str::to_owned);
        });
    }

    /// Sets or clears the warning, and logs a new one.
    pub(super) fn warn(&self, warning: Option<String>) {
        self.condition.send_if_modified(|condition| {
            let is_new = condition.warning != warning;
            if is_new && let Some(text) = &warning {
                tracing::warn!(link = %self.config.name, "{text}");
            }
            condition.warning = warning;
            is_new
        });
    }
}

fn store_failure(phase: &LinkPhase) -> Option<String> {
    match phase {
        LinkPhase::StoreFailed(why) | LinkPhase::Ending(AfterTerm::AwaitStore(why)) => {
            Some(stands_still(why))
        }
        _ => None,
    }
}

fn shown_failure(phase: &LinkPhase) -> Option<LinkFailure> {
    let LinkPhase::Failed(failure) = phase else {
        return None;
    };
    let retry_at = Timestamp::now() + failure.retry_in;
    Some(LinkFailure {
        message: failure.why.clone(),
        retry_at: retry_at.round(Unit::Second).unwrap_or(retry_at),
    })
}
