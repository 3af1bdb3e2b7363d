//! The operator's request to stop: SIGINT or SIGTERM.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Error, Kind, Result};

/// Returns two futures: the first resolves at the first SIGINT or SIGTERM (stop in order), the second at the next one
/// (stop immediately). From this call on, these signals no longer terminate the process themselves.
///
/// Cancellation: dropping a future only stops waiting.
pub fn stop_signals() -> Result<(
    impl Future<Output = ()> + Send,
    impl Future<Output = ()> + Send,
)> {
    let mut first = Listener::new()?;
    let mut second = Listener::new()?;
    Ok((async move { first.next().await }, async move {
        second.next().await;
        second.next().await;
    }))
}

struct Listener {
    interrupt: Signal,
    terminate: Signal,
}

impl Listener {
    fn new() -> Result<Self> {
        let listen = |kind| {
            signal(kind).map_err(|cause| {
                Error::new(Kind::Invalid, "cannot listen for stop signals").caused_by(cause)
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn send(signal: &str) {
        let pid = std::process::id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success());
    }

    #[tokio::test]
    async fn the_first_signal_resolves_one_future_and_the_next_the_other() {
        let (first, second) = stop_signals().unwrap();
        tokio::pin!(second);
        send("-TERM");
        tokio::select! {
            biased;
            () = &mut second => panic!("one signal is not two"),
            () = first => {}
        }
        send("-INT");
        second.await;
    }
}
