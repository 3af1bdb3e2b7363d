//! Three brokers in two racks, and farshore in the rack of one of them: it fetches there, wherever the leader is, as long as
//! that broker can serve what the leader has.

use std::ops::Range;

use super::Distant;
use crate::hazards::noise;
use crate::setting::CATCH_UP;
use crate::support::ask;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::compare;
use crate::support::read::Isolation;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Outcome, Record, Writer};

/// The leaders of the three partitions are brokers 1, 2 and 3.
const REPLICAS: [&[i32]; 3] = [&[1, 2, 3], &[2, 3, 1], &[3, 1, 2]];
/// The broker in farshore's rack.
const NEAR: i32 = 2;
const LINK: &str = "topics = [\"orders\", \"txn\"]\nrequest_timeout = \"5s\"\nrefresh_interval = \"1s\"\nreplication_factor = 1";
/// The size of the records with which bytes are counted.
const LARGE: usize = 10_000;

fn records(numbers: Range<usize>, size: usize) -> Vec<Record> {
    let partition = |number: usize| i32::try_from(number % 3).expect("small");
    let record = |number| Record::new(partition(number), format!("k{number}"), noise(size));
    numbers.map(record).collect()
}

impl Distant {
    async fn writes(&self, numbers: Range<usize>, size: usize) {
        let bootstrap = self.setting.paris.bootstrap();
        let writer = Writer::new(&bootstrap, "orders", &[]);
        writer.write(records(numbers, size)).await;
        self.setting.mirrored("orders", 3).await;
    }

    /// Waits until the partitions are fetched from these brokers; `None` is the leader.
    async fn reads_from(&self, brokers: [Option<i32>; 3]) {
        let what = format!("partitions are fetched from {brokers:?}");
        eventually(CATCH_UP, &what, async || {
            let path = "/v1/links/paris-oslo/topics/orders";
            let shown = self.setting.farshore.get_json(path).await?;
            let found = [0, 1, 2].map(|number| shown["partitions"][number]["read_from"].as_i64());
            let is_so = found == brokers.map(|it| it.map(i64::from));
            is_so.then_some(()).ok_or_else(|| shown.to_string())
        })
        .await;
    }

    /// The bytes that the brokers sent while `numbers` were mirrored.
    async fn brought(&self, numbers: Range<usize>) -> [usize; 3] {
        let brought = || [0, 1, 2].map(|broker: usize| self.to_paris[broker].brought());
        let before = brought();
        self.writes(numbers, LARGE).await;
        let after = brought();
        [0, 1, 2].map(|broker| after[broker] - before[broker])
    }

    async fn counted(&self) -> Option<String> {
        let page = self.setting.farshore.metrics().await.expect("metrics");
        let name = "farshore_partitions_from_followers{link=\"paris-oslo\"} ";
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        line.map(str::to_owned)
    }
}

/// The leader of the last partition changes, too, and aborted transactions are told from others by what a follower says.
#[tokio::test(flavor = "multi_thread")]
async fn records_come_from_the_follower_in_farshores_rack_while_it_can_serve_them() {
    let paris = Spec::new(KafkaVersion::V4_1).brokers(3).racks();
    let mut distant = Distant::from_rack(paris, "rack = \"b\"\n", 1, LINK).await;
    let bootstrap = distant.setting.paris.bootstrap();
    for topic in ["orders", "txn"] {
        topics::create_assigned(&bootstrap, topic, &REPLICAS).await;
    }
    distant.setting.farshore.start().await;
    distant.writes(0..30, 10).await;
    let near = [Some(NEAR), None, Some(NEAR)];
    distant.reads_from(near).await;
    let [one, two, three] = distant.brought(30..330).await;
    let least = 300 * LARGE;
    assert!(
        two >= least && one + three < least / 10,
        "{one} {two} {three}"
    );
    assert_eq!(
        distant.counted().await.as_deref(),
        Some("4"),
        "of both topics"
    );
    transactions(&distant).await;

    distant.setting.paris.kill(NEAR);
    distant.writes(330..630, 1_000).await;
    distant.reads_from([None; 3]).await;
    assert_eq!(distant.counted().await.as_deref(), Some("0"));

    distant.setting.paris.restart(NEAR).await;
    // A follower that isn't in sync is not named.
    distant.reads_from(near_of(&bootstrap).await).await;
    distant.writes(630..930, 1_000).await;

    distant.setting.paris.pause(NEAR);
    distant.writes(930..1_230, 1_000).await;
    distant.setting.paris.resume(NEAR);

    eventually(CATCH_UP, "partitions move", async || {
        for (partition, replicas) in (0..).zip(REPLICAS) {
            let moved: Vec<i32> = replicas.iter().rev().copied().collect();
            ask::reassign(&bootstrap, ("orders", partition), &moved).await?;
        }
        ask::elect_preferred(&bootstrap).await
    })
    .await;
    distant.writes(1_230..1_530, 1_000).await;
    distant.reads_from(near_of(&bootstrap).await).await;
    distant.writes(1_530..1_830, 1_000).await;
    assert_eq!(distant.setting.compare("orders", 3).await, 1_830);
    let log = distant.setting.farshore.process().stderr();
    assert!(!log.contains("halted"), "{log}");
}

/// The broker that each partition should be fetched from: [`NEAR`], unless it is the leader.
async fn near_of(bootstrap: &str) -> [Option<i32>; 3] {
    let mut near = [Some(NEAR); 3];
    for (partition, near) in (0..).zip(&mut near) {
        let leader = topics::leader(bootstrap, "orders", partition).await;
        *near = near.filter(|near| *near != leader);
    }
    near
}

/// Committed and aborted transactions, interleaved, and one that is open while others end.
async fn transactions(distant: &Distant) {
    let (paris, oslo) = (
        distant.setting.paris.bootstrap(),
        distant.setting.oslo.bootstrap(),
    );
    let settings = |id: &'static str| [("transactional.id", id), ("linger.ms", "5")];
    let open = Writer::new(&paris, "txn", &settings("open"));
    open.init_transactions().await;
    open.begin();
    open.write(records(0..3, 10)).await;
    let writer = Writer::new(&paris, "txn", &settings("others"));
    writer.init_transactions().await;
    for number in 1..20 {
        let outcome = if number % 2 == 0 {
            Outcome::Commit
        } else {
            Outcome::Abort
        };
        let numbers = 3 * number..3 * number + 3;
        writer.transaction(records(numbers, 10), outcome).await;
    }
    open.end(Outcome::Abort).await;
    let counter = topics::Counter::new(&oslo, "txn", 3);
    counter.reaches(27, CATCH_UP).await;
    let isolation = Isolation::Uncommitted;
    let (source, target) = ((paris.as_str(), "txn"), (oslo.as_str(), "txn"));
    let compared = compare::all(source, target, 3, isolation).await;
    assert_eq!(compared.records, 27);
}
