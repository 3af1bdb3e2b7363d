//! Links with fake parts, driven by a paused clock that advances only when every task waits.

use std::collections::VecDeque;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::super::phase::AfterTerm;
use super::*;
use crate::task::Owned;
use crate::task::testing::passes;

/// The behaviour of a link's tasks in one term.
#[derive(Debug, Clone, Copy)]
enum Work {
    /// Runs until told to end.
    Steady,
    /// Panics after a while.
    Panic,
    /// Fails with an error of this kind.
    Error(Kind),
    /// Finds the disk full.
    Full,
    /// Takes this long to end.
    Slow(Duration),
}

/// The outcome of acquiring a link.
#[derive(Debug, Clone, Copy)]
enum Claim {
    Granted,
    /// Another process owns it.
    Standby,
    Panic,
    Refused(&'static str),
}

/// The behaviour of a link, and what it has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Shown(LinkPhase),
    Acquiring,
    AtWork,
    Ended,
    Released { in_order: bool },
}

#[derive(Debug)]
struct Script {
    /// The behaviour in each term; the last entry repeats.
    terms: Mutex<VecDeque<Work>>,
    acquired: watch::Receiver<Claim>,
    lost: watch::Receiver<bool>,
    store: watch::Sender<Option<String>>,
    seen: mpsc::Sender<Seen>,
}

impl Script {
    fn note(&self, seen: Seen) {
        self.seen.try_send(seen).unwrap();
    }
}

struct Held {
    lost: watch::Receiver<bool>,
    seen: mpsc::Sender<Seen>,
}

impl Lease for Held {
    /// Completes a little later than [`Held::is_over`] turns true.
    async fn lost(&mut self) -> Error {
        self.lost.wait_for(|lost| *lost).await.unwrap();
        passes(Duration::from_millis(100)).await;
        Error::new(Kind::Refused, "taken over")
    }

    fn is_over(&self) -> bool {
        *self.lost.borrow()
    }

    async fn release(self, in_order: bool) {
        self.seen.try_send(Seen::Released { in_order }).unwrap();
    }
}

impl LinkWork for Script {
    type Lease = Held;

    async fn acquire(&self, standby: watch::Sender<bool>) -> Result<Held> {
        self.note(Seen::Acquiring);
        let mut acquired = self.acquired.clone();
        loop {
            let claim = *acquired.borrow_and_update();
            match claim {
                Claim::Granted => break,
                Claim::Standby => standby.send_replace(true),
                Claim::Panic => panic!("no lease"),
                Claim::Refused(why) => return Err(Error::new(Kind::Refused, why)),
            };
            acquired.changed().await.unwrap();
        }
        let (lost, seen) = (self.lost.clone(), self.seen.clone());
        Ok(Held { lost, seen })
    }

    async fn work(&self, stop: CancellationToken) -> Result<()> {
        let work = {
            let mut terms = self.terms.lock();
            let next = terms.pop_front().unwrap();
            if terms.is_empty() {
                terms.push_back(next);
            }
            next
        };
        self.note(Seen::AtWork);
        match work {
            Work::Steady => stop.cancelled().await,
            Work::Panic => {
                passes(Duration::from_millis(100)).await;
                panic!("broken part");
            }
            Work::Error(kind) => return Err(Error::new(kind, "failed part")),
            Work::Full => {
                self.store.send_replace(Some("disk full".to_owned()));
                return Err(Error::new(Kind::Store, "not stored"));
            }
            Work::Slow(takes) => {
                stop.cancelled().await;
                passes(takes).await;
            }
        }
        self.note(Seen::Ended);
        Ok(())
    }

    fn show(&self, phase: &LinkPhase) {
        self.note(Seen::Shown(phase.clone()));
    }

    fn tell(&self, _: LinkNews) {}
}

/// A driven link and its environment.
struct Driven {
    acquired: watch::Sender<Claim>,
    lost: watch::Sender<bool>,
    store: watch::Sender<Option<String>>,
    health: StoreHealth,
    stop: CancellationToken,
    seen: mpsc::Receiver<Seen>,
    life: Owned,
}

