//! A task that ends with its owner.

use tokio_util::task::AbortOnDropHandle;

use super::outcome;
use crate::error::{Error, Kind, Result};

/// A running task, aborted at its next await point when this is dropped.
#[derive(Debug)]
pub struct Owned {
    name: &'static str,
    handle: AbortOnDropHandle<Result<()>>,
    /// Whether the result has been returned.
    done: bool,
}

impl Owned {
    /// Starts a task; errors name it `name`.
    ///
    /// Must be called within a tokio runtime.
    #[expect(clippy::disallowed_methods, reason = "this type is the owner")]
    pub fn spawn<F>(name: &'static str, future: F) -> Self
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        Self {
            name,
            handle: AbortOnDropHandle::new(tokio::spawn(future)),
            done: false,
        }
    }

    /// Whether the task has ended, for any reason.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }

    /// Like [`Owned::join`], but keeps the task: it continues if the future is dropped.
    ///
    /// Called again after the end, returns an error that the task has ended.
    pub async fn ended(&mut self) -> Result<()> {
        if self.done {
            return Err(Error::new(
                Kind::Stopping,
                format!("task {} has ended", self.name),
            ));
        }
        let ended = (&mut self.handle).await;
        self.done = true;
        outcome(self.name, ended)
    }

    /// Waits for the task to end; returns its error or panic with the task's name.
    ///
    /// Cancellation: dropping the future aborts the task.
    pub async fn join(mut self) -> Result<()> {
        self.ended().await
    }
}

#[cfg(test)]
mod tests;
