//! The driver of a link: performs the effects of [`step`] and reports events.
//!
//! Promises: a panic in a link's tasks, or while the link is acquired, fails that link only; two tasks of a link never run
//! at once. Doesn't: make decisions, or depend on what a link does; it drives any implementation of [`LinkWork`].

use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::future::{BoxFuture, OptionFuture};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Kind, Result};
use crate::task::contained;

use super::phase::{LinkEffect, LinkEvent, LinkLife, LinkNews, LinkPhase, LinkTrouble, step};
use super::store_recovery::{StoreHealth, StoreUse};

#[cfg(test)]
mod tests;

/// The work of a link that the driver performs.
pub(super) trait LinkWork: Send + Sync + 'static {
    /// The right to work for one term.
    type Lease: Lease;

    /// Waits until the link is owned and the checkpoint DB is complete; reports meanwhile whether another process owns it.
    ///
    /// Errors: the link can't be owned at all. Cancellation: a claim already made has to expire.
    fn acquire(
        &self,
        standby: watch::Sender<bool>,
    ) -> impl Future<Output = Result<Self::Lease>> + Send;

    /// Mirrors until `stop` is cancelled, then ends within a time limit. Errors: a task failed before that.
    fn work(&self, stop: CancellationToken) -> impl Future<Output = Result<()>> + Send;

    /// Shows a phase that has been entered.
    fn show(&self, phase: &LinkPhase);

    /// Logs an event of the link's lifecycle.
    fn tell(&self, news: LinkNews);
}

/// The right to work for one term.
pub(super) trait Lease: Send + 'static {
    /// Waits until the lease is lost, and returns the reason. Cancellation: safe.
    fn lost(&mut self) -> impl Future<Output = Error> + Send;

    /// Whether the lease is lost, or about to be reported as lost.
    fn is_over(&self) -> bool;

    /// Releases the lease within a time limit. `in_order`: no request was left unanswered.
    fn release(self, in_order: bool) -> impl Future<Output = ()> + Send;
}

/// The result of the task in progress.
enum Done<L> {
    Acquired(Result<L>),
    Worked(Result<()>),
    Released,
}

/// Drives one link.
pub(super) struct Driver<P: LinkWork> {
    parts: Arc<P>,
    store: StoreHealth,
    stop: CancellationToken,
    life: LinkLife,
    under_way: Option<BoxFuture<'static, Done<P::Lease>>>,
    lease: Option<P::Lease>,
    /// Cancelled to end the link's tasks.
    end: CancellationToken,
    /// Whether the tasks ended without an error.
    in_order: bool,
    timer: Option<Pin<Box<Sleep>>>,
    standby: (watch::Sender<bool>, watch::Receiver<bool>),
    store_use: Option<StoreUse>,
}

impl<P: LinkWork> Driver<P> {
    pub(super) fn new(parts: P, store: StoreHealth, stop: CancellationToken) -> Self {
        Self {
            parts: Arc::new(parts),
            store,
            stop,
            life: LinkLife::begun(),
            under_way: None,
            lease: None,
            end: CancellationToken::new(),
            in_order: true,
            timer: None,
            standby: watch::channel(false),
            store_use: None,
        }
    }

    /// Runs until stopped. Cancellation: dropping the future is equivalent to a crash; the lease has to expire.
    pub(super) async fn run(mut self) {
        self.enter(LinkLife::begun(), vec![LinkEffect::Acquire]);
        while self.life.phase != LinkPhase::Stopped {
            let event = self.next().await;
            let (life, effects) = step(self.life.clone(), event);
            self.enter(life, effects);
        }
    }

    fn enter(&mut self, life: LinkLife, effects: Vec<LinkEffect>) {
        let is_new = self.life.phase != life.phase;
        self.life = life;
        if !self.life.phase.uses_store() {
            self.store_use = None;
        } else if self.store_use.is_none() {
            self.store_use = Some(self.store.in_use());
        }
        for effect in effects {
            self.perform(effect);
        }
        if is_new {
            self.parts.show(&self.life.phase);
        }
    }