impl Driven {
    fn start(terms: &[Work]) -> Self {
        let (acquired, acquire) = watch::channel(Claim::Granted);
        let (lost, loses) = watch::channel(false);
        let (store, failure) = watch::channel(None);
        let (seen, told) = mpsc::channel(1_000);
        let health = StoreHealth::told_by(failure);
        let stop = CancellationToken::new();
        let script = Script {
            terms: Mutex::new(terms.iter().copied().collect()),
            acquired: acquire,
            lost: loses,
            store: store.clone(),
            seen,
        };
        let driver = Driver::new(script, health.clone(), stop.clone());
        let life = Owned::spawn("life", async {
            driver.run().await;
            Ok(())
        });
        Self {
            acquired,
            lost,
            store,
            health,
            stop,
            seen: told,
            life,
        }
    }

    async fn next(&mut self) -> Seen {
        let next = timeout(Duration::from_secs(600), self.seen.recv());
        next.await.expect("something happens").expect("it lives")
    }

    async fn sees(&mut self, expected: &[Seen]) {
        for expected in expected {
            assert_eq!(self.next().await, *expected);
        }
    }

    async fn begins(&mut self) {
        let running = Seen::Shown(LinkPhase::Running);
        self.sees(&[Seen::Acquiring, running, Seen::AtWork]).await;
    }

