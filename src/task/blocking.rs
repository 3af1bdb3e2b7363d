//! Blocking calls into libraries.

use crate::error::{Error, Kind, Result};

/// Runs a blocking call on a thread of the runtime's blocking pool; errors name it `name`.
///
/// Must be called within a tokio runtime. Errors: `Invalid` if the call panicked, `Stopping` if the runtime shuts down.
/// Cancellation: the call continues to its end, but its result is discarded.
pub async fn blocking<T: Send + 'static>(
    name: &'static str,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(call).await.map_err(|cause| {
        if cause.is_cancelled() {
            return Error::new(Kind::Stopping, format!("{name} was not started"));
        }
        let text = format!("{name} panicked; this is a defect of farshore, please report it");
        Error::new(Kind::Invalid, text).caused_by(cause)
    })
}
