//! Few threads of the process hold large batches decompressed at a time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use bytes::Bytes;
use farshore::kafka::batch::{Builder, Codec, Record};
use farshore::model::LeaderEpoch;

#[test]
fn two_threads_at_a_time_hold_large_batches() {
    let value = Bytes::from(vec![7; 5 << 20]);
    let mut builder = Builder::new(Codec::Zstd);
    builder.push_record(&Record {
        offset: 0,
        timestamp: 0,
        key: None,
        value: Some(value),
        headers: Vec::new(),
    });
    let batch = builder.finish_at(0, LeaderEpoch(0)).expect("a batch");
    let (holding, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let records = batch.records().expect("records");
                let now = holding.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                assert_eq!(records.iter().count(), 1);
                holding.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    assert!((1..=2).contains(&most.load(Ordering::SeqCst)));
}
