//! Logs are asked of a source in memory.

use std::sync::Arc;
use std::time::Duration;

use crate::checkpoint::MemoryStore;
use crate::kafka::testing::FakeLog;
use crate::model::{HaltCode, TargetOffset};
use crate::replicate::fetch::buffer::{FetchBuffer, FetchedBatch};
use crate::replicate::fetch::queue::QueuePlace;
use crate::replicate::testing::{LANE, LANES, flowing, link, sent_batch, source_batch};

use super::*;

/// A partition that flows from a log of three records, of which nothing has arrived.
fn bench() -> (FakeLog, Worker) {
    let [(log, source), (_, target)] = ["t", "t"].map(FakeLog::new);
    log.append(&sent_batch(0, 0));
    let store = Arc::new(MemoryStore::default());
    let mut worker = flowing(link(store, source, target), &[LANES]);
    let intake = worker.intakes.entry(LANE).or_default();
    intake.members.insert(0);
    intake.fetch_queue.put(0, QueuePlace::Live);
    worker.mirrors[0].tracked.lock().figures.source_end = 3;
    (log, worker)
}

/// Looks at this time. Returns whether the log was read.
async fn look(worker: &mut Worker, seconds: u64) -> bool {
    worker.ask_hidden(Monotonic(Duration::from_secs(seconds)));
    match worker.events.next().await {
        Some(Event::Hidden(found)) => {
            worker.hidden(found);
            true
        }
        other => {
            assert!(other.is_none(), "nothing else was asked");
            false
        }
    }
}

fn proven(worker: &Worker) -> bool {
    worker.mirrors[0].damages.proven().is_some()
}

#[tokio::test]
async fn a_log_that_shows_nothing_in_two_looks_cannot_be_read() {
    let (log, mut worker) = bench();
    log.hide_from(0);
    for (seconds, is_read) in [(100, false), (109, false), (110, true)] {
        assert_eq!(look(&mut worker, seconds).await, is_read, "{seconds}");
        assert!(!proven(&worker), "{seconds}");
    }
    assert!(look(&mut worker, 114).await);
    let damage = worker.mirrors[0].damages.proven().expect("proven");
    let reason = damage.reason(TargetOffset(0));
    assert_eq!(reason.code, HaltCode::SourceCorrupt);
    let text = "the source's log can't be read from offset 0 on: the source answers nothing, although its log goes on";
    assert_eq!(reason.message, text);
    worker.ask_hidden(Monotonic(Duration::from_secs(200)));
    assert!(!worker.reads_hidden, "that is known");
}

#[tokio::test]
async fn a_log_that_shows_something_is_read_once_at_each_place() {
    let (log, mut worker) = bench();
    for (seconds, next, is_read) in [
        (100, 0, false),
        (110, 0, true),
        (200, 0, false),
        (300, 1, false),
        (310, 1, true),
    ] {
        worker.mirrors[0].fetch_next = SourceOffset(next);
        assert_eq!(look(&mut worker, seconds).await, is_read, "{seconds}");
        assert!(!proven(&worker));
    }
    // It moved while it was read.
    log.hide_from(0);
    for seconds in [400, 410, 420] {
        worker.mirrors[0].fetch_next = SourceOffset(2);
        worker.ask_hidden(Monotonic(Duration::from_secs(seconds)));
        worker.mirrors[0].fetch_next = SourceOffset(3);
        if let Some(Event::Hidden(found)) = worker.events.next().await {
            worker.hidden(found);
        }
    }
    assert!(!proven(&worker));
}

#[tokio::test]
async fn nothing_is_read_where_nothing_is_awaited() {
    let (log, mut worker) = bench();
    log.hide_from(0);
    let waits = |worker: &mut Worker| {
        for seconds in [100, 200] {
            worker.ask_hidden(Monotonic(Duration::from_secs(seconds)));
        }
        !worker.events.is_empty()
    };
    worker.mirrors[0].fetch_next = SourceOffset(3);
    assert!(!waits(&mut worker), "it has everything");
    worker.mirrors[0].fetch_next = SourceOffset(0);
    let intake = worker.intakes.get_mut(&LANE).expect("an intake");
    intake.fetch_queue.put(0, QueuePlace::Full);
    assert!(!waits(&mut worker), "it isn't asked for");
    let intake = worker.intakes.get_mut(&LANE).expect("an intake");
    intake.fetch_queue.put(0, QueuePlace::Live);
    let batch = source_batch(0);
    worker.mirrors[0].fetch_buffer.load(FetchedBatch {
        batch,
        from: SourceOffset(0),
        intact: true,
    });
    assert!(!waits(&mut worker), "the target holds it up");
    worker.mirrors[0].fetch_buffer = FetchBuffer::default();
    assert!(waits(&mut worker));
}

/// Everything between was compacted away.
#[tokio::test]
async fn a_log_whose_next_batch_belongs_to_an_open_transaction_can_be_read() {
    let (log, mut worker) = bench();
    log.hold(source_batch(6));
    log.open_from(6);
    worker.mirrors[0].tracked.lock().figures.source_end = 6;
    worker.mirrors[0].fetch_next = SourceOffset(3);
    for (seconds, is_read) in [(100, false), (110, true), (120, false)] {
        assert_eq!(look(&mut worker, seconds).await, is_read, "{seconds}");
    }
    assert!(!proven(&worker));
}

#[tokio::test]
async fn a_read_that_fails_proves_nothing() {
    let (log, mut worker) = bench();
    log.hide_from(0);
    assert!(!look(&mut worker, 100).await);
    for _ in 0..3 {
        let read = HiddenRead {
            ticket: (0, 0),
            partition: worker.mirrors[0].route.source.clone(),
            offset: SourceOffset(0),
        };
        let error = crate::error::Error::new(crate::error::Kind::TimedOut, "late");
        worker.hidden(vec![(read, Err(error))]);
    }
    assert!(!proven(&worker));
}
