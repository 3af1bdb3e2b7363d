use crate::kafka::batch::{Record, Stamp};

use super::*;

fn read(offset: i64) -> ReadRecord<'static> {
    ReadRecord {
        offset,
        timestamp: offset * 10,
        key: Some(b"k"),
        value: None,
        headers: vec![(b"h", None), (b"h", Some(b""))],
    }
}

fn epochs() -> Epochs {
    Epochs::told(&[(3, 20), (1, 0)])
}

fn gathering(from: i64, offsets: &[i64]) -> Gathering {
    let mut gathering = Gathering::new(from, epochs());
    for &offset in offsets {
        gathering.take(read(offset)).unwrap();
    }
    gathering
}

/// Base, end and epoch of each batch, and the offsets of its records.
fn handed(bytes: Bytes) -> Vec<(i64, i64, i32, Vec<i64>)> {
    batches(bytes)
        .map(|batch| {
            let batch = batch.unwrap();
            batch.check_crc().unwrap();
            let records = batch.records().unwrap();
            let offsets = records.iter().map(|record| record.unwrap().offset);
            (
                batch.base_offset(),
                batch.next_offset(),
                batch.header().leader_epoch.0,
                offsets.collect(),
            )
        })
        .collect()
}

const fn clear(until: i64, record: bool) -> Clear {
    Clear { until, record }
}

#[test]
fn records_become_batches_with_their_holes_cut_where_epochs_change() {
    let mut gathering = gathering(5, &[5, 6, 9, 20, 21]);
    assert_eq!((gathering.looks_at(), gathering.needs_look()), (22, false));
    assert_eq!(gathering.epoch_before(22), LeaderEpoch(3));
    let all = handed(gathering.hand_over(None).unwrap().unwrap());
    assert_eq!(all, [(5, 10, 1, vec![5, 6, 9]), (20, 22, 3, vec![20, 21])]);
    assert_eq!((gathering.from(), gathering.bytes()), (22, 0));
    // A record read again is skipped.
    gathering.take(read(21)).unwrap();
    gathering.take(read(30)).unwrap();
    let all = handed(gathering.hand_over(None).unwrap().unwrap());
    assert_eq!(all, [(30, 31, 3, vec![30])]);
}

#[test]
fn a_first_record_behind_a_hole_has_to_be_proven() {
    // The log has the first record at the same offset.
    let mut right = gathering(5, &[8, 9]);
    assert_eq!((right.looks_at(), right.needs_look()), (5, true));
    let all = handed(right.hand_over(Some(clear(8, true))).unwrap().unwrap());
    assert_eq!(all, [(8, 10, 1, vec![8, 9])]);
    // The log has a record before it, or none there: what was read came from elsewhere.
    for seen in [clear(6, true), clear(9, true), clear(9, false)] {
        assert_eq!(
            gathering(5, &[8, 9]).hand_over(Some(seen)).unwrap(),
            None,
            "{seen:?}"
        );
    }
    // The check didn't reach that far: it continues from where it ended.
    let mut short = gathering(5, &[8, 9]);
    let all = handed(short.hand_over(Some(clear(7, false))).unwrap().unwrap());
    assert_eq!(all, [(5, 7, 1, vec![])]);
    let all = handed(short.hand_over(Some(clear(8, true))).unwrap().unwrap());
    assert_eq!(all, [(8, 10, 1, vec![8, 9])]);
}

#[test]
fn nothing_is_passed_that_was_not_looked_at() {
    let mut idle = gathering(5, &[]);
    assert_eq!(idle.hand_over(None).unwrap(), Some(Bytes::new()));
    assert_eq!(
        idle.hand_over(Some(clear(5, true))).unwrap(),
        Some(Bytes::new())
    );
    let all = handed(idle.hand_over(Some(clear(9, false))).unwrap().unwrap());
    assert_eq!(all, [(5, 9, 1, vec![])]);
    assert_eq!(idle.from(), 9);
    // The very first record comes right after.
    idle.take(read(9)).unwrap();
    let all = handed(idle.hand_over(None).unwrap().unwrap());
    assert_eq!(all, [(9, 10, 1, vec![9])]);
}

#[test]
fn a_look_sees_the_first_committed_record() {
    let batch = |first: i64, count: i64, producer: i64| {
        let mut builder = Builder::new(Codec::None);
        for offset in 0..count {
            builder.push_record(&Record {
                offset,
                timestamp: 1,
                key: None,
                value: None,
                headers: Vec::new(),
            });
        }
        let stamp = Stamp {
            producer_id: ProducerId(producer),
            producer_epoch: 0,
            base_sequence: 0,
        };
        let mut stamped = builder.finish(stamp).unwrap();
        let transactional = 1 << 4;
        stamped.header[22] |= transactional;
        let crc = crc32c::crc32c_append(crc32c::crc32c(&stamped.header[21..]), &stamped.body);
        stamped.header[..8].copy_from_slice(&first.to_be_bytes());
        stamped.header[17..21].copy_from_slice(&crc.to_be_bytes());
        [&stamped.header[..], &stamped.body].concat()
    };
    let log = Bytes::from([batch(10, 3, 7), batch(13, 2, 8)].concat());
    let look = |from: i64, aborted: &[(ProducerId, SourceOffset)]| {
        super::clear(from, log.clone(), aborted).unwrap()
    };
    let aborted = [(ProducerId(7), SourceOffset(10))];
    assert_eq!(look(10, &aborted), clear(13, true));
    assert_eq!(look(11, &[]), clear(11, true));
    let both = [aborted[0], (ProducerId(8), SourceOffset(13))];
    assert_eq!(look(10, &both), clear(15, false));
    assert_eq!(super::clear(4, Bytes::new(), &[]).unwrap(), clear(4, false));
}
