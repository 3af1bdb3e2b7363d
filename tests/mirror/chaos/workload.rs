//! The writes and commits on the source, round after round, until it is stopped.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use crate::setting::Setting;
use crate::support::groups;
use crate::support::seed;
use crate::support::topics;
use crate::support::write::{Outcome, Record, Writer, mixed};

/// The topics and their partition counts.
pub(super) const TOPICS: [(&str, i32); 4] = [("plain", 3), ("keyed", 1), ("txn", 1), ("kept", 1)];
const KEYS: u32 = 200;
const GROUPS: usize = 6;

/// The committed offset of each group on the source.
pub(super) type Committed = BTreeMap<String, (String, i32, i64)>;

/// Producers for all topics, and groups without members.
pub(super) struct Workload {
    bootstrap: String,
    plain: Writer,
    keyed: Writer,
    one: Writer,
    two: Writer,
    state: Mutex<State>,
    is_over: AtomicBool,
}

struct State {
    rng: fastrand::Rng,
    round: u32,
    committed: Committed,
}

impl Workload {
    /// Creates the topics and connects.
    pub(super) async fn start(setting: &Setting) -> Self {
        let compacting = [
            ("cleanup.policy", "compact"),
            ("segment.ms", "1000"),
            ("min.cleanable.dirty.ratio", "0.01"),
            ("delete.retention.ms", "1000000000"),
        ];
        for (topic, partitions) in TOPICS {
            let configs = if topic == "keyed" {
                &compacting[..]
            } else {
                &[]
            };
            setting.topic(topic, partitions, configs).await;
        }
        let bootstrap = setting.paris.bootstrap();
        let writer = |topic: &str, id: &str| {
            let transactional = [("transactional.id", id)];
            let settings = if id.is_empty() {
                &[]
            } else {
                &transactional[..]
            };
            Writer::new(&bootstrap, topic, settings)
        };
        let (one, two) = (writer("txn", "one"), writer("txn", "two"));
        one.init_transactions().await;
        two.init_transactions().await;
        Self {
            plain: writer("plain", ""),
            keyed: writer("keyed", ""),
            one,
            two,
            state: Mutex::new(State {
                rng: seed::rng(),
                round: 0,
                committed: Committed::new(),
            }),
            is_over: AtomicBool::new(false),
            bootstrap,
        }
    }

    /// Writes and commits until [`Self::stop`].
    pub(super) async fn run(&self) {
        while !self.is_over.load(Ordering::Relaxed) {
            self.round().await;
        }
    }

    /// Makes the current round the last one.
    pub(super) fn stop(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    /// Pauses all writes while the returned guard is held.
    pub(super) async fn pause(&self) -> impl Sized + '_ {
        self.state.lock().await
    }

    /// The committed offsets of the groups.
    pub(super) async fn committed(&self) -> Committed {
        self.state.lock().await.committed.clone()
    }

    async fn round(&self) {
        let mut state: MutexGuard<'_, State> = self.state.lock().await;
        state.round += 1;
        let round = state.round;
        self.plain.write(mixed(state.rng.fork(), 3, 100)).await;
        let mut rng = state.rng.fork();
        let keyed = (0..50).map(move |number| {
            let key = format!("k{}", rng.u32(0..KEYS));
            // Every value is unique.
            Record::new(0, key, format!("{round}-{number}"))
        });
        self.keyed.write(keyed).await;
        self.transactions(&mut state).await;
        self.commit(&mut state).await;
    }

    /// Writes two transactions that overlap across two topics, with plain records in between.
    async fn transactions(&self, state: &mut State) {
        let round = state.round;
        let rng = &mut state.rng;
        let mut records = |who: &'static str| {
            let count = rng.u32(1..12);
            (0..count).map(move |n| Record::new(0, format!("{who}-{round}-{n}"), vec![b'v'; 40]))
        };
        let (first, second, third) = (records("one"), records("two"), records("kept"));
        self.one.begin();
        self.one.write(first).await;
        self.two.begin();
        self.two.write(second).await;
        self.one.on("kept").write(third).await;
        self.plain.on("txn").write(records("plain")).await;
        self.plain.on("kept").write(records("beside")).await;
        for producer in [&self.one, &self.two] {
            let outcome = if state.rng.bool() {
                Outcome::Commit
            } else {
                Outcome::Abort
            };
            producer.end(outcome).await;
        }
    }

    /// Moves one group to any place: a record, a gap, or the end.
    async fn commit(&self, state: &mut State) {
        let group = state.rng.usize(0..GROUPS);
        let (topic, partitions) = TOPICS[group % 3];
        let partition = i32::try_from(group / 3).expect("a small number") % partitions;
        let (start, end) = topics::watermarks(&self.bootstrap, topic, partition).await;
        let offset = state.rng.i64(start..=end);
        let group = format!("g{group}");
        groups::commit(&self.bootstrap, &group, &[(topic, partition, offset)]).await;
        let committed = (topic.to_owned(), partition, offset);
        state.committed.insert(group, committed);
    }
}
