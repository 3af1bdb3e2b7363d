//! Calls into libraries that block.

use crate::error::{Error, Kind, Result};

/// Makes a call that blocks, on a thread for such calls.
///
/// Has to be called within a tokio runtime. Errors: `Invalid` if the call panicked, `Stopping` if the runtime ends.
/// Cancellation: the call goes on to its end, and nobody learns its result.
pub async fn blocking<T: Send + 'static>(
    name: &'static str,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(call).await.map_err(|cause| {
        if cause.is_cancelled() {
            return Error::new(Kind::Stopping, format!("{name} was not begun"));
        }
        let text = format!("{name} panicked; this is a defect of farshore, please report it");
        Error::new(Kind::Invalid, text).caused_by(cause)
    })
}
