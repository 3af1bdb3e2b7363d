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
mod tests {
    use super::*;

    fn supervisor() -> Supervisor {
        Supervisor::new(CancellationToken::new())
    }

    #[tokio::test]
    async fn reports_failures_and_panics_and_passes_over_good_ends() {
        let mut tasks = supervisor();
        tasks.spawn("good", async { Ok(()) });
        tasks.spawn("bad", async { Err(Error::new(Kind::Store, "disk full")) });
        assert_eq!(tasks.failure().await.chain(), "task bad failed: disk full");
        tasks.spawn("worse", async { panic!("broken") });
        let text = tasks.failure().await.to_string();
        assert!(text.starts_with("task worse panicked"), "{text}");
        assert!(tasks.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn stop_waits_for_tasks_that_heed_the_token() {
        let mut tasks = supervisor();
        let token = tasks.token().clone();
        let mut child = tasks.child();
        let child_token = child.token().clone();
        for (tasks, token) in [(&mut tasks, token), (&mut child, child_token)] {
            tasks.spawn("polite", async move {
                token.cancelled().await;
                Ok(())
            });
        }
        child.stop(Duration::from_secs(1)).await.unwrap();
        assert!(!tasks.token().is_cancelled(), "a child stops alone");
        tasks.stop(Duration::from_secs(1)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn stop_ends_a_task_that_does_not_listen_after_the_limit() {
        let mut tasks = supervisor();
        tasks.spawn("deaf", std::future::pending());
        let started = tokio::time::Instant::now();
        let error = tasks.stop(Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "still running 5s after the request to stop: deaf"
        );
        assert_eq!(started.elapsed(), Duration::from_secs(5));
    }
}
