//! Applications that keep writing whatever happens: when a producer fails, the next one takes its place.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::{RwLock, RwLockReadGuard};

use super::TOPICS;
use crate::setting::Setting;
use crate::support::topics;
use crate::support::write::{Outcome, Record, Writer, mixed};

/// The producers of all topics.
pub(super) struct Writers {
    bootstrap: String,
    rng: parking_lot::Mutex<fastrand::Rng>,
    /// Locked for writing to pause all producers.
    pausing: RwLock<()>,
    is_over: AtomicBool,
    written: [AtomicU64; TOPICS.len()],
    failed: AtomicU64,
}

impl Writers {
    /// Creates the topics.
    pub(super) async fn start(setting: &Setting, replicas: i32, rng: fastrand::Rng) -> Self {
        let bootstrap = setting.paris.bootstrap();
        let configs = [
            ("retention.ms", "-1"),
            ("message.timestamp.after.max.ms", "9223372036854775807"),
        ];
        for (topic, partitions) in TOPICS {
            topics::create(&bootstrap, topic, partitions, replicas, &configs).await;
        }
        Self {
            bootstrap,
            rng: parking_lot::Mutex::new(rng),
            pausing: RwLock::new(()),
            is_over: AtomicBool::new(false),
            written: Default::default(),
            failed: AtomicU64::new(0),
        }
    }

    /// Writes until [`Self::stop`].
    pub(super) async fn run(&self) {
        tokio::join!(
            self.write_plain(),
            self.transact("txn", "txn-one", 1),
            self.transact("txn", "txn-two", 1),
            self.transact("kept", "kept-one", 2),
            self.write_kept(),
        );
    }

    /// Makes the writes under way the last ones.
    pub(super) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Pauses all writes while the returned guard is held.
    pub(super) async fn pause(&self) -> impl Sized + '_ {
        self.pausing.write().await
    }

    /// The number of acknowledged records of each topic, and the number of failed producers.
    pub(super) fn written(&self) -> ([u64; TOPICS.len()], u64) {
        let count = |it: &AtomicU64| it.load(Ordering::Relaxed);
        (self.written.each_ref().map(count), count(&self.failed))
    }

    /// The permission to write a round, unless the writers are stopped.
    async fn round(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let right = self.pausing.read().await;
        (!self.is_over.load(Ordering::Relaxed)).then_some(right)
    }

    fn count(&self, topic: usize, records: usize, succeeded: bool) -> bool {
        if succeeded {
            self.written[topic].fetch_add(records as u64, Ordering::Relaxed);
        } else {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        succeeded
    }

    async fn write_plain(&self) {
        let mut rng = self.rng.lock().fork();
        let mut writer = Writer::new(&self.bootstrap, "plain", &[]);
        while let Some(_right) = self.round().await {
            let written = writer.try_write(mixed(rng.fork(), 3, 200)).await;
            if !self.count(0, 200, written.is_ok()) {
                writer = Writer::new(&self.bootstrap, "plain", &[]);
            }
        }
    }

    async fn write_kept(&self) {
        let mut writer = Writer::new(&self.bootstrap, "kept", &[]);
        let mut rng = self.rng.lock().fork();
        while let Some(_right) = self.round().await {
            let written = writer.try_write(mixed(rng.fork(), 2, 20)).await;
            if !self.count(2, 20, written.is_ok()) {
                writer = Writer::new(&self.bootstrap, "kept", &[]);
            }
        }
    }

    /// Writes short transactions, half of them aborted. A producer that fails leaves one open, which its successor ends.
    async fn transact(&self, topic: &str, id: &str, partitions: i32) {
        let place = TOPICS.iter().position(|(it, _)| *it == topic);
        let place = place.expect("one of the topics");
        let mut rng = self.rng.lock().fork();
        let mut number = 0;
        let settings = [("transactional.id", id), ("linger.ms", "5")];
        while let Some(right) = self.round().await {
            let writer = Writer::new(&self.bootstrap, topic, &settings);
            let begun = writer.try_init_transactions().await;
            let mut goes_on = self.count(place, 0, begun.is_ok());
            drop(right);
            while goes_on {
                let Some(_right) = self.round().await else {
                    return;
                };
                number += 1;
                let (count, partition) = (rng.usize(1..20), rng.i32(0..partitions));
                let tag = format!("{id}-{number}");
                let records = (0..count)
                    .map(move |n| Record::new(partition, format!("{tag}-{n}"), vec![b'v'; 60]));
                let outcome = if rng.bool() {
                    Outcome::Commit
                } else {
                    Outcome::Abort
                };
                let ended = writer.try_transaction(records, outcome).await;
                let counted = if outcome == Outcome::Commit { count } else { 0 };
                goes_on = self.count(place, counted, ended.is_ok());
            }
        }
    }
}
