//! Tasks with owners, and retry delays.
//!
//! Promises: no task runs without an owner that ends it; a panic becomes an error; stopping has a time limit.
//! Doesn't: restart anything; that is up to the owner of a failed task.

mod backoff;
mod blocking;
mod contained;
mod in_flight;
pub(crate) mod log_once;
mod owned;
mod ownership;
mod rounds;
mod staggered;
mod streak;
mod supervisor;
#[cfg(test)]
pub(crate) mod testing;

pub use backoff::Backoff;
pub use blocking::blocking;
pub use contained::contained;
pub use in_flight::{InFlight, Writing};
pub use owned::Owned;
pub use ownership::Ownership;
pub use rounds::Rounds;
pub use staggered::staggered;
pub use streak::Streak;
pub use supervisor::Supervisor;

use tokio::task::JoinError;

use crate::error::{Error, Kind, Result};

/// The outcome of a task that has ended: its own result, or an error for a panic or an abort.
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
