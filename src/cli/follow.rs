//! Follows work in the service until it has ended.
//!
//! Promises: an interruption ends the command at once, even during a request, and the failure says that the work goes on;
//! a service that restarts in the meantime is waited for. Doesn't: stop the work.

use std::io::Write;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime;
use tokio::time::sleep;

use super::client::Client;
use super::{ExitCode, Failure};
use crate::task::blocking;

/// The number of consecutive unanswered requests after which following ends; the work continues after a restart.
const MISSES_AT_MOST: u32 = 120;

/// Resolves when the operator interrupts the command.
pub(super) type Interrupt = Pin<Box<dyn Future<Output = ()>>>;

/// Ctrl-C. From the first poll on it no longer terminates the process itself.
pub(super) fn ctrl_c() -> Interrupt {
    Box::pin(async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Then it still terminates the process.
            std::future::pending::<()>().await;
        }
    })
}

/// Writes a line of progress to standard error; the command goes on if it can't be written.
pub(super) fn note(progress: &str) {
    let _ = writeln!(std::io::stderr(), "{progress}");
}

/// Work in the service.
#[derive(Debug)]
pub(super) struct Followed<'a> {
    /// What it is, such as `operation o-1`.
    pub(super) what: String,
    /// The path segments of the resource that shows it.
    pub(super) path: [&'a str; 3],
    /// How it can be followed on, and cancelled.
    pub(super) how: String,
    pub(super) look_again_after: Duration,
}

/// Polls until `is_over` says so of an answer, and returns that answer.
pub(super) fn follow(
    client: &Client,
    followed: &Followed<'_>,
    interrupt: Interrupt,
    is_over: impl FnMut(&Value) -> Result<bool, Failure>,
) -> Result<Value, Failure> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        let message = format!("cannot follow {}: {error}", followed.what);
        Failure::new(ExitCode::Failed, message)
    })?;
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = poll(client, followed, is_over) => ended,
            () = interrupt => {
                let message = format!("{} goes on in the service: {}", followed.what, followed.how);
                Err(Failure::new(ExitCode::Failed, message))
            }
        }
    });
    // A request without an answer doesn't hold up the end.
    runtime.shutdown_background();
    ended
}

async fn poll(
    client: &Client,
    followed: &Followed<'_>,
    mut is_over: impl FnMut(&Value) -> Result<bool, Failure>,
) -> Result<Value, Failure> {
    let mut misses = 0;
    loop {
        match asked(client, &followed.path).await {
            Ok(answer) if is_over(&answer)? => return Ok(answer),
            Ok(_) => misses = 0,
            Err(failure) if failure.code == ExitCode::Failed && misses < MISSES_AT_MOST => {
                misses += 1;
            }
            Err(failure) => {
                let what = &followed.what;
                let message = format!("{what} continues, but can no longer be followed: {failure}");
                return Err(Failure::new(failure.code, message));
            }
        }
        sleep(followed.look_again_after).await;
    }
}

async fn asked(client: &Client, path: &[&str; 3]) -> Result<Value, Failure> {
    let client = client.clone();
    let path = path.map(ToOwned::to_owned);
    let request = move || client.get(&path.each_ref().map(String::as_str));
    blocking("a request", request).await?
}
