use crate::kafka::batch::testing::{altered, encoded, keyed, marker_key};
use crate::kafka::batch::{Attributes, Codec, Record};

use super::*;

const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// `count` records from offset `first` on with these attributes, written by producer 1.
fn batch(first: i64, count: i64, attributes: i16, key: &'static [u8]) -> Batch {
    let records: Vec<Record> = (0..count).map(|n| keyed(n, 1, key)).collect();
    altered(&encoded(Codec::None, &records), None, |header| {
        header.base_offset = first;
        header.attributes = Attributes(attributes);
        header.producer_id = ProducerId(1);
    })
}

/// The log of a producer whose transactions have `count` records each and are aborted, committed and aborted in turn.
fn log(count: i64) -> Vec<(Batch, bool)> {
    let mut log = Vec::new();
    let mut end = 0;
    for commits in [false, true, false] {
        log.push((batch(end, count, TRANSACTIONAL, b"k"), commits));
        let marker = batch(end + count, 1, TRANSACTIONAL | CONTROL, marker_key(commits));
        log.push((marker, false));
        end += count + 1;
    }
    log
}

/// A transaction of one record begins and ends at one offset: the one that the broker lists.
#[test]
fn an_aborted_transaction_is_left_out_from_its_first_record_on_however_short_it_is() {
    for count in [1, 2, 3] {
        let log = log(count);
        let aborted = [0, 2 * (count + 1)].map(|first| (ProducerId(1), first));
        let mut committed = CommittedBatches::of(aborted);
        for (batch, shown) in &log {
            let at = batch.base_offset();
            assert_eq!(committed.shows(batch).unwrap(), *shown, "{count} at {at}");
        }
    }
}

#[test]
fn a_batch_without_records_shows_nothing() {
    let hollow = Batch::hollow(5, 9, crate::model::LeaderEpoch(0));
    assert!(!CommittedBatches::of([]).shows(&hollow).unwrap());
}
