use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use super::*;
use crate::checkpoint::Space;

/// Receives the groups as they arrive; the test decides how each write ends.
struct Rig {
    writer: Writer,
    arrived: Receiver<Vec<Update>>,
    verdict: SyncSender<Verdict>,
}

enum Verdict {
    Fine,
    Fails,
    Panics,
}

impl Rig {
    fn new() -> Self {
        let (to_test, arrived) = sync_channel(GROUP_LIMIT);
        let (verdict, from_test) = sync_channel(GROUP_LIMIT);
        let write = move |group| {
            to_test.send(group).unwrap();
            match from_test.recv().unwrap() {
                Verdict::Fine => Ok(()),
                Verdict::Fails => Err(Error::new(Kind::Store, "disk full")),
                Verdict::Panics => panic!("a bug in the database"),
            }
        };
        Self {
            writer: Writer::start(write).unwrap(),
            arrived,
            verdict,
        }
    }

    /// Commits one update and waits until the thread is writing it, so that everything after it stays queued.
    fn busy(&self) -> PendingCommit {
        let committed = self.writer.commit(update(0));
        assert_eq!(self.arrived.recv().unwrap(), [update(0)]);
        committed
    }
}

fn update(number: u32) -> Update {
    let mut update = Update::new();
    update.put(Space::Meta, b"number", number.to_be_bytes().to_vec());
    update
}

#[tokio::test]
async fn what_waits_is_written_as_one_group_in_call_order() {
    let rig = Rig::new();
    let first = rig.busy();
    let group: Vec<_> = (1..=5).map(|n| rig.writer.commit(update(n))).collect();
    for _ in 0..2 {
        rig.verdict.send(Verdict::Fine).unwrap();
    }
    first.await.unwrap();
    for committed in group {
        committed.await.unwrap();
    }
    assert_eq!(
        rig.arrived.recv().unwrap(),
        (1..=5).map(update).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn groups_and_the_line_have_limits() {
    let rig = Rig::new();
    let mut waiting = vec![rig.busy()];
    for number in 0..LINE_LIMIT {
        let number = u32::try_from(number).unwrap();
        waiting.push(rig.writer.commit(update(number)));
    }
    let refused = rig.writer.commit(update(0)).await.unwrap_err();
    assert!(refused.message().contains("too slow"), "{refused}");
    for _ in 0..=LINE_LIMIT / GROUP_LIMIT {
        rig.verdict.send(Verdict::Fine).unwrap();
    }
    for committed in waiting {
        committed.await.unwrap();
    }
    assert_eq!(rig.arrived.recv().unwrap().len(), GROUP_LIMIT);
}

#[tokio::test]
async fn after_a_failure_every_update_fails() {
    let rig = Rig::new();
    let first = rig.busy();
    rig.verdict.send(Verdict::Fine).unwrap();
    first.await.unwrap();
    let group = rig.busy();
    let behind = rig.writer.commit(update(1));
    rig.verdict.send(Verdict::Fails).unwrap();
    let later = async { rig.writer.commit(update(2)).await };
    for failed in [group.await, behind.await, later.await] {
        let error = failed.unwrap_err();
        assert_eq!(error.kind(), Kind::Store);
        assert!(error.message().contains("disk full"), "{error}");
    }
    assert!(rig.arrived.try_recv().is_err());
}

#[tokio::test]
async fn a_panic_leaves_nobody_waiting() {
    let rig = Rig::new();
    let group = rig.busy();
    let behind = rig.writer.commit(update(1));
    rig.verdict.send(Verdict::Panics).unwrap();
    for failed in [group.await, behind.await] {
        assert_eq!(failed.unwrap_err().kind(), Kind::Store);
    }
    rig.writer.commit(update(2)).await.unwrap_err();
}

#[tokio::test]
async fn dropping_the_future_or_the_writer_undoes_nothing() {
    let rig = Rig::new();
    drop(rig.busy());
    drop(rig.writer.commit(update(1)));
    let last = rig.writer.commit(update(2));
    for _ in 0..2 {
        rig.verdict.send(Verdict::Fine).unwrap();
    }
    drop(rig.writer);
    assert_eq!(rig.arrived.recv().unwrap(), [update(1), update(2)]);
    last.await.unwrap();
}
