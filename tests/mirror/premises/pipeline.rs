//! Five requests in flight to a partition while its leader is killed (H1): a leader that knows the producer accepts them in
//! order or not at all, whatever happened to earlier ones; one that doesn't know it accepts any of them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use farshore::kafka::client::Connection;
use farshore::model::TopicPartition;
use futures_util::future::join_all;

use crate::setting::CATCH_UP;
use crate::support::brokers::Cluster;
use crate::support::read::{Isolation, Partition};
use crate::support::seed;
use crate::support::wait::{any_moment, eventually};

use super::client::{BATCH, Client, Outcome, batch};
use super::{in_sync, placed, rounds};

const IN_FLIGHT: usize = 5;
const PARTITIONS: i32 = 10;
const LIMIT: Duration = Duration::from_secs(4);

/// How a sender begins with a leader whose memory is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begin {
    /// With one request, then five once that one is acknowledged.
    Alone,
    /// With five at once.
    AllAtOnce,
}

/// What happened to one partition.
#[derive(Debug, Default)]
struct Tally {
    /// The number of batches.
    acknowledged: i32,
    /// The outcome was unknown, and the batches had landed.
    lost_answers: usize,
    /// The outcome was unknown, and the batches had not landed.
    lost_requests: usize,
    refused: usize,
    /// A request landed in a wrong place.
    damaged: bool,
}

/// Sends batch after batch until time is up and all are acknowledged, or one landed in a wrong place.
struct Sender<'a> {
    client: Client,
    to: TopicPartition,
    begin: Begin,
    over: &'a AtomicBool,
    tally: Tally,
    unknown: BTreeSet<i32>,
    /// The number of batches sent at least once.
    sent: i32,
}

impl Sender<'_> {
    async fn run(mut self) -> Tally {
        while !self.tally.damaged && (self.writes() || self.tally.acknowledged < self.sent) {
            let connection = self.connect().await;
            self.send(&connection).await;
        }
        self.tally
    }

    fn writes(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    async fn connect(&self) -> Connection {
        eventually(CATCH_UP, "the leader is connected", async || {
            let cluster = &self.client.0;
            let seen = cluster.metadata().generation;
            cluster.refresh(seen).await.map_err(|it| it.to_string())?;
            let leader = cluster.leader(&self.to).await;
            let leader = leader.map_err(|it| it.to_string())?.broker.0;
            let number = self.to.partition.0;
            let connection = self.client.connection(leader, number).await;
            connection.map_err(|it| it.to_string())
        })
        .await
    }

    /// Sends from the first unacknowledged batch on, until something goes wrong.
    async fn send(&mut self, connection: &Connection) {
        let (mut window, mut next, mut trouble) = (VecDeque::new(), self.tally.acknowledged, false);
        let mut limit = match self.begin {
            Begin::Alone => 1,
            Begin::AllAtOnce => IN_FLIGHT,
        };
        loop {
            while !trouble && window.len() < limit && (next < self.sent || self.writes()) {
                let request = batch(0, next * BATCH);
                let answer = self.client.start(connection, &self.to, request, LIMIT);
                window.push_back((next, answer));
                next += 1;
                self.sent = self.sent.max(next);
            }
            let Some((number, answer)) = window.pop_front() else {
                return;
            };
            trouble |= !self.note(number, answer.await);
            limit = IN_FLIGHT;
        }
    }

    /// Records the outcome of a batch. Returns whether it is where it should be.
    fn note(&mut self, number: i32, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Landed(at) | Outcome::Repeated(at) if at != i64::from(number * BATCH) => {
                self.tally.damaged = true;
                return false;
            }
            Outcome::Refused(_) => {
                self.tally.refused += 1;
                return false;
            }
            Outcome::Unknown => {
                self.unknown.insert(number);
                return false;
            }
            Outcome::Repeated(_) if self.unknown.remove(&number) => self.tally.lost_answers += 1,
            Outcome::Landed(_) if self.unknown.remove(&number) => self.tally.lost_requests += 1,
            Outcome::Landed(_) | Outcome::Repeated(_) => {}
        }
        let in_turn = number == self.tally.acknowledged;
        if in_turn {
            self.tally.acknowledged += 1;
        }
        in_turn
    }
}

/// Sends to new partitions and kills their leader meanwhile. Returns what happened to each.
async fn across_a_kill(cluster: &mut Cluster, topic: &str, begin: Begin) -> Vec<Tally> {
    let mut rng = seed::rng();
    let bootstrap = cluster.bootstrap();
    let partitions = placed(cluster, topic, PARTITIONS, &[1, 2, 3]).await;
    let over = AtomicBool::new(false);
    let client = Client::of(&bootstrap);
    let sending = partitions.iter().map(|to| {
        let sender = Sender {
            client: client.clone(),
            to: to.clone(),
            begin,
            over: &over,
            tally: Tally::default(),
            unknown: BTreeSet::new(),
            sent: 0,
        };
        sender.run()
    });
    let killing = async {
        let soon = Duration::from_millis(if begin == Begin::Alone { 1_000 } else { 60 });
        any_moment(&mut rng, soon).await;
        cluster.kill(1);
        Client::of(&bootstrap).led_by_other(&partitions, 1).await;
        any_moment(&mut rng, Duration::from_secs(1)).await;
        over.store(true, Ordering::Relaxed);
    };
    let (tallies, ()) = tokio::join!(join_all(sending), killing);
    for (number, tally) in (0..).zip(&tallies) {
        if !tally.damaged {
            is_whole(&bootstrap, topic, number, tally.acknowledged).await;
        }
    }
    cluster.restart(1).await;
    in_sync(&client, &partitions, 3).await;
    tallies
}

/// Checks that every record is present once, in order.
async fn is_whole(bootstrap: &str, topic: &str, number: i32, batches: i32) {
    let partition = Partition::new(bootstrap, topic, number);
    eventually(CATCH_UP, "all that was acknowledged is seen", async || {
        let seen = partition.read(Isolation::Uncommitted).await;
        let whole = (0..batches * BATCH).map(|it| Some(it.to_string().into_bytes()));
        if seen.iter().map(|it| it.value.clone()).eq(whole) {
            Ok(())
        } else {
            Err(format!("{} records of {batches} batches", seen.len()))
        }
    })
    .await;
}

/// Prints what happened. Returns the number of damaged partitions.
fn report(begin: Begin, tallies: &[Tally]) -> usize {
    let sum = |of: fn(&Tally) -> usize| -> usize { tallies.iter().map(of).sum() };
    let (answers, requests) = (sum(|it| it.lost_answers), sum(|it| it.lost_requests));
    let (refused, damaged) = (sum(|it| it.refused), sum(|it| usize::from(it.damaged)));
    let batches: i32 = tallies.iter().map(|it| it.acknowledged).sum();
    println!(
        "{begin:?}: {} partitions, {batches} batches, unknown {} (landed {answers}), refused {refused}, damaged partitions {damaged}",
        tallies.len(),
        answers + requests,
    );
    damaged
}

/// An unarmed partition may be damaged, which is counted.
pub(super) async fn survives_the_leader_where_it_was_armed(cluster: &mut Cluster, round: usize) {
    let tallies = across_a_kill(cluster, &format!("armed-{round}"), Begin::Alone).await;
    assert_eq!(report(Begin::Alone, &tallies), 0);
    if rounds().is_some() {
        let tallies = across_a_kill(cluster, &format!("unarmed-{round}"), Begin::AllAtOnce).await;
        report(Begin::AllAtOnce, &tallies);
    }
}
