use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;

use crate::kafka::client::{Credentials, Exchange, LoginError, Mechanism};
use crate::task::blocking;

use super::*;

/// Gives tokens of this lifetime, or none.
#[derive(Debug)]
struct Source {
    lifetime: Option<Duration>,
    asked: AtomicUsize,
    /// The tokens that a broker refused.
    refused: Mutex<Vec<String>>,
}

impl Mechanism for Source {
    fn name(&self) -> &'static str {
        "OAUTHBEARER"
    }

    fn principal(&self) -> Option<&str> {
        None
    }

    fn credentials(&self) -> Result<Credentials, LoginError> {
        Ok(Credentials::Tokens)
    }

    fn token(&self) -> BoxFuture<'_, Result<LoginToken, LoginError>> {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let given = |lifetime| LoginToken {
            text: Secret::new(format!("token-{number}")),
            lifetime,
        };
        let given = self.lifetime.map(given);
        Box::pin(async { given.ok_or(LoginError::credentials("nobody is in")) })
    }

    fn token_refused(&self, token: &Secret) {
        self.refused.lock().push(token.reveal().to_owned());
    }

    fn begin<'a>(&'a self, _host: &'a str) -> BoxFuture<'a, Result<Box<dyn Exchange>, LoginError>> {
        unreachable!("librdkafka carries out the login")
    }
}

fn source(lifetime: Option<Duration>) -> Arc<Source> {
    Arc::new(Source {
        lifetime,
        asked: AtomicUsize::new(0),
        refused: Mutex::default(),
    })
}

fn supply(source: &Arc<Source>) -> TokenSupply {
    let mechanism = Arc::clone(source) as Arc<dyn Mechanism>;
    TokenSupply::new(Some(Login::new(mechanism)))
}

/// Serves a client that asks with the third poll.
fn served(supply: &TokenSupply) -> (usize, Result<()>) {
    let mut polls = 0;
    let result = supply.serve(Duration::from_secs(60), |_| {
        polls += 1;
        if polls == 3 {
            // A failure is known to the supply.
            let _ = supply.token();
        }
        Ok(())
    });
    (polls, result)
}

#[tokio::test]
async fn a_client_is_polled_until_it_has_a_token() {
    let source = source(Some(Duration::from_secs(100)));
    let supply = supply(&source);
    let ended = blocking("polls", move || {
        [served(&supply), served(&supply)].map(|(polls, result)| (polls, result.is_ok()))
    });
    assert_eq!(ended.await.unwrap(), [(3, true), (0, true)]);
    assert_eq!(source.asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_client_without_a_token_is_told_why() {
    let source = source(None);
    let supply = supply(&source);
    let (polls, result) = blocking("polls", move || served(&supply)).await.unwrap();
    let text = result.unwrap_err().chain();
    assert_eq!(polls, 3);
    assert!(
        text.contains(
            "an OAUTHBEARER login isn't possible from here: check the credentials: nobody is in"
        ),
        "{text}"
    );
}

#[tokio::test]
async fn other_logins_are_not_waited_for() {
    let supply = TokenSupply::new(None);
    let (polls, result) = blocking("polls", move || served(&supply)).await.unwrap();
    assert_eq!((polls, result.is_ok()), (0, true));
}

#[tokio::test]
async fn a_poll_that_fails_ends_the_wait() {
    let supply = supply(&source(Some(Duration::ZERO)));
    let failing = move || {
        let failed = |_| Err(Error::new(crate::error::Kind::Protocol, "no poll"));
        supply.serve(Duration::from_secs(60), failed)
    };
    let error = blocking("polls", failing).await.unwrap().unwrap_err();
    assert_eq!(error.chain(), "no poll");
}

#[test]
fn librdkafka_is_told_when_a_token_ends_or_that_it_does_soon() {
    for (seconds, told_ms) in [(9, 10_000), (15, 16_000), (3_600, 16_000)] {
        let token = LoginToken {
            text: Secret::new("a.b.c"),
            lifetime: Duration::from_secs(seconds),
        };
        let given = presented(&token, 1_000);
        assert_eq!((&*given.token, given.lifetime_ms), ("a.b.c", told_ms));
    }
}

#[tokio::test]
async fn the_token_of_a_login_that_failed_is_replaced() {
    let source = source(Some(Duration::from_secs(100)));
    let supply = supply(&source);
    let failed = KafkaError::Global(RDKafkaErrorCode::Authentication);
    // Nothing was presented yet.
    supply.heard(&failed);
    let supply = blocking("polls", move || {
        let served = served(&supply).1;
        served.map(|()| supply)
    });
    let supply = supply.await.unwrap().unwrap();
    supply.heard(&KafkaError::Global(RDKafkaErrorCode::AllBrokersDown));
    assert_eq!(source.refused.lock().len(), 0);
    supply.heard(&failed);
    assert_eq!(*source.refused.lock(), ["token-0"]);
}
