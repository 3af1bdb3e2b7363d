//! One owner after another dies or falls silent at a random moment; the standby takes over and continues exactly.

use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::shows;
use super::silent::Pair;
use crate::support::seed;
use crate::support::wait::any_moment;

/// The environment variable that sets the number of takeovers.
const TAKEOVERS: &str = "FARSHORE_TAKEOVERS";
const USUAL: usize = 3;
/// After this many takeovers everything is compared.
const COMPARED: usize = 10;
/// A lease, the margin for clocks, and a second for each look.
const LATEST: Duration = Duration::from_secs(15);

/// Kills or suspends the owner in the middle of its work. Returns how long it took until the other one ran.
async fn take_over(pair: &mut Pair, rng: &mut fastrand::Rng) -> Duration {
    let before = pair.old;
    pair.write_some(2_000, 5).await;
    pair.is_under_way(before).await;
    any_moment(rng, Duration::from_millis(500)).await;
    let is_stopped = rng.bool();
    if is_stopped {
        pair.setting.farshore.process().signal(Signal::STOP);
    } else {
        pair.setting.farshore.kill9();
    }
    let silent_since = Instant::now();
    shows(&pair.other, "running").await;
    let took = silent_since.elapsed();
    pair.write_some(1_000, 5).await;
    if is_stopped {
        // It wakes while the other process is working.
        any_moment(rng, Duration::from_secs(2)).await;
        pair.setting.farshore.process().signal(Signal::CONT);
    } else {
        pair.setting.farshore.start().await;
    }
    shows(&pair.setting.farshore, "standby").await;
    std::mem::swap(&mut pair.setting.farshore, &mut pair.other);
    took
}

#[tokio::test]
async fn takeovers_at_any_moment_lose_and_double_nothing() {
    let count = std::env::var(TAKEOVERS).ok().and_then(|it| it.parse().ok());
    let count = count.unwrap_or(USUAL);
    let mut rng = seed::rng();
    let mut pair = Pair::start().await;
    let mut times = Vec::new();
    for takeover in 1..=count {
        times.push(take_over(&mut pair, &mut rng).await);
        if takeover % COMPARED == 0 {
            pair.is_exact().await;
            println!("{takeover} takeovers");
        }
    }
    pair.is_exact().await;
    times.sort_unstable();
    println!("takeovers took {times:.1?}");
    let late = times.iter().filter(|took| **took > LATEST).count();
    // A machine busy with other work may be slow once.
    assert!(late <= count / 3, "{times:?}");
}
