use crate::kafka::batch::testing::{altered, encoded, keyed, marker_key};
use crate::kafka::batch::{Attributes, Codec, Record};

use super::*;

const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
const LOG_APPEND_TIME: i16 = 1 << 3;

/// A batch of one producer with these attributes; markers carry the key of their kind.
fn batch(producer: i64, first: i64, count: i64, attributes: i16, key: &'static [u8]) -> Batch {
    let records: Vec<Record> = (0..count).map(|n| keyed(n, 1, key)).collect();
    altered(&encoded(Codec::None, &records), None, |header| {
        header.base_offset = first;
        header.attributes = Attributes(attributes);
        header.producer_id = ProducerId(producer);
    })
}

fn data(producer: i64, first: i64) -> Batch {
    batch(producer, first, 3, TRANSACTIONAL, b"k")
}

fn plain(first: i64) -> Batch {
    batch(-1, first, 3, 0, b"k")
}

fn marker(producer: i64, at: i64, commit: bool) -> Batch {
    batch(producer, at, 1, TRANSACTIONAL | CONTROL, marker_key(commit))
}

fn aborted(producer: i64, first: i64) -> (ProducerId, SourceOffset) {
    (ProducerId(producer), SourceOffset(first))
}

fn verdicts(aborted: &[(ProducerId, SourceOffset)], batches: &[Batch]) -> Vec<Verdict> {
    let mut eligibility = Eligibility::of(aborted);
    let judge = |batch| eligibility.judge(batch, SourceOffset(0)).unwrap();
    batches.iter().map(judge).collect()
}

use Verdict::{Forward, Reencode, Skip};

#[test]
fn aborted_transactions_are_left_out_and_the_same_producer_goes_on_after() {
    let log = [
        data(1, 0),
        data(2, 3),
        plain(6),
        marker(1, 9, false),
        data(1, 10),
        marker(2, 13, true),
        marker(1, 14, true),
    ];
    let found = verdicts(&[aborted(1, 0)], &log);
    assert_eq!(found, [Skip, Forward, Forward, Skip, Forward, Skip, Skip]);
}

#[test]
fn the_same_producer_may_abort_again() {
    let log = [
        data(1, 0),
        marker(1, 3, false),
        data(1, 4),
        marker(1, 7, true),
        data(1, 8),
        marker(1, 11, false),
    ];
    let found = verdicts(&[aborted(1, 8), aborted(1, 0)], &log);
    assert_eq!(found, [Skip, Skip, Forward, Skip, Skip, Skip]);
}

#[test]
fn an_abort_only_concerns_transactional_batches_of_its_producer() {
    let untouched = batch(1, 0, 3, 0, b"k");
    assert_eq!(verdicts(&[aborted(1, 0)], &[untouched]), [Forward]);
}

#[test]
fn what_a_broker_would_change_is_reencoded() {
    let mut eligibility = Eligibility::of(&[]);
    let straddling = plain(10);
    assert_eq!(
        eligibility.judge(&straddling, SourceOffset(11)).unwrap(),
        Reencode
    );
    assert_eq!(
        eligibility.judge(&straddling, SourceOffset(13)).unwrap(),
        Skip
    );
    let dated = batch(-1, 20, 3, LOG_APPEND_TIME, b"k");
    assert_eq!(
        eligibility.judge(&dated, SourceOffset(0)).unwrap(),
        Reencode
    );
}
