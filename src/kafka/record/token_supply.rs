//! Supplies librdkafka with the tokens of farshore's own login (OAUTHBEARER): its clients ask for one when they begin, and
//! again after four fifths of its lifetime, but only while they are polled.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::client::OAuthToken;
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::error::{Error, Result};
use crate::kafka::client::{Login, LoginToken};
use crate::task::{Owned, blocking};
use crate::telemetry::now_ms;

/// The part of a token's lifetime after which librdkafka asks for the next one.
const RENEWAL: f32 = 0.8;
/// The time after which librdkafka asks again if there was none.
const RETRY: Duration = Duration::from_secs(10);
/// How late librdkafka may ask while it is polled: its timer has a period of a second.
const TIMER: Duration = Duration::from_secs(2);
/// How long a client is polled at a time for its question.
const POLL: Duration = Duration::from_millis(10);
/// How often a client that isn't used is looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// Whose token it is; brokers aren't told.
const PRINCIPAL: &str = "farshore";

/// The tokens of one client.
#[derive(Debug, Default)]
pub(super) struct TokenSupply {
    /// `None` if the client logs in without tokens.
    login: Option<Login>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// When librdkafka should have asked for the next one; `None` before the first.
    asks_until: Option<Instant>,
    /// Why there was none.
    failure: Option<Error>,
}

impl TokenSupply {
    /// Supplies the tokens of this login, if it is one by tokens.
    pub(super) fn new(login: Option<Login>) -> Self {
        Self {
            login,
            state: Mutex::default(),
        }
    }

    /// Whether the client logs in by tokens.
    pub(super) fn is_needed(&self) -> bool {
        self.login.is_some()
    }

    /// Polls a client, which answers its question for a token, until it has one that isn't due for renewal. May block.
    ///
    /// Errors: there is no token, or those of `poll`.
    pub(super) fn serve(
        &self,
        limit: Duration,
        mut poll: impl FnMut(Duration) -> Result<()>,
    ) -> Result<()> {
        let until = Instant::now() + limit;
        while self.is_overdue() && Instant::now() < until {
            poll(POLL)?;
        }
        self.state.lock().failure.clone().map_or(Ok(()), Err)
    }

    fn is_overdue(&self) -> bool {
        let asks_until = self.state.lock().asks_until;
        self.login.is_some() && asks_until.is_none_or(|until| until <= Instant::now())
    }

    /// Returns a token for librdkafka. Blocks: only for callbacks, which come from polls where blocking is allowed.
    pub(super) fn token(&self) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        let login = self.login.as_ref().ok_or("this login has no tokens")?;
        let token = Handle::try_current()?.block_on(login.token());
        let (asks_after, failure) = match &token {
            Ok(token) => (token.lifetime.mul_f32(RENEWAL), None),
            Err(error) => (RETRY, Some(error.clone())),
        };
        *self.state.lock() = State {
            asks_until: Some(Instant::now() + asks_after + TIMER),
            failure,
        };
        Ok(presented(&token?, now_ms()))
    }
}

/// Has a client served now and then that may not be used for a while: it would log in with a token that has ended, again
/// and again. `serve` may block.
pub(super) fn attended(serve: impl Fn() + Clone + Send + 'static) -> Owned {
    const NAME: &str = "tokens of the record path";
    Owned::spawn(NAME, async move {
        loop {
            sleep(PERIOD).await;
            blocking(NAME, serve.clone()).await?;
        }
    })
}

/// A token in librdkafka's form, which has its end instead of its lifetime.
fn presented(token: &LoginToken, now_ms: i64) -> OAuthToken {
    let lifetime = i64::try_from(token.lifetime.as_millis()).unwrap_or(i64::MAX);
    OAuthToken {
        token: token.text.reveal().to_owned(),
        principal_name: PRINCIPAL.to_owned(),
        lifetime_ms: now_ms.saturating_add(lifetime),
    }
}

#[cfg(test)]
mod tests;
