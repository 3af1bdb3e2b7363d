//! The token of a cluster: obtained once for all connections, and renewed before it ends.
//!
//! Promises: one request for a token at a time; a login waits for a renewal only briefly while the token before can be
//! used, and uses that one if the renewal fails; requests that fail are repeated with a growing delay.
//! Doesn't: renew what no login asks for.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::time::{Instant, timeout};

use crate::error::{Error, Kind};
use crate::kafka::client::single_flight::{SharedResult, SingleFlight};
use crate::model::Secret;
use crate::task::log_once::Notice;
use crate::task::{Backoff, Owned};

use super::token::Token;

/// How long a source may take.
const FETCH: Duration = Duration::from_secs(10);
/// How long a login waits for a renewal while the token before can be used.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a token is used whose end is unknown.
const UNKNOWN: Duration = Duration::from_secs(60);
/// The longest time for which a token is used.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The part of its lifetime after which a token is renewed, as in Kafka's clients.
const RENEWAL: f32 = 0.8;
/// A token that the broker refuses is replaced at the earliest after this time.
const REFUSED: Duration = Duration::from_secs(5);
const RETRY_BASE: Duration = Duration::from_millis(200);
const RETRY_CAP: Duration = Duration::from_secs(5);

/// Requests a token from its source.
type Fetch = Box<dyn Fn() -> BoxFuture<'static, Result<Token, String>> + Send + Sync>;

/// The token of a cluster.
pub(super) struct Tokens {
    shared: Arc<Shared>,
    /// Keeps a renewal going when the logins that wait for it have given up; ends it with the cluster.
    renewing: Mutex<Option<Owned>>,
}

struct Shared {
    fetch: Fetch,
    /// Whether the source is asked at each login.
    rereads: bool,
    state: Mutex<State>,
    flight: SingleFlight<Token>,
}

struct State {
    held: Option<Held>,
    failure: Option<Failure>,
    notice: Notice,
}

#[derive(Clone)]
struct Held {
    token: Token,
    since: Instant,
    renew_at: Instant,
    ends: Instant,
}

struct Failure {
    backoff: Backoff,
    not_before: Instant,
    last: Arc<Error>,
}

impl Tokens {
    /// Holds no token yet; `rereads` if the source has to be asked at each login.
    pub(super) fn new(
        owner: &str,
        rereads: bool,
        fetch: impl Fn() -> BoxFuture<'static, Result<Token, String>> + Send + Sync + 'static,
    ) -> Self {
        let state = Mutex::new(State {
            held: None,
            failure: None,
            notice: Notice::of(format!("renew the token of {owner}")),
        });
        Self {
            shared: Arc::new(Shared {
                fetch: Box::new(fetch),
                rereads,
                state,
                flight: SingleFlight::default(),
            }),
            renewing: Mutex::new(None),
        }
    }

    /// Returns a token that can be used.
    ///
    /// Cancellation: a request under way continues, for the login that asks next.
    pub(super) async fn token(&self) -> SharedResult<Token> {
        let old = {
            let (state, now) = (self.shared.state.lock(), Instant::now());
            if let Some(known) = state.known(now) {
                return known;
            }
            state.usable(now)
        };
        let renewal = self.renewal();
        match old {
            None => renewal.await,
            Some(old) => match timeout(PATIENCE, renewal).await {
                Ok(Ok(renewed)) => Ok(renewed),
                Ok(Err(_)) | Err(_) => Ok(old),
            },
        }
    }

    /// For how long a token can be used from now on.
    pub(super) fn lifetime(&self, token: &Token) -> Duration {
        let (state, now) = (self.shared.state.lock(), Instant::now());
        let held = state.held.as_ref().filter(|held| held.token == *token);
        held.map_or(UNKNOWN, |held| held.ends.saturating_duration_since(now))
    }

    /// Has a token replaced that the broker refuses.
    pub(super) fn refused(&self, token: &Secret) {
        let mut state = self.shared.state.lock();
        let held = state.held.as_mut();
        if let Some(held) = held.filter(|held| held.token.text() == token) {
            held.renew_at = held.renew_at.min(held.since + REFUSED);
        }
    }

    /// Joins the renewal under way, or starts one.
    fn renewal(&self) -> impl Future<Output = SharedResult<Token>> + use<> {
        let joined = |shared: Arc<Shared>| async move {
            let own = Arc::clone(&shared);
            shared.flight.join(|| own.renew()).await
        };
        let mut renewing = self.renewing.lock();
        if renewing.as_ref().is_none_or(Owned::is_finished) {
            let renewal = joined(Arc::clone(&self.shared));
            *renewing = Some(Owned::spawn("token renewal", async move {
                // Its result is for the logins, which join it.
                let _ = renewal.await;
                Ok(())
            }));
        }
        joined(Arc::clone(&self.shared))
    }
}

impl Shared {
    async fn renew(self: Arc<Self>) -> SharedResult<Token> {
        let began = Instant::now();
        // Another renewal may have ended since this one was wanted.
        if let Some(known) = self.state.lock().known(began) {
            return known;
        }
        let fetched = timeout(FETCH, (self.fetch)()).await;
        let fetched = fetched.unwrap_or_else(|_| Err(format!("it takes longer than {FETCH:?}")));
        let mut state = self.state.lock();
        match fetched {
            Ok(token) => {
                let lifetime = token.lifetime().unwrap_or(UNKNOWN).min(LONGEST);
                let used = if self.rereads {
                    Duration::ZERO
                } else {
                    lifetime.mul_f32(RENEWAL)
                };
                state.held = Some(Held {
                    token: token.clone(),
                    since: began,
                    renew_at: began + used,
                    ends: began + lifetime,
                });
                state.failure = None;
                state.notice.worked();
                Ok(token)
            }
            Err(cause) => Err(state.failed(&cause)),
        }
    }
}

impl State {
    /// What a login gets without a request: a token that isn't due for renewal, or what a request that failed a moment
    /// ago has left.
    fn known(&self, now: Instant) -> Option<SharedResult<Token>> {
        if let Some(held) = self.held.as_ref().filter(|held| now < held.renew_at) {
            return Some(Ok(held.token.clone()));
        }
        let failure = self.failure.as_ref();
        let failure = failure.filter(|failure| now < failure.not_before)?;
        let old = self.usable(now);
        Some(old.ok_or_else(|| Arc::clone(&failure.last)))
    }

    fn usable(&self, now: Instant) -> Option<Token> {
        let held = self.held.as_ref().filter(|held| now < held.ends)?;
        Some(held.token.clone())
    }

    /// Records a failure. It is logged here only if logins continue with the token before: otherwise they fail, which
    /// is reported with this cause.
    fn failed(&mut self, cause: &str) -> Arc<Error> {
        let now = Instant::now();
        let last = Arc::new(Error::new(Kind::Invalid, format!("no token: {cause}")));
        if self.usable(now).is_some() {
            self.notice.failed(&last);
        }
        let failure = self.failure.get_or_insert_with(|| Failure {
            backoff: Backoff::new(RETRY_BASE, RETRY_CAP),
            not_before: now,
            last: Arc::clone(&last),
        });
        failure.not_before = now + failure.backoff.next();
        failure.last = Arc::clone(&last);
        last
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
