use std::sync::Arc;

use crate::checkpoint::MemoryStore;
use crate::model::SourceOffset;
use crate::replicate::shared::held::TransactionLimit;
use crate::replicate::shared::partition::TrackedPartition;
use crate::replicate::shared::source_ends::SourceEnds;
use crate::replicate::testing::tracked;

use super::*;

const FLOWS: bool = true;
const PRODUCER: ProducerId = ProducerId(4711);

fn at(seconds: u64) -> Moment {
    Moment {
        wall_ms: i64::try_from(seconds).unwrap() * 1000,
        monotonic: Monotonic(Duration::from_secs(seconds)),
    }
}

/// A partition that is mirrored up to 30.
fn mirrored() -> TrackedPartition {
    let tracked = tracked(Arc::new(MemoryStore::default()));
    tracked.lock().begun = true;
    tracked.lock().advance(SourceOffset(30));
    tracked
}

fn ends(stable: i64, high_watermark: i64) -> SourceEnds {
    SourceEnds {
        log_start: 0,
        stable,
        high_watermark,
    }
}

/// What a coordinator says.
fn coordinated(begun_ms: Option<i64>) -> BTreeMap<ProducerId, CoordinatedTransaction> {
    let transaction = CoordinatedTransaction {
        transactional_id: "payments".to_owned(),
        begun_ms,
    };
    [(PRODUCER, transaction)].into()
}

fn record(timestamp: i64) -> FirstRecord {
    FirstRecord {
        timestamp,
        producer: Some(PRODUCER),
    }
}

#[test]
fn a_transaction_is_looked_at_once_it_has_been_open_for_a_while_and_rarely_again() {
    let tracked = mirrored();
    let mut known = tracked.lock();
    // Ordinary ones come and go.
    for (seconds, first) in [(1, 30), (4, 31), (7, 32)] {
        known.hear(ends(first, 40), at(seconds));
        assert_eq!(known.unread(at(seconds + 4), FLOWS), None);
    }
    known.hear(ends(32, 50), at(10));
    assert_eq!(known.unread(at(11), FLOWS), None);
    assert_eq!(known.unread(at(12), FLOWS), Some((32, true)));
    known.note_reading(32, at(12).monotonic);
    assert_eq!(known.unread(at(13), FLOWS), None, "it is being read");
    assert_eq!(known.unread(at(72), FLOWS), Some((32, true)));
    known.note_read(32, record(6_500), &BTreeMap::new());
    known.note_reading(32, at(72).monotonic);
    assert_eq!(known.unread(at(73), FLOWS), None);
    // Perhaps farshore may describe it by then.
    assert_eq!(known.unread(at(132), FLOWS), Some((32, true)));
    known.note_read(32, record(6_500), &coordinated(Some(6_000)));
    assert_eq!(known.unread(at(600), FLOWS), None, "all is known");
    known.hear(ends(50, 50), at(601));
    assert_eq!(known.held_by(), None);
    assert_eq!(known.unread(at(700), FLOWS), None);
}

#[test]
fn a_transaction_is_told_as_far_as_it_is_known() {
    let begun = coordinated;
    let none = BTreeMap::new();
    for (timestamp, coordinated, since_ms, id) in [
        (6_500, begun(Some(6_000)), 6_000, Some("payments")),
        (6_500, none.clone(), 6_500, None),
        (-1, none.clone(), 7_000, None),
        (99_000, none, 7_000, None),
        // The coordinator has forgotten the transaction that hangs, and knows the next one of the producer.
        (6_500, begun(Some(8_000)), 6_500, Some("payments")),
        (6_500, begun(None), 6_500, Some("payments")),
    ] {
        let tracked = mirrored();
        let mut known = tracked.lock();
        known.hear(ends(30, 40), at(7));
        let noticed = OpenTransaction {
            first_offset: 30,
            since_ms: 7_000,
            producer_id: None,
            transactional_id: None,
        };
        assert_eq!(known.held_by().as_ref(), Some(&noticed));
        // One that was read at another offset is another one.
        known.note_read(29, record(1_000), &coordinated);
        assert_eq!(known.held_by().as_ref(), Some(&noticed));
        known.note_read(30, record(timestamp), &coordinated);
        let read = OpenTransaction {
            since_ms,
            producer_id: Some(PRODUCER),
            transactional_id: id.map(str::to_owned),
            ..noticed
        };
        assert_eq!(known.held_by(), Some(read), "{timestamp} {coordinated:?}");
    }
}

/// After the loss of the DB, or a start while the link is paused.
#[test]
fn the_first_missing_record_is_read_where_none_is_fetched() {
    let tracked = mirrored();
    let mut known = tracked.lock();
    known.hear(ends(40, 40), at(7));
    assert_eq!(known.unread(at(7), FLOWS), None);
    assert_eq!(known.unread(at(7), !FLOWS), Some((30, false)));
    let plain = FirstRecord {
        timestamp: 2_000,
        producer: None,
    };
    known.note_read(30, plain, &BTreeMap::new());
    assert_eq!(known.lag_ms(10_000), 8_000);
    assert_eq!(known.unread(at(99), !FLOWS), None);
    known.hear(ends(30, 30), at(100));
    known.hear(ends(40, 50), at(104));
    assert_eq!(known.unread(at(104), !FLOWS), Some((30, false)));
}

#[test]
fn a_limit_that_no_broker_reports_is_the_default() {
    let limit = |setting| {
        let limit = TransactionLimit::of(setting);
        (limit.limit.as_secs(), limit.is_reported)
    };
    assert_eq!(limit(Some("60000")), (60, true));
    assert_eq!(limit(None), (900, false));
    assert_eq!(limit(Some("")), (900, false));
}
