//! The time that `check` takes at most, whatever is wrong: what isn't answered by then is unknown.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::clusters::Haste;
use crate::error::{Error, Kind, Result};

/// How long single attempts may take: a slow line takes less, and several have to fit in.
pub(super) const HASTE: Haste = Haste {
    connect: Duration::from_secs(4),
    request: Duration::from_secs(10),
    retry: Duration::from_secs(3),
};

/// The stages of a check, each with its end, in milliseconds after the beginning. `check` answers within 15 s; the rest is for
/// its start and for what it prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    /// A bootstrap address has answered, and told the brokers' addresses.
    Metadata = 6_500,
    /// Every broker has been dialed.
    Brokers = 10_500,
    /// The brokers have told their settings.
    Settings = 11_500,
    /// Operations have been tried on a scratch topic, which has yet to be deleted.
    Probe = 12_000,
    All = 13_500,
}

/// When a check began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline(Instant);

impl Deadline {
    /// The deadline of a check that begins now.
    pub(super) fn from_now() -> Self {
        Self(Instant::now())
    }

    /// When a stage ends.
    pub(super) fn of(self, stage: Stage) -> Instant {
        self.0 + Duration::from_millis(stage as u64)
    }

    /// The time left until a stage ends.
    pub(super) fn left(self, stage: Stage) -> Duration {
        self.of(stage).saturating_duration_since(Instant::now())
    }

    /// Returns the result of `asking`, unless the stage ends before.
    ///
    /// Errors: `TimedOut`, and those of `asking`.
    pub(super) async fn keep<T>(
        self,
        stage: Stage,
        asking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let kept = timeout_at(self.of(stage), asking).await;
        kept.unwrap_or_else(|_| {
            let text = "there was no answer in the time that check has";
            Err(Error::new(Kind::TimedOut, text))
        })
    }
}
