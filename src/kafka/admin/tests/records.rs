use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};
use uuid::Uuid;

use crate::error::Kind;
use crate::kafka::client::testing::topic;
use crate::model::TopicId;

use super::*;

/// Deletes records before offset 40 of a topic whose id is `has`, while `meant` is expected; returns the result and the
/// number of `DeleteRecords` requests.
async fn delete(has: u128, meant: u128) -> (crate::error::Result<i64>, usize) {
    let asked = Arc::new(AtomicUsize::new(0));
    let topics = [topic("orders", &[1]).with_topic_id(Uuid::from_u128(has))];
    let counted = Arc::clone(&asked);
    let (_net, cluster) = cluster(&topics, move |_, call| {
        counted.fetch_add(1, Ordering::Relaxed);
        let request: DeleteRecordsRequest = call.request();
        let done = DeleteRecordsPartitionResult::default()
            .with_low_watermark(request.topics[0].partitions[0].offset);
        let done = DeleteRecordsTopicResult::default().with_partitions(vec![done]);
        let response = DeleteRecordsResponse::default().with_topics(vec![done]);
        call.answer::<DeleteRecordsRequest>(&response)
    });
    let (orders, meant) = (orders(0), TopicId(Uuid::from_u128(meant)));
    let right = Ownership::permanent();
    let deleted = delete_records(&cluster, (&orders, meant), 40, &right).await;
    (deleted, asked.load(Ordering::Relaxed))
}

#[tokio::test(start_paused = true)]
async fn nothing_is_deleted_of_another_topic_of_the_name() {
    // 0 is no id: the broker has no ids, or the topic's id was never reported.
    for (has, meant) in [(7, 7), (0, 7), (7, 0), (0, 0)] {
        let (deleted, asked) = delete(has, meant).await;
        assert_eq!((deleted.unwrap(), asked), (40, 1), "{has} for {meant}");
    }
    let (deleted, asked) = delete(8, 7).await;
    assert_eq!(
        (deleted.unwrap_err().kind(), asked),
        (Kind::Disconnected, 0)
    );
}
