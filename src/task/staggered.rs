//! Attempts that begin one after the other, without waiting long for any of them.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::sleep;

/// Returns the first success of `attempt`, which is made with one candidate after the other: the next one has its turn when
/// one before it fails, or when the last one has had its head start. Attempts under way go on.
///
/// Errors: if none succeeds, the error of each. Cancellation, and a success: attempts under way are dropped.
pub async fn staggered<C, T, E, A>(
    candidates: impl IntoIterator<Item = C>,
    head_start: Duration,
    attempt: impl Fn(C) -> A,
) -> Result<T, Vec<(C, E)>>
where
    C: Clone,
    A: Future<Output = Result<T, E>>,
{
    let mut candidates = candidates.into_iter().peekable();
    let mut under_way = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        if let Some(candidate) = candidates.next() {
            let outcome = attempt(candidate.clone());
            under_way.push(async move { (candidate, outcome.await) });
        }
        let are_left = candidates.peek().is_some();
        tokio::select! {
            biased;
            outcome = under_way.next() => match outcome {
                Some((_, Ok(success))) => return Ok(success),
                Some((candidate, Err(error))) => failures.push((candidate, error)),
                None => return Err(failures),
            },
            () = sleep(head_start), if are_left => {}
        }
    }
}
