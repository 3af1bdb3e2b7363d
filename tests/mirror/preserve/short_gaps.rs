//! Topics that consist of short gaps only: transactions of three records each.

use std::time::Instant;

use super::{is_the_same, preserving};
use crate::setting::Setting;
use crate::support::write::{Outcome, Record, Writer};

/// The environment variable that sets the number of transactions in each partition; the rate is printed.
const TRANSACTIONS: &str = "FARSHORE_SHORT_GAPS";
const USUAL: usize = 40;
const PARTITIONS: i32 = 4;

async fn write(setting: &Setting, partition: i32, transactions: usize) {
    let id = format!("writer{partition}");
    let settings = [("transactional.id", &*id), ("linger.ms", "0")];
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &settings);
    writer.init_transactions().await;
    for _ in 0..transactions {
        let records = (0..3).map(move |n| Record::new(partition, format!("k{n}"), vec![b'v'; 100]));
        writer.transaction(records, Outcome::Commit).await;
    }
}

#[tokio::test]
async fn every_short_gap_is_filled() {
    let transactions = std::env::var(TRANSACTIONS)
        .ok()
        .and_then(|it| it.parse().ok());
    let transactions = transactions.unwrap_or(USUAL);
    let mut setting = preserving("topics = [\"t\"]").await;
    setting.topic("t", PARTITIONS, &[]).await;
    tokio::join!(
        write(&setting, 0, transactions),
        write(&setting, 1, transactions),
        write(&setting, 2, transactions),
        write(&setting, 3, transactions),
    );
    let begun = Instant::now();
    setting.farshore.start().await;
    setting.mirrored("t", PARTITIONS).await;
    let seconds = begun.elapsed().as_secs_f64();
    let all = transactions * 4;
    println!("{all} transactions of three records in four partitions: {seconds:.1} s");
    assert_eq!(is_the_same(&setting, "t", PARTITIONS).await, 3 * all);
}
