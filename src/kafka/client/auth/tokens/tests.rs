use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::task::testing::passes;

use super::*;

const LIFETIME: Duration = Duration::from_secs(100);

/// What a source does at each request, in turn; the last one is repeated.
#[derive(Clone)]
enum Does {
    Gives(&'static str),
    Fails(&'static str),
    Hangs,
    /// Answers after this many seconds.
    Late(u64, &'static str),
}

struct Source {
    tokens: Tokens,
    asked: Arc<AtomicUsize>,
}

fn source(script: &'static [Does]) -> Source {
    source_that(false, script)
}

fn source_that(rereads: bool, script: &'static [Does]) -> Source {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    let tokens = Tokens::new("cluster rome", rereads, move || {
        let number = counted.fetch_add(1, Ordering::Relaxed);
        let does = script[number.min(script.len() - 1)].clone();
        Box::pin(async move {
            let give = |text| Token::new(text, Some(LIFETIME), BTreeMap::new());
            match does {
                Does::Gives(text) => give(text),
                Does::Fails(why) => Err(why.to_owned()),
                Does::Hangs => std::future::pending().await,
                Does::Late(seconds, text) => {
                    passes(Duration::from_secs(seconds)).await;
                    give(text)
                }
            }
        })
    });
    Source { tokens, asked }
}

impl Source {
    async fn gives(&self) -> String {
        match self.tokens.token().await {
            Ok(token) => token.text().reveal().to_owned(),
            Err(error) => error.chain(),
        }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[tokio::test(start_paused = true)]
async fn one_token_serves_all_logins_until_four_fifths_of_its_life() {
    let source = source(&[Does::Late(1, "first"), Does::Gives("second")]);
    let (a, b) = tokio::join!(source.gives(), source.gives());
    assert_eq!([a.as_str(), b.as_str()], ["first", "first"]);
    passes(LIFETIME.mul_f32(0.7)).await;
    assert_eq!(
        (source.gives().await.as_str(), source.asked()),
        ("first", 1)
    );
    passes(LIFETIME.mul_f32(0.11)).await;
    assert_eq!(
        (source.gives().await.as_str(), source.asked()),
        ("second", 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_leaves_the_old_token_while_it_lasts() {
    let source = source(&[
        Does::Gives("first"),
        Does::Fails("closed"),
        Does::Fails("closed"),
        Does::Fails("closed for ever"),
        Does::Gives("second"),
    ]);
    assert_eq!(source.gives().await, "first");
    for _ in 0..2 {
        passes(LIFETIME.mul_f32(0.85) / 2 + RETRY_CAP).await;
        assert_eq!(source.gives().await, "first");
    }
    // A request a moment after a failure isn't repeated.
    let asked = source.asked();
    assert_eq!(
        (source.gives().await.as_str(), source.asked()),
        ("first", asked)
    );
    passes(LIFETIME.mul_f32(0.2)).await;
    assert_eq!(source.gives().await, "no token: closed");
    passes(RETRY_CAP).await;
    assert_eq!(source.gives().await, "no token: closed for ever");
    passes(RETRY_CAP).await;
    assert_eq!(source.gives().await, "second");
}

#[tokio::test(start_paused = true)]
async fn a_source_that_hangs_holds_no_login_up_while_there_is_a_token() {
    let source = source(&[Does::Gives("first"), Does::Hangs]);
    assert_eq!(source.gives().await, "first");
    passes(LIFETIME.mul_f32(0.9)).await;
    let began = Instant::now();
    assert_eq!(source.gives().await, "first");
    assert_eq!(began.elapsed(), PATIENCE);
    passes(LIFETIME).await;
    assert_eq!(source.gives().await, "no token: it takes longer than 10s");
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_serves_the_login_after_the_one_that_gave_up() {
    let source = source(&[Does::Late(8, "late"), Does::Fails("twice")]);
    let gave_up = timeout(Duration::from_secs(5), source.tokens.token()).await;
    assert!(gave_up.is_err());
    passes(Duration::from_secs(4)).await;
    assert_eq!((source.gives().await.as_str(), source.asked()), ("late", 1));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_ends_with_its_cluster() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let dropped = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&dropped);
    let tokens = Tokens::new("cluster rome", false, move || {
        let guard = Dropped(Arc::clone(&counted));
        Box::pin(async move {
            let _guard = guard;
            std::future::pending().await
        })
    });
    let gave_up = timeout(Duration::from_secs(1), tokens.token()).await;
    assert!(gave_up.is_err());
    assert_eq!(dropped.load(Ordering::Relaxed), 0);
    drop(tokens);
    passes(Duration::from_millis(1)).await;
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_is_replaced_but_not_at_once() {
    let source = source(&[Does::Gives("first"), Does::Gives("second")]);
    let first = source.tokens.token().await.unwrap();
    source.tokens.refused(first.text());
    assert_eq!(source.gives().await, "first");
    passes(REFUSED).await;
    assert_eq!(source.gives().await, "second");
    // Late news of the first one.
    source.tokens.refused(first.text());
    passes(REFUSED).await;
    assert_eq!(
        (source.gives().await.as_str(), source.asked()),
        ("second", 2)
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_at_each_login() {
    let source = source_that(
        true,
        &[
            Does::Gives("first"),
            Does::Gives("second"),
            Does::Fails("gone"),
        ],
    );
    assert_eq!(source.gives().await, "first");
    assert_eq!(source.gives().await, "second");
    assert_eq!(source.gives().await, "second");
    assert_eq!(source.asked(), 3);
}
