//! Tasks with owners, retry delays and stop signals.
//!
//! Promises: no task runs without an owner that ends it; a panic comes out as an error; stopping has a time limit.
//! Doesn't: restart anything; whoever owns a failed task decides that.

mod backoff;
mod owned;
mod ownership;
pub mod signal;
mod supervisor;

pub use backoff::Backoff;
pub use owned::Owned;
pub use ownership::Ownership;
pub use supervisor::Supervisor;

use tokio::task::{JoinError, spawn_blocking};

use crate::error::{Error, Kind, Result};

/// Does work that blocks where it holds up no task; `name` names it in the error of a panic.
///
/// Cancellation: the work goes on to its end; what it gives is lost.
pub async fn blocking<F>(name: &str, work: F) -> Result<()>
where
    F: FnOnce() -> Result<()> + Send + 'static,
{
    outcome(name, spawn_blocking(work).await)
}

/// What a task that has ended says about itself: its own result, or an error for a panic or an abort.
fn outcome(name: &str, ended: Result<Result<()>, JoinError>) -> Result<()> {
    match ended {
        Ok(result) => result.map_err(|cause| {
            let kind = cause.kind();
            Error::new(kind, format!("task {name} failed")).caused_by(cause)
        }),
        Err(cause) if cause.is_cancelled() => {
            Err(Error::new(Kind::Stopping, format!("task {name} was ended")))
        }
        Err(cause) => Err(Error::new(
            Kind::Invalid,
            format!("task {name} panicked; this is a defect of farshore, please report it"),
        )
        .caused_by(cause)),
    }
}
