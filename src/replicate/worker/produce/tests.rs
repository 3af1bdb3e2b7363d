use crate::checkpoint::MemoryStore;
use crate::kafka::testing::FakeLog;
use crate::model::{Moment, OffsetsMode, Run, SourceOffset};
use crate::replicate::testing::{LANE, LANES, flowing, link, mirror, run, tracked};

use super::*;

fn sent(run: Run) -> SentBatch {
    SentBatch {
        target: run.target,
        records: run.length,
        frontier: run.source_end(),
        max_timestamp: 0,
        bytes: 100,
        runs: vec![run],
        opens: false,
    }
}

/// A partition with a batch of `records` records in flight, from source offset 25 to target offset 20.
fn with_in_flight(records: i64) -> Mirror {
    let tracked = tracked(Arc::new(MemoryStore::default()));
    let mut mirror = mirror(Arc::new(tracked), OffsetsMode::Translate);
    mirror.window.sent(sent(run(25, 20, records)));
    mirror
}

/// A worker with one partition on each of these connections to the target.
fn worker(outlets: &[Lane]) -> Worker {
    let [source, target] = ["t", "t"].map(|topic| FakeLog::new(topic).1);
    let link = link(Arc::new(MemoryStore::default()), source, target);
    let lanes = outlets.iter().map(|&outlet| Lanes { outlet, ..LANES });
    flowing(link, &lanes.collect::<Vec<_>>())
}

fn appended_at(base_offset: i64) -> ProduceAnswer {
    ProduceAnswer {
        error: None,
        message: None,
        base_offset,
        append_time: None,
        log_start: 0,
    }
}

fn refused_with(code: i16) -> ProduceAnswer {
    ProduceAnswer {
        error: Some(BrokerCode(code)),
        ..appended_at(-1)
    }
}

/// Kafka's codes for a batch refused for its content: too large (10, 18), a timestamp outside the limits (32), a format (43)
/// or codec (76) the topic doesn't accept, a record without a key in a compacted topic (87).
#[test]
fn whatever_is_refused_for_what_it_is_is_cut_down_to_one_record_which_the_policy_is_for() {
    for code in [10, 18, 32, 43, 76, 87].map(BrokerCode) {
        let mut mirror = with_in_flight(10);
        mirror.examined_until = Some(SourceOffset(35));
        let cut = refusal(&mut mirror, code, None);
        assert!(matches!(cut, Trouble::Retry(_)), "{code:?}: {cut:?}");
        assert_eq!(mirror.course.records_limit, 5);

        let mut mirror = with_in_flight(1);
        mirror.examined_until = Some(SourceOffset(26));
        let alone = refusal(&mut mirror, code, Some("no such codec"));
        let Trouble::Halt(reason) = alone else {
            panic!("{code:?}: {alone:?}");
        };
        assert_eq!(reason.code, HaltCode::RecordRefused);
        assert_eq!(reason.source_offset, Some(SourceOffset(25)));
        assert_eq!(reason.target_offset, Some(TargetOffset(20)));
        assert!(reason.message.ends_with("(no such codec)"));
    }
}

/// A broker that can't decode a batch answers `UNKNOWN_SERVER_ERROR`, `CORRUPT_MESSAGE` or `INVALID_RECORD`.
#[test]
fn what_may_be_unreadable_is_decoded_before_it_is_sent_again() {
    for code in UNREADABLE.map(BrokerCode) {
        let mut mirror = with_in_flight(1);
        let trouble = refusal(&mut mirror, code, None);
        assert!(matches!(trouble, Trouble::Retry(_)), "{trouble:?}");
        assert_eq!(mirror.examined_until, Some(SourceOffset(26)));
        mirror.relax(SourceOffset(25));
        assert!(mirror.examined_until.is_some());
        mirror.relax(SourceOffset(26));
        assert_eq!(mirror.examined_until, None);
    }
}