    /// Waits for the failure shown after a term whose tasks failed.
    async fn fails(&mut self) -> (String, Duration) {
        loop {
            if let Seen::Shown(LinkPhase::Failed(failure)) = self.next().await {
                return (failure.why, failure.retry_in);
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_that_links_term_alone_and_it_begins_anew() {
    let mut other = Driven::start(&[Work::Steady]);
    other.begins().await;
    let mut link = Driven::start(&[Work::Panic, Work::Panic, Work::Steady]);
    for delay in [1, 2] {
        link.begins().await;
        let Seen::Shown(LinkPhase::Releasing(_)) = link.next().await else {
            panic!("the term is over");
        };
        link.sees(&[Seen::Released { in_order: false }]).await;
        let (why, retry_in) = link.fails().await;
        assert!(why.starts_with("the link panicked"), "{why}");
        assert!(why.ends_with("broken part"), "{why}");
        assert_eq!(retry_in, Duration::from_secs(delay));
        let failed_at = Instant::now();
        assert_eq!(link.next().await, Seen::Shown(LinkPhase::Acquiring));
        assert_eq!(failed_at.elapsed().as_secs(), delay);
    }
    link.begins().await;
    assert!(other.seen.try_recv().is_err(), "nothing happened to it");
    assert!(!other.life.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_it_is_acquired_is_no_other() {
    let mut link = Driven::start(&[Work::Steady]);
    link.acquired.send_replace(Claim::Panic);
    let (why, _) = link.fails().await;
    assert!(
        why.contains("panicked") && why.ends_with("no lease"),
        "{why}"
    );
    link.acquired.send_replace(Claim::Granted);
    link.sees(&[Seen::Shown(LinkPhase::Acquiring)]).await;
    link.begins().await;
}

#[tokio::test(start_paused = true)]
async fn an_error_that_only_an_operator_mends_waits_longest() {
    let mut link = Driven::start(&[Work::Error(Kind::Refused)]);
    assert_eq!(
        link.fails().await,
        ("failed part".to_owned(), Duration::from_secs(60))
    );
    let mut link = Driven::start(&[Work::Error(Kind::Store)]);
    assert_eq!(link.fails().await.1, Duration::from_secs(1));
    link.acquired
        .send_replace(Claim::Refused("another cluster"));
    let (why, retry_in) = link.fails().await;
    assert_eq!((why.as_str(), retry_in.as_secs()), ("another cluster", 60));
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_the_parts_end_and_then_gives_the_lease_up() {
    let mut link = Driven::start(&[Work::Slow(Duration::from_secs(7))]);
    link.begins().await;
    let stopped_at = Instant::now();
    link.stop.cancel();
    link.sees(&[
        Seen::Shown(LinkPhase::Ending(AfterTerm::Stop)),
        Seen::Ended,
        Seen::Shown(LinkPhase::Releasing(AfterTerm::Stop)),
        Seen::Released { in_order: true },
        Seen::Shown(LinkPhase::Stopped),
    ])
    .await;
    assert_eq!(stopped_at.elapsed().as_secs(), 7);
    link.life.join().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_standby_and_a_link_that_failed_stop_at_once() {
    let mut standby = Driven::start(&[Work::Steady]);
    standby.acquired.send_replace(Claim::Standby);
    let is_standby = Seen::Shown(LinkPhase::Standby);
    standby.sees(&[Seen::Acquiring, is_standby]).await;
    let mut failed = Driven::start(&[Work::Error(Kind::Invalid)]);
    failed.fails().await;
    for link in [standby, failed] {
        let stopped_at = Instant::now();
        link.stop.cancel();
        link.life.join().await.unwrap();
        assert_eq!(stopped_at.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_ends_the_parts_before_it_is_acquired_again() {
    let mut link = Driven::start(&[Work::Slow(Duration::from_secs(3)), Work::Steady]);
    link.begins().await;
    link.acquired.send_replace(Claim::Standby);
    link.lost.send_replace(true);
    link.sees(&[
        Seen::Shown(LinkPhase::Ending(AfterTerm::Acquire)),
        Seen::Ended,
        Seen::Shown(LinkPhase::Releasing(AfterTerm::Acquire)),
        Seen::Released { in_order: true },
        Seen::Shown(LinkPhase::Acquiring),
        Seen::Acquiring,
        Seen::Shown(LinkPhase::Standby),
    ])
    .await;
    link.lost.send_replace(false);
    link.acquired.send_replace(Claim::Granted);
    link.sees(&[Seen::Shown(LinkPhase::Running), Seen::AtWork])
        .await;
}

/// The tasks of a link whose lease is lost may notice first.
#[tokio::test(start_paused = true)]
async fn parts_that_fail_for_want_of_the_lease_are_no_failure() {
    let mut link = Driven::start(&[Work::Error(Kind::Refused), Work::Steady]);
    link.lost.send_replace(true);
    link.sees(&[Seen::Acquiring, Seen::Shown(LinkPhase::Running)])
        .await;
    loop {
        match link.next().await {
            Seen::Shown(LinkPhase::Acquiring) => break,
            Seen::Shown(LinkPhase::Failed(failure)) => panic!("{failure:?}"),
            _ => {}
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_store_is_opened_anew_when_the_link_has_ended() {
    let full = || Some("disk full".to_owned());
    let mut link = Driven::start(&[Work::Slow(Duration::from_secs(3)), Work::Steady]);
    link.begins().await;
    let failed_at = Instant::now();
    link.store.send_replace(full());
    link.health.unused().await;
    assert_eq!(failed_at.elapsed().as_secs(), 3);
    let next = || AfterTerm::AwaitStore("disk full".to_owned());
    link.sees(&[
        Seen::Shown(LinkPhase::Ending(next())),
        Seen::Ended,
        Seen::Shown(LinkPhase::Releasing(next())),
        Seen::Released { in_order: true },
        Seen::Shown(LinkPhase::StoreFailed("disk full".to_owned())),
    ])
    .await;
    link.store.send_replace(None);
    link.sees(&[Seen::Shown(LinkPhase::Acquiring)]).await;
    link.begins().await;
}

/// A rejected update is a failure of the store, not of the link.
#[tokio::test(start_paused = true)]
async fn parts_that_fail_with_the_store_wait_for_it() {
    let mut link = Driven::start(&[Work::Full, Work::Steady]);
    link.begins().await;
    let next = || AfterTerm::AwaitStore("disk full".to_owned());
    link.sees(&[
        Seen::Shown(LinkPhase::Ending(next())),
        Seen::Shown(LinkPhase::Releasing(next())),
        Seen::Released { in_order: false },
        Seen::Shown(LinkPhase::StoreFailed("disk full".to_owned())),
    ])
    .await;
    link.store.send_replace(None);
    link.sees(&[Seen::Shown(LinkPhase::Acquiring)]).await;
    link.begins().await;
}
