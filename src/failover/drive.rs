//! Drives one operation to its end: effect, event, step, store, and again.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::info;

use super::operation::{Operation, save_operation};
use super::plan::{Blocker, BlockerCode};
use super::sites::Sites;
use super::states::{Effect, Event, Phase};
use super::step::{Next, step};
use crate::checkpoint::Store;
use crate::error::{Error, Kind, Result};
use crate::task::{Backoff, Streak};

/// How long a step that fails every time is retried.
const STEP_LIMIT: Duration = Duration::from_secs(120);
const RETRY_BASE: Duration = Duration::from_millis(200);
const RETRY_CAP: Duration = Duration::from_secs(5);
/// The pause between a switchover's two looks at the source, long enough that the second is more than a repeat of the
/// first.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The parts needed to drive an operation.
pub(super) struct Drive<'a> {
    pub(super) sites: &'a Sites,
    pub(super) store: &'a dyn Store,
    /// Called with every change of the operation.
    pub(super) show: &'a (dyn Fn(&Operation) + Send + Sync),
    /// The order to call the operation off, once there is one.
    pub(super) cancelled: watch::Receiver<Option<Blocker>>,
}

impl fmt::Debug for Drive<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drive")
            .field("sites", self.sites)
            .finish_non_exhaustive()
    }
}

impl Drive<'_> {
    /// Resumes an operation in its stored phase and drives it to its last one.
    ///
    /// Errors: the checkpoint DB failed. Cancellation: the next call resumes in the stored phase.
    pub(super) async fn to_the_end(&self, mut operation: Operation) -> Result<()> {
        let mut backoff = Backoff::new(RETRY_BASE, RETRY_CAP);
        let mut failing = Streak::default();
        let mut event = Event::TakenUp;
        loop {
            let mut pause = Duration::ZERO;
            match step(&operation.phase, event) {
                Next::Enter(phase) => {
                    if phase.name() != operation.phase.name() {
                        operation.entered_at = Timestamp::now();
                        info!(operation = %operation.id, "{} -> {}", operation.phase.name(), phase.name());
                    }
                    operation.phase = phase;
                    operation.retrying = None;
                    backoff.reset();
                    save_operation(self.store, &operation).await?;
                    (self.show)(&operation);
                    if matches!(operation.phase, Phase::Draining { .. }) {
                        pause = LOOK_INTERVAL;
                    }
                }
                Next::Again if operation.retrying.is_some() => pause = backoff.next(),
                Next::Again | Next::Ignore => {}
            }
            let Some(effect) = operation.phase.effect() else {
                return Ok(());
            };
            let may_end = operation.phase.name().is_cancellable();
            let order = tokio::select! {
                biased;
                why = self.order(), if may_end => Some(why),
                () = sleep(pause) => None,
            };
            event = if let Some(why) = order {
                Event::Cancelled(why)
            } else {
                // What writes is never interrupted: it would become durable behind what takes it back.
                let may_be_dropped = may_end && effect.only_reads();
                tokio::select! {
                    biased;
                    why = self.order(), if may_be_dropped => Event::Cancelled(why),
                    done = self.perform(&mut operation, effect, &mut failing) => done?,
                }
            };
        }
    }

    /// Resolves when the operation is called off.
    async fn order(&self) -> Blocker {
        let mut cancelled = self.cancelled.clone();
        let order = cancelled.wait_for(Option::is_some).await;
        match order.ok().and_then(|order| order.clone()) {
            Some(why) => why,
            None => std::future::pending().await,
        }
    }

    async fn perform(
        &self,
        operation: &mut Operation,
        effect: Effect,
        failing: &mut Streak,
    ) -> Result<Event> {
        let performed = self
            .sites
            .perform(operation, effect, Timestamp::now())
            .await;
        let error = match performed {
            Ok(event) => {
                failing.end();
                return Ok(event);
            }
            Err(error) if error.kind() == Kind::Store => return Err(error),
            Err(error) => error,
        };
        if failing.failed(Instant::now()) >= STEP_LIMIT {
            return Ok(Event::GaveUp(gave_up(operation, &error)));
        }
        operation.retrying = Some(error.chain());
        (self.show)(operation);
        Ok(Event::Failed)
    }
}

fn gave_up(operation: &Operation, error: &Error) -> Blocker {
    let message = format!(
        "{} kept failing for {} s: {}",
        operation.phase.name(),
        STEP_LIMIT.as_secs(),
        error.chain()
    );
    Blocker::new(BlockerCode::StepFailed, message)
}