#[test]
fn what_may_pass_is_no_refusal() {
    // A leader that moved, too few replicas, a full disk, a timeout.
    for code in [6, 19, 20, 56, 7].map(BrokerCode) {
        let mut mirror = with_in_flight(1);
        let trouble = refusal(&mut mirror, code, None);
        assert!(matches!(trouble, Trouble::Retry(_)), "{code:?}");
    }
}

/// Hazard H3: a race is over after one resync; what is refused at the same place again lies behind foreign data.
#[test]
fn a_sequence_number_refused_twice_at_one_place_is_a_foreign_write() {
    let out_of_order = BrokerCode(OUT_OF_ORDER_SEQUENCE_NUMBER);
    let mut mirror = with_in_flight(10);
    for (place, refusals) in [(20, 1), (40, 1), (20, 1), (20, 2)] {
        mirror.window = mirror.window.renewed(0, false, crate::telemetry::now());
        mirror.window.sent(sent(run(place + 5, place, 10)));
        let trouble = refusal(&mut mirror, out_of_order, None);
        match trouble {
            Trouble::Retry(_) => assert_eq!(refusals, 1, "at {place}"),
            Trouble::Halt(reason) => {
                assert_eq!((reason.code, refusals), (HaltCode::ForeignWrite, 2));
                assert_eq!(reason.source_offset, Some(SourceOffset(25)));
                assert_eq!(reason.target_offset, Some(TargetOffset(20)));
            }
            Trouble::Decided(_) => panic!("{trouble:?}"),
        }
    }
}

#[tokio::test]
async fn a_refused_place_is_forgotten_once_a_batch_has_landed() {
    let mut worker = worker(&[LANE]);
    for answer in [refused_with(45), appended_at(0), refused_with(45)] {
        let mirror = &mut worker.mirrors[0];
        mirror.window = mirror.window.renewed(0, false, crate::telemetry::now());
        mirror.window.sent(sent(run(5, 0, 10)));
        worker.answered(0, &answer);
        assert_eq!(
            worker.mirrors[0].refused_sequence.is_some(),
            answer.error.is_some()
        );
    }
    let halted = worker.mirrors[0].life.is_halted();
    assert!(!halted);
}

/// Hazard H2: a restarted broker may have forgotten our producer ids, even if nothing was in flight.
#[tokio::test]
async fn a_new_connection_disarms_the_windows_of_its_partitions() {
    let other = Lane { slot: 1, ..LANE };
    let mut worker = worker(&[LANE, other, LANE]);
    let now = Moment {
        wall_ms: 0,
        ..worker.link.now()
    };
    for mirror in &mut worker.mirrors {
        mirror.window = mirror.window.renewed(1_000, false, now);
        mirror.window.arm(now.wall_ms, now);
    }
    let armed = |worker: &Worker| {
        let windows = worker.mirrors.iter().map(|it| it.window.is_armed(now));
        windows.collect::<Vec<_>>()
    };
    assert_eq!(armed(&worker), [true; 3]);
    let sink = worker.link.open_sink(LANE).await.unwrap();
    worker.outlets.entry(LANE).or_default().connecting = true;
    worker.outlet_up(LANE, Ok(sink));
    assert_eq!(armed(&worker), [false, true, false]);
}

#[tokio::test]
async fn figures_count_the_records_of_the_source_that_landed() {
    let mut worker = worker(&[LANE]);
    let tracked = Arc::clone(&worker.mirrors[0].tracked);
    // The filler before the first record.
    tracked.lock().record.origin = SourceOffset(25);
    for batch in [run(20, 0, 5), run(25, 5, 10), run(35, 15, 1)] {
        worker.mirrors[0].window.sent(sent(batch));
        worker.answered(0, &appended_at(batch.target.get()));
    }
    let known = tracked.lock();
    let figures = &known.figures;
    assert_eq!(
        (figures.records, figures.batches, figures.bytes),
        (11, 3, 300)
    );
    assert_eq!(known.record.frontier, SourceOffset(36));
}
