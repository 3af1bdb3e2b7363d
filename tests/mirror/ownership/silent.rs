//! The owner dies or is suspended in the middle of its work, and wakes up later.

use rustix::process::Signal;

use super::{logged, shows};
use crate::histories::write_transactions;
use crate::setting::{CATCH_UP, Setting, farshore};
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::farshore::Farshore;
use crate::support::write::{Record, Writer};

/// Small steps, so that a silence falls between many of them.
const LINK: &str = r#"
topics = ["old", "txn"]
max_in_flight_bytes = "1MiB"
fetch_max_bytes = "64KiB"
partition_max_bytes = "4KiB"
"#;
const PARTITIONS: i32 = 3;
/// Older than any producer a broker still remembers.
const OLD: i64 = 1_500_000_000_000;

/// Two processes of one link with a topic of old timestamps and one with gaps.
pub(super) struct Pair {
    pub(super) setting: Setting,
    /// The other process; `setting.farshore` is the one that owns the link.
    pub(super) other: Farshore,
    pub(super) old: i64,
    visible: i64,
}

impl Pair {
    pub(super) async fn start() -> Self {
        // The target immediately forgets a producer whose records have old timestamps.
        let forgetful = Spec::new(KafkaVersion::V4_1)
            .property("producer.id.expiration.ms", "60000")
            .property("producer.id.expiration.check.interval.ms", "500");
        let setting = Setting::between(Spec::new(KafkaVersion::V4_1), forgetful, LINK).await;
        let other = farshore(&setting.paris, &setting.oslo, LINK);
        setting.topic("old", PARTITIONS, &[]).await;
        setting.topic("txn", 1, &[]).await;
        let mut pair = Self {
            setting,
            other,
            old: 0,
            visible: 0,
        };
        pair.write().await;
        pair.setting.farshore.start().await;
        pair.setting.on_target("old", PARTITIONS).await;
        pair.other.start().await;
        shows(&pair.other, "standby").await;
        pair
    }

    async fn write(&mut self) {
        self.write_some(6_000, 25).await;
    }

    /// Writes this many records with old timestamps and rounds of transactions.
    pub(super) async fn write_some(&mut self, count: i64, rounds: u32) {
        let writer = Writer::new(
            &self.setting.paris.bootstrap(),
            "old",
            &[("batch.size", "4096")],
        );
        let numbers = self.old..self.old + count;
        let records = numbers.map(|number| Record {
            timestamp: Some(OLD + number),
            ..Record::new(
                i32::try_from(number % i64::from(PARTITIONS)).expect("a partition"),
                format!("k{number}"),
                vec![b'v'; 100],
            )
        });
        writer.write(records).await;
        self.old += count;
        self.visible += write_transactions(&self.setting, "txn", rounds)
            .await
            .cast_signed();
    }

    /// Waits until some of the last write is mirrored, and most is not.
    pub(super) async fn is_under_way(&self, before: i64) {
        let target = self.setting.on_target("old", PARTITIONS).await;
        target.reaches(before + 300, CATCH_UP).await;
    }

    /// Checks that the present owner mirrors everything: once, in order, unchanged.
    pub(super) async fn is_exact(&self) {
        self.setting.arrives("old", PARTITIONS, self.old).await;
        self.setting.arrives("txn", 1, self.visible).await;
        assert_eq!(
            self.setting.compare("old", PARTITIONS).await,
            self.old.unsigned_abs()
        );
        assert_eq!(
            self.setting.compare("txn", 1).await,
            self.visible.unsigned_abs()
        );
    }
}

#[tokio::test]
async fn a_killed_owner_is_replaced() {
    let mut pair = Pair::start().await;
    for _ in 0..3 {
        let before = pair.old;
        pair.write().await;
        pair.is_under_way(before).await;
        pair.setting.farshore.kill9();
        shows(&pair.other, "running").await;
        pair.is_exact().await;
        std::mem::swap(&mut pair.setting.farshore, &mut pair.other);
        pair.other.start().await;
        shows(&pair.other, "standby").await;
    }
}

#[tokio::test]
async fn a_stopped_owner_writes_nothing_when_it_wakes() {
    let mut pair = Pair::start().await;
    for _ in 0..3 {
        let before = pair.old;
        pair.write().await;
        pair.is_under_way(before).await;
        pair.setting.farshore.process().signal(Signal::STOP);
        shows(&pair.other, "running").await;
        // It wakes while the other process is working.
        pair.write().await;
        pair.setting.farshore.process().signal(Signal::CONT);
        shows(&pair.setting.farshore, "standby").await;
        assert!(logged(&pair.setting.farshore, "no longer owned") > 0);
        pair.is_exact().await;
        std::mem::swap(&mut pair.setting.farshore, &mut pair.other);
    }
}
