//! Panics as errors, without a separate task.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::error::{Error, Kind, Result};

/// Waits for a future; a panic in it is returned as an error that contains `name`.
///
/// Values owned by the future are dropped. Values it shares must be consistent at each await and each possible panic, or
/// be rebuilt by the caller.
pub async fn contained<T>(name: &str, future: impl Future<Output = Result<T>>) -> Result<T> {
    let ended = AssertUnwindSafe(future).catch_unwind().await;
    ended.unwrap_or_else(|panic| {
        let text = said(panic.as_ref());
        let message =
            format!("{name} panicked; this is a defect of farshore, please report it: {text}");
        Err(Error::new(Kind::Invalid, message))
    })
}

/// Returns the message of a panic.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it left no message")
}

#[cfg(test)]
mod tests;
