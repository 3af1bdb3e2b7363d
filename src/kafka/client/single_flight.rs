//! Shares one attempt among all callers that wait for its result.
//!
//! Promises: while an attempt is in progress, further callers join it; after that, the next caller starts a new one. An
//! attempt without any waiters left is abandoned.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use parking_lot::Mutex;

use crate::error::{Error, Result};

/// The result of a shared attempt.
pub(crate) type SharedResult<T> = Result<T, Arc<Error>>;
type Attempt<T> = BoxFuture<'static, SharedResult<T>>;

/// At most one attempt at a time.
pub(crate) struct SingleFlight<T>(Mutex<Option<WeakShared<Attempt<T>>>>);

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// Joins the attempt in progress, or starts one.
    ///
    /// Cancellation: the attempt continues for the other waiters, and ends if there are none.
    pub(crate) async fn join<F, A>(&self, begin: F) -> SharedResult<T>
    where
        F: FnOnce() -> A,
        A: Future<Output = SharedResult<T>> + Send + 'static,
    {
        self.current(begin).await
    }

    fn current<F, A>(&self, begin: F) -> Shared<Attempt<T>>
    where
        F: FnOnce() -> A,
        A: Future<Output = SharedResult<T>> + Send + 'static,
    {
        let mut current = self.0.lock();
        let under_way = current.as_ref().and_then(WeakShared::upgrade);
        let under_way = under_way.filter(|attempt| attempt.peek().is_none());
        under_way.unwrap_or_else(|| {
            let attempt = begin().boxed().shared();
            *current = attempt.downgrade();
            attempt
        })
    }
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> fmt::Debug for SingleFlight<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flight").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
