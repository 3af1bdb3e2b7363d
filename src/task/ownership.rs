//! The right to write for a link, which expires unless it is renewed.
//!
//! Promises: code that checks [`Ownership::is_held`] just before it writes doesn't write after the lease has ended, even if
//! the process was suspended and resumed in between; the clock is the machine's monotonic one.
//! Doesn't: acquire or renew anything; the lease of the journal does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::error::{Error, Kind, Result};

/// Whether this process may write now; cheap to clone and to check.
#[derive(Debug, Clone)]
pub struct Ownership {
    shared: Arc<Inner>,
    /// The only term in which it counts as held; `None`: any.
    bound_to: Option<u64>,
}

/// The number shared by all permanent rights.
const PERMANENT: u64 = 0;
static NEXT_NUMBER: AtomicU64 = AtomicU64::new(PERMANENT + 1);

#[derive(Debug)]
struct Inner {
    number: u64,
    begin: Instant,
    /// Milliseconds after `begin` at which the lease ends.
    until: AtomicU64,
    /// The term in which this process owns the link.
    term: watch::Sender<Option<u64>>,
    /// The last term begun; 0 before the first.
    last_term: AtomicU64,
    /// Whether something was sent in the current term that may still arrive.
    unanswered: AtomicBool,
    /// Milliseconds after `begin` until which something sent in an earlier term may still arrive.
    late_until: AtomicU64,
}

/// The time within which an abandoned request may still arrive: longer than a lease, for which the next owner would wait.
const LATE: Duration = Duration::from_secs(10);

impl Ownership {
    /// Returns a right that isn't held until [`Ownership::begin`].
    pub fn none() -> Self {
        Self::numbered(NEXT_NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    fn numbered(number: u64) -> Self {
        let shared = Inner {
            number,
            begin: Instant::now(),
            until: AtomicU64::new(0),
            term: watch::Sender::new(None),
            last_term: AtomicU64::new(0),
            unanswered: AtomicBool::new(false),
            late_until: AtomicU64::new(0),
        };
        Self {
            shared: Arc::new(shared),
            bound_to: None,
        }
    }

    /// Returns a right that is always held, for writes without a lease.
    pub fn permanent() -> Self {
        let ownership = Self::numbered(PERMANENT);
        ownership.begin_without_lease();
        ownership
    }

    /// A number unique among the rights of this process, except that permanent ones share one: none of them ever ends.
    pub fn number(&self) -> u64 {
        self.shared.number
    }

    /// Returns the right restricted to the current term: what was begun under it isn't written in a later term either.
    /// Without a current term it is never held.
    #[must_use]
    pub fn in_this_term(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            // No term has the number 0.
            bound_to: Some(self.shared.term.borrow().unwrap_or(0)),
        }
    }

    /// Whether writing is allowed at this moment.
    pub fn is_held(&self) -> bool {
        let until = self.shared.until.load(Ordering::Acquire);
        let Some(term) = *self.shared.term.borrow() else {
            return false;
        };
        let is_meant = self.bound_to.is_none_or(|only| only == term);
        is_meant && until > 0 && self.elapsed(Instant::now()) < until
    }

    /// Whether the lease has run out, so that another process may have taken over. A later extension means that none has.
    pub fn has_run_out(&self) -> bool {
        self.elapsed(Instant::now()) >= self.shared.until.load(Ordering::Acquire)
    }

    /// Returns an error unless writing is allowed at this moment.
    pub fn check(&self) -> Result<()> {
        if self.is_held() {
            return Ok(());
        }
        let message = "this process doesn't hold the lease of the link at present; it is renewed as soon as the target answers, unless another process took the link over";
        Err(Error::new(Kind::Refused, message))
    }

    /// The term in which this process owns the link, `None` while it doesn't; notified of every change. A lease that has run
    /// out but can still be renewed ends no term.
    pub fn term(&self) -> watch::Receiver<Option<u64>> {
        self.shared.term.subscribe()
    }

    /// Notes that a request was abandoned without its answer: the next owner has to wait until the lease has ended, even if
    /// a later term of this process begins and ends first.
    pub fn note_unanswered(&self) {
        let late_until = self.elapsed(Instant::now() + LATE);
        self.shared
            .late_until
            .fetch_max(late_until, Ordering::AcqRel);
        self.shared.unanswered.store(true, Ordering::Release);
    }

    /// Whether another process may write from now on without interference from requests of this one.
    pub fn may_be_released(&self) -> bool {
        let is_late = self.elapsed(Instant::now()) < self.shared.late_until.load(Ordering::Acquire);
        !is_late && !self.shared.unanswered.load(Ordering::Acquire)
    }

    /// Begins the next term of a link without a lease; it lasts until [`Ownership::end`].
    pub fn begin_without_lease(&self) {
        self.shared.until.store(u64::MAX, Ordering::Release);
        self.begin(self.shared.last_term.load(Ordering::Acquire) + 1);
    }

    /// Begins a term; `term` is greater than 0.
    pub fn begin(&self, term: u64) {
        self.shared.last_term.store(term, Ordering::Release);
        self.shared.unanswered.store(false, Ordering::Release);
        self.shared.term.send_replace(Some(term));
    }

    /// Extends the lease to `until`; never shortens it.
    pub fn extend(&self, until: Instant) {
        let until = self.elapsed(until).max(1);
        self.shared.until.fetch_max(until, Ordering::AcqRel);
    }

    /// Ends the term: another process owns the link, or none does.
    pub fn end(&self) {
        self.shared.term.send_replace(None);
        self.shared.until.store(0, Ordering::Release);
    }

    /// Whether both are the same right.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared) && self.bound_to == other.bound_to
    }

    fn elapsed(&self, at: Instant) -> u64 {
        let elapsed: Duration = at.saturating_duration_since(self.shared.begin);
        u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests;
