//! Supplies librdkafka with the tokens of farshore's own login (OAUTHBEARER): its clients ask for one when they begin, and
//! again after four fifths of the lifetime that they are told, but only while they are polled.
//!
//! They can't be given a token that they don't ask for. They are told a short lifetime, so that they soon learn of one that
//! replaces another: because a broker refuses that, or because its file has changed.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::client::OAuthToken;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode;
use tokio::runtime::Handle;
use tokio::time::sleep;

use crate::error::{Error, Result};
use crate::kafka::client::{Login, LoginToken};
use crate::model::Secret;
use crate::task::{Owned, blocking};
use crate::telemetry::now_ms;

/// The part of a token's lifetime after which librdkafka asks for the next one.
const RENEWAL: f32 = 0.8;
/// The longest lifetime that librdkafka is told. It asks this often, which costs nothing while the token is the same.
const TOLD: Duration = Duration::from_secs(15);
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
    /// The last one.
    given: Option<Secret>,
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
        let asks_after = match &token {
            Ok(token) => told(token).mul_f32(RENEWAL),
            Err(_) => RETRY,
        };
        let mut state = self.state.lock();
        state.asks_until = Some(Instant::now() + asks_after + TIMER);
        state.failure = token.as_ref().err().cloned();
        state.given = token.as_ref().ok().map(|token| token.text.clone());
        drop(state);
        Ok(presented(&token?, now_ms()))
    }

    /// Takes note of an error of the client: if it is a login that failed, the client asks for another token than this one
    /// the next time.
    pub(super) fn heard(&self, error: &KafkaError) {
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::Authentication) {
            return;
        }
        let given = self.state.lock().given.clone();
        if let Some((login, token)) = self.login.as_ref().zip(given) {
            login.token_refused(&token);
        }
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

/// The lifetime that librdkafka is told.
fn told(token: &LoginToken) -> Duration {
    token.lifetime.min(TOLD)
}

/// A token in librdkafka's form, which has its end instead of its lifetime.
fn presented(token: &LoginToken, now_ms: i64) -> OAuthToken {
    let lifetime = i64::try_from(told(token).as_millis()).unwrap_or(i64::MAX);
    OAuthToken {
        token: token.text.reveal().to_owned(),
        principal_name: PRINCIPAL.to_owned(),
        lifetime_ms: now_ms.saturating_add(lifetime),
    }
}

#[cfg(test)]
mod tests;