    /// Waits for the next event; events that stop the link take precedence over those that continue it.
    async fn next(&mut self) -> LinkEvent {
        let phase = &self.life.phase;
        let (_, standby) = &mut self.standby;
        let lost = OptionFuture::from(self.lease.as_mut().map(Lease::lost));
        let done = tokio::select! {
            biased;
            () = self.stop.cancelled(), if !phase.is_stopping() => return LinkEvent::Stop,
            why = self.store.failed(), if !phase.knows_of_store() => return LinkEvent::StoreFailed(why),
            () = self.store.works(), if matches!(phase, LinkPhase::StoreFailed(_)) => {
                return LinkEvent::StoreWorks;
            }
            Some(error) = lost, if *phase == LinkPhase::Running => return LinkEvent::Lost(error.chain()),
            Ok(()) = standby.changed() => {
                let is_standby = *standby.borrow_and_update();
                return LinkEvent::Standing { is_standby };
            }
            Some(done) = OptionFuture::from(self.under_way.as_mut()) => done,
            Some(()) = OptionFuture::from(self.timer.as_mut()) => {
                self.timer = None;
                return LinkEvent::Due;
            }
        };
        self.under_way = None;
        self.ended(done).await
    }

    async fn ended(&mut self, done: Done<P::Lease>) -> LinkEvent {
        match done {
            Done::Acquired(Ok(lease)) => {
                self.lease = Some(lease);
                LinkEvent::Owned
            }
            Done::Acquired(Err(error)) => self.failed(&error).await,
            Done::Worked(Ok(())) => LinkEvent::Ended,
            Done::Worked(Err(error)) => {
                self.in_order = false;
                self.failed(&error).await
            }
            Done::Released => LinkEvent::Released,
        }
    }

    /// The event that an error represents: users of the checkpoint DB and the lease may notice their failure first.
    async fn failed(&mut self, error: &Error) -> LinkEvent {
        if let Some(why) = self
            .store
            .failure()
            .filter(|_| !self.life.phase.knows_of_store())
        {
            return LinkEvent::StoreFailed(why);
        }
        if let Some(lease) = self.lease.as_mut().filter(|lease| lease.is_over())
            && self.life.phase == LinkPhase::Running
        {
            return LinkEvent::Lost(lease.lost().await.chain());
        }
        LinkEvent::Failed(LinkTrouble {
            why: error.chain(),
            may_pass: error.kind() != Kind::Refused,
        })
    }

    fn perform(&mut self, effect: LinkEffect) {
        let parts = Arc::clone(&self.parts);
        match effect {
            LinkEffect::Acquire => {
                self.standby = watch::channel(false);
                let standby = self.standby.0.clone();
                self.under_way = Some(Box::pin(async move {
                    let acquiring = Box::pin(parts.acquire(standby));
                    Done::Acquired(contained("acquiring the link", acquiring).await)
                }));
            }
            LinkEffect::Abandon => self.under_way = None,
            LinkEffect::Work => {
                self.in_order = true;
                self.end = CancellationToken::new();
                let end = self.end.clone();
                self.under_way = Some(Box::pin(async move {
                    let working = Box::pin(parts.work(end));
                    Done::Worked(contained("the link", working).await)
                }));
            }
            LinkEffect::End => {
                self.end.cancel();
                // Tasks that ended because of this event have nothing further to report.
                if self.under_way.is_none() {
                    self.under_way = Some(Box::pin(ready(Done::Worked(Ok(())))));
                }
            }
            LinkEffect::Release => {
                let (lease, in_order) = (self.lease.take(), self.in_order);
                self.under_way = Some(Box::pin(async move {
                    if let Some(lease) = lease {
                        Box::pin(lease.release(in_order)).await;
                    }
                    Done::Released
                }));
            }
            LinkEffect::Wake(after) => self.timer = Some(Box::pin(sleep(after))),
            LinkEffect::Tell(news) => self.parts.tell(news),
        }
    }
}
