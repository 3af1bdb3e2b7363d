//! Delays between retries; pure, without a clock.

use std::time::Duration;

/// Capped exponential backoff with full jitter: the n-th delay is uniform between zero and `base * 2^n`, at most `cap`.
///
/// Full jitter best spreads the retries of many partitions after a common cause, for the same mean delay.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    ceiling: Duration,
    random: fastrand::Rng,
}

impl Backoff {
    /// Returns delays that start at up to `base` and grow to up to `cap`.
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self::with_random(base, cap, fastrand::Rng::new())
    }

    /// The same with a given random number generator, for repeatable tests.
    pub fn with_random(base: Duration, cap: Duration, random: fastrand::Rng) -> Self {
        Self {
            base,
            cap,
            ceiling: base.min(cap),
            random,
        }
    }

    /// Returns the next delay.
    #[expect(
        clippy::should_implement_trait,
        reason = "delays never end, so there is no Option to give"
    )]
    pub fn next(&mut self) -> Duration {
        let delay = self.ceiling.mul_f64(self.random.f64());
        self.ceiling = self.ceiling.saturating_mul(2).min(self.cap);
        delay
    }

    /// Restarts at `base`, after a success.
    pub fn reset(&mut self) {
        self.ceiling = self.base.min(self.cap);
    }
}

#[cfg(test)]
mod tests;
