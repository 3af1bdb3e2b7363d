use parking_lot::Mutex;

use super::*;
use crate::checkpoint::layout::Layout;
use crate::checkpoint::{MemoryStore, Update};
use crate::journal::testing::{head, journal, owner};
use crate::kafka::testing::FakeLog;

/// A process with a DB of its own that wants to own link `l`, and the journal.
struct Bench {
    log: FakeLog,
    topic: Topic,
    settings: JournalSettings,
    disk: MemoryStore,
    line: Arc<JournalQueue>,
    ownership: Ownership,
}

impl Bench {
    async fn new() -> Self {
        let (log, target, topic) = journal().await;
        Self {
            log,
            topic,
            settings: JournalSettings {
                target,
                replication_factor: None,
                me: owner("db"),
            },
            disk: MemoryStore::new(),
            line: Arc::new(JournalQueue::new("l".into())),
            ownership: Ownership::none(),
        }
    }

    /// Owns the link; returns everything that was told.
    async fn own(&self) -> Vec<LeaseStatus> {
        let told = Mutex::new(Vec::new());
        let candidate = Candidate {
            settings: &self.settings,
            disk: &self.disk,
            line: &self.line,
            ownership: &self.ownership,
            renew: |_, _| Ok(Update::new()),
            restored: &|| Ok(()),
        };
        let tenure = candidate.own(&|status| told.lock().push(status)).await;
        assert!(self.ownership.is_held());
        tenure.unwrap().release().await.unwrap();
        told.into_inner()
    }

    /// A batch with which `other` renews its lease.
    fn beat(&self, other: &Head) -> crate::kafka::batch::Stamped {
        build(&self.line, other, &[], 1).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_nobody_owns_is_claimed_at_once_and_released_for_the_next() {
    let bench = Bench::new().await;
    for term in [1, 2] {
        let begun = Instant::now();
        assert_eq!(bench.own().await, [LeaseStatus::Comparing]);
        assert!(begun.elapsed() < LEASE);
        let head = bench.topic.read_all().await.unwrap().heads.pop().unwrap();
        assert_eq!((head.head.term, head.head.released), (term, true));
    }
}

#[tokio::test(start_paused = true)]
async fn an_owner_is_waited_for_until_it_was_silent_for_longer_than_its_lease() {
    let bench = Bench::new().await;
    let other = head("other", 4, 9);
    bench.log.append(&bench.beat(&other));
    let begun = Instant::now();
    let told = bench.own().await;
    assert_eq!(told[0], LeaseStatus::Standby(other));
    assert_eq!(told.last(), Some(&LeaseStatus::Comparing));
    assert!(begun.elapsed() >= LEASE + MARGIN);
    assert!(!told.contains(&LeaseStatus::Quiet));
}

/// Hazard H20: an owner that renewed its lease between the last look and the claim may go on sending until that ends.
#[tokio::test(start_paused = true)]
async fn a_lease_renewed_just_before_the_claim_is_waited_for() {
    let other = head("other", 4, 9);
    let released = Head {
        released: true,
        ..other.clone()
    };
    for (last, must_wait) in [(other.clone(), true), (released, false)] {
        let bench = Bench::new().await;
        bench.log.append(&bench.beat(&other));
        bench.log.put_before(bench.beat(&last));
        let begun = Instant::now();
        let told = bench.own().await;
        assert_eq!(told.contains(&LeaseStatus::Quiet), must_wait);
        let waits = if must_wait { 2 } else { 1 };
        assert!(begun.elapsed() >= (LEASE + MARGIN) * waits);
        assert!(begun.elapsed() < (LEASE + MARGIN) * (waits + 1));
    }
}

/// An older program has to notice before it overlooks what it can't see.
#[tokio::test(start_paused = true)]
async fn a_claim_names_the_readers_that_the_entries_in_the_db_need() {
    for needed in [Layout::FIRST, Layout::SECOND] {
        let bench = Bench::new().await;
        if needed > Layout::FIRST {
            let mut update = Update::new();
            layout::require(&mut update, &"l".into(), needed);
            bench.disk.commit(update).await.unwrap();
        }
        bench.own().await;
        let heads = bench.topic.read_all().await.unwrap().heads;
        assert!(
            heads
                .iter()
                .all(|seen| seen.head.mark.oldest_reader == needed)
        );
        assert_eq!(heads[0].head.mark.layout, Layout::CURRENT);
    }
}
