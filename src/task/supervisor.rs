//! Named tasks that are watched together and stopped in order, within a time limit.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::outcome;
use crate::error::{Error, Kind, Result};

/// Tasks under one cancellation token; dropping it aborts those still running.
pub struct Supervisor {
    token: CancellationToken,
    names: HashMap<Id, String>,
    tasks: JoinSet<Result<()>>,
}

impl Supervisor {
    /// Returns a supervisor without tasks; cancelling `token` asks its tasks to end, as [`Supervisor::stop`] does.
    pub fn new(token: CancellationToken) -> Self {
        Self {
            token,
            names: HashMap::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Returns a supervisor whose tasks are asked to end along with this one's, but can be stopped separately.
    #[must_use]
    pub fn child(&self) -> Self {
        Self::new(self.token.child_token())
    }

    /// The token that asks the tasks to end.
    pub fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// The number of tasks whose end has not been observed.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether the end of every task has been observed.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// Starts a task; errors name it `name`. It should end soon after the token is cancelled.
    ///
    /// Must be called within a tokio runtime.
    pub fn spawn<F>(&mut self, name: impl Into<String>, future: F)
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let id = self.tasks.spawn(future).id();
        self.names.insert(id, name.into());
    }

    /// Waits for the first task that fails or panics and returns its error; tasks that end without an error are ignored.
    /// Without tasks it waits forever.
    ///
    /// Cancellation: dropping the future loses nothing.
    pub async fn failure(&mut self) -> Error {
        loop {
            match self.tasks.join_next_with_id().await {
                Some(ended) => {
                    if let Err(error) = self.ended(ended) {
                        return error;
                    }
                }
                None => std::future::pending().await,
            }
        }
    }

    /// Asks every task to end, waits up to `limit`, and aborts the remaining ones. Returns the first failure; having to
    /// abort a task counts as one.
    ///
    /// Cancellation: dropping the future aborts the tasks still running.
    pub async fn stop(mut self, limit: Duration) -> Result<()> {
        self.token.cancel();
        let mut first = Ok(());
        let all_ended = tokio::time::timeout(limit, async {
            while let Some(ended) = self.tasks.join_next_with_id().await {
                first = std::mem::replace(&mut first, Ok(())).and(self.ended(ended));
            }
        });
        if all_ended.await.is_err() {
            let late = self.running();
            self.tasks.shutdown().await;
            first = first.and(Err(Error::new(
                Kind::TimedOut,
                format!("still running {limit:?} after the request to stop: {late}"),
            )));
        }
        first
    }

    fn ended(&mut self, ended: Result<(Id, Result<()>), JoinError>) -> Result<()> {
        let (id, ended) = match ended {
            Ok((id, result)) => (id, Ok(result)),
            Err(error) => (error.id(), Err(error)),
        };
        let name = self.names.remove(&id).unwrap_or_default();
        outcome(&name, ended)
    }

    fn running(&self) -> String {
        let mut names: Vec<&str> = self.names.values().map(String::as_str).collect();
        names.sort_unstable();
        names.join(", ")
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("tasks", &self.running())
            .field("stopping", &self.token.is_cancelled())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
