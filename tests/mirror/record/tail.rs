//! The target loses the end of a transaction but not its records: consumers no longer see them, however long the log is.
#![allow(
    clippy::single_range_in_vec_init,
    reason = "each range is the offsets of one batch"
)]

use farshore::kafka::admin::{Markers, describe_producers, write_markers};
use farshore::kafka::client::Slot;
use farshore::model::TopicPartition;
use farshore::task::Ownership;

use crate::asking::partition;
use crate::hazards::sight::caught_up;
use crate::hazards::truncated::cut;
use crate::hazards::write_batches;
use crate::histories::told::is_mapped;
use crate::ownership::fence::wire;
use crate::setting::CATCH_UP;
use crate::support::topics;
use crate::support::wait::eventually;

use super::setting;

const T: (&str, i32) = ("t", 0);

/// Aborts the one open transaction of the partition, as `kafka-transactions.sh --abort` does.
async fn abort(bootstrap: &str) {
    let (oslo, partition) = (wire(bootstrap), TopicPartition::new("t", 0));
    let producers = describe_producers(&oslo, &partition).await;
    let producers = producers.expect("an answer").expect("a broker that tells");
    let mut open = producers.iter().filter(|it| it.current_txn_start >= 0);
    let open = open.next().expect("an open transaction");
    let markers = Markers {
        partition: partition.clone(),
        producer_id: open.producer_id,
        epoch: i16::try_from(open.epoch).expect("an epoch"),
        count: 1,
    };
    let leader = oslo.leader(&partition).await.expect("a leader");
    let connection = oslo
        .connection(leader.broker, Slot::Markers { writer: 0 })
        .await;
    let connection = connection.expect("a connection");
    let codes = write_markers(&connection, &[markers], &Ownership::permanent()).await;
    assert_eq!(codes.expect("an answer")[&partition], None);
}

#[tokio::test]
async fn records_whose_marker_was_lost_are_mirrored_again() {
    let mut setting = setting("topics = [\"t\"]\non_target_truncate = \"follow\"").await;
    setting.topic("t", 1, &[]).await;
    write_batches(&setting, "t", 0, [0..10], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, T, 10).await;
    write_batches(&setting, "t", 0, [10..17], 20).await;
    caught_up(&setting.farshore, T, 17).await;
    let end = setting.pairs("t", 0).await.target_end;
    setting.farshore.sigterm().await;
    setting.oslo.kill(1);
    cut(&setting.oslo.data_dir(1), "t", end - 1);
    setting.oslo.restart(1).await;
    let oslo = setting.oslo.bootstrap();
    topics::wait_led(&oslo, "t", 1).await;
    setting.farshore.start().await;
    eventually(CATCH_UP, "it waits and says for what", async || {
        let shown = partition(&setting.farshore, "t", 0).await?;
        let is_told = shown["detail"].to_string().contains("transaction is open");
        is_told.then_some(()).ok_or(shown.to_string())
    })
    .await;

    // The log is as long as it was, but shows only the first ten records.
    abort(&oslo).await;
    write_batches(&setting, "t", 0, [17..20], 20).await;
    caught_up(&setting.farshore, T, 20).await;
    assert_eq!(setting.compare("t", 1).await, 20);
    assert_eq!(is_mapped(&setting, "t", 0, &[]).await, 20);
}
