//! The right to write for a link, which ends by itself unless it is renewed.
//!
//! Promises: who asks [`Ownership::is_held`] just before it writes doesn't write after the lease ended, even if the process was
//! stopped and woken in between; the clock is the machine's monotonic one.
//! Doesn't: acquire or renew anything; the lease of the journal does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{Error, Kind, Result};

/// Whether this process may write now; cheap to clone and to ask.
#[derive(Debug, Clone)]
pub struct Ownership(Arc<Inner>);

/// The number of those that never end.
const PERMANENT: u64 = 0;
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(PERMANENT + 1);

#[derive(Debug)]
struct Inner {
    number: u64,
    begin: Instant,
    /// Milliseconds after `begin` at which the lease ends.
    until: AtomicU64,
    /// The term this process owns the link in.
    term: watch::Sender<Option<u64>>,
    /// Whether something was sent in it that may still arrive.
    unanswered: AtomicBool,
}

impl Ownership {
    /// Not held, until [`Ownership::begin`].
    pub fn none() -> Self {
        Self::numbered(NEXT_NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    fn numbered(number: u64) -> Self {
        Self(Arc::new(Inner {
            number,
            begin: Instant::now(),
            until: AtomicU64::new(0),
            term: watch::Sender::new(None),
            unanswered: AtomicBool::new(false),
        }))
    }

    /// Held for ever: for links without a lease.
    pub fn permanent() -> Self {
        let ownership = Self::numbered(PERMANENT);
        ownership.0.until.store(u64::MAX, Ordering::Release);
        ownership.begin(0);
        ownership
    }

    /// A number that no other right of this process has, but for permanent ones, which share one: they end together, never.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// Whether writing is allowed at this moment.
    pub fn is_held(&self) -> bool {
        let until = self.0.until.load(Ordering::Acquire);
        until > 0 && self.0.term.borrow().is_some() && self.elapsed(Instant::now()) < until
    }

    /// Whether the lease ran out, so that another process may have taken over. A later extension says that none has.
    pub fn has_run_out(&self) -> bool {
        self.elapsed(Instant::now()) >= self.0.until.load(Ordering::Acquire)
    }

    /// The error of somebody who wanted to write and may not.
    pub fn check(&self) -> Result<()> {
        if self.is_held() {
            return Ok(());
        }
        let message = "the lease of the link is not held by this process at present; it is renewed as soon as the target answers, unless another process took the link over";
        Err(Error::new(Kind::Refused, message))
    }

    /// Every change of the term in which this process owns the link; none while it doesn't. A lease that ran out and can
    /// still be renewed ends no term.
    pub fn term(&self) -> watch::Receiver<Option<u64>> {
        self.0.term.subscribe()
    }

    /// Notes that something was sent whose answer nobody waits for: the next owner has to wait until the lease is over.
    pub fn note_unanswered(&self) {
        self.0.unanswered.store(true, Ordering::Release);
    }

    /// Whether another process may write from now on without meeting anything of this one.
    pub fn may_be_released(&self) -> bool {
        !self.0.unanswered.load(Ordering::Acquire)
    }

    /// Begins a term.
    pub fn begin(&self, term: u64) {
        self.0.unanswered.store(false, Ordering::Release);
        self.0.term.send_replace(Some(term));
    }

    /// The lease runs until then.
    pub fn extend(&self, until: Instant) {
        let until = self.elapsed(until).max(1);
        self.0.until.fetch_max(until, Ordering::AcqRel);
    }

    /// Ends the term: somebody else owns the link, or nobody.
    pub fn end(&self) {
        self.0.term.send_replace(None);
        self.0.until.store(0, Ordering::Release);
    }

    /// Whether both are one and the same right.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn elapsed(&self, at: Instant) -> u64 {
        let elapsed: Duration = at.saturating_duration_since(self.0.begin);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(8);

    #[tokio::test(start_paused = true)]
    async fn it_ends_by_itself_and_lives_on_when_renewed() {
        let ownership = Ownership::none();
        ownership.extend(Instant::now() + LEASE);
        assert!(!ownership.is_held(), "no term has begun");
        ownership.begin(3);
        assert!(ownership.clone().is_held() && !ownership.has_run_out());
        tokio::time::advance(LEASE).await;
        assert!(!ownership.is_held() && ownership.has_run_out());
        assert_eq!(ownership.check().unwrap_err().kind(), Kind::Refused);
        ownership.extend(Instant::now() + LEASE);
        assert!(ownership.is_held() && !ownership.has_run_out());
        // An answer that comes late doesn't shorten it.
        ownership.extend(Instant::now());
        assert!(ownership.is_held());
        ownership.note_unanswered();
        assert!(!ownership.may_be_released());
        ownership.end();
        assert!(!ownership.is_held());
        assert_eq!(*ownership.term().borrow(), None);
        ownership.begin(4);
        assert!(ownership.may_be_released());
    }

    #[tokio::test(start_paused = true)]
    async fn a_permanent_one_has_no_end() {
        let ownership = Ownership::permanent();
        tokio::time::advance(Duration::from_secs(1 << 30)).await;
        assert!(ownership.is_held());
        assert_eq!(ownership.number(), Ownership::permanent().number());
        let leases = [Ownership::none(), Ownership::none()].map(|it| it.number());
        assert!(leases[0] != leases[1] && !leases.contains(&ownership.number()));
    }
}
