//! Appends against a scripted broker that holds a log.

use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{ApiKey, FetchRequest, FetchResponse, MetadataRequest};
use uuid::Uuid;

use super::*;
use crate::kafka::batch::{Builder, Codec, Stamp};
use crate::kafka::client::testing::{self, Call, FakeNet, Reply, metadata, topic};
use crate::kafka::data::append_place::AppendFailure;
use crate::model::ProducerId;

/// The outcome of a produce request: an offset or a code.
type Produced = Result<i64, i16>;

/// An appender to a log that is replicated up to `end`, in which every batch has one record, whose timestamp is its offset.
fn appender(end: i64, produced: Produced) -> (FakeNet, Appender) {
    let net = FakeNet::default();
    net.broker("a:1", move |call| match call.key {
        ApiKey::Metadata => {
            let topics = vec![topic("log", &[1])];
            call.answer::<MetadataRequest>(&metadata("A", &["a:1"]).with_topics(topics))
        }
        ApiKey::Fetch => fetched(call, end),
        _ => testing::produced(call, produced),
    });
    let appender = Appender {
        cluster: net.cluster(&["a:1"]),
        partition: TopicPartition::new("log", 0),
        only: Some(TopicId(Uuid::from_u128(7))),
        slot: Slot::Journal,
        timeout: Duration::from_secs(5),
        right: None,
        name: "the log",
        refused: "the batch was refused",
    };
    (net, appender)
}

/// Two batches from the offset asked for.
fn fetched(call: &Call, end: i64) -> Reply {
    let request: FetchRequest = call.request();
    let from = request.topics[0].partitions[0].fetch_offset;
    let batches = (from..end.min(from + 2)).map(|offset| {
        let mut builder = Builder::new(Codec::None);
        builder.push_record(&record(offset));
        let batch = builder.finish_at(offset, LeaderEpoch(0)).unwrap();
        batch.bytes().to_vec()
    });
    let data = PartitionData::default()
        .with_high_watermark(end)
        .with_records(Some(batches.flatten().collect::<Vec<u8>>().into()));
    let topic = FetchableTopicResponse::default().with_partitions(vec![data]);
    call.answer::<FetchRequest>(&FetchResponse::default().with_responses(vec![topic]))
}

fn record(timestamp: i64) -> Record {
    Record {
        offset: 0,
        timestamp,
        key: None,
        value: None,
        headers: Vec::new(),
    }
}

fn batch() -> Stamped {
    let mut builder = Builder::new(Codec::None);
    builder.push_record(&record(0));
    let stamp = Stamp {
        producer_id: ProducerId(1),
        producer_epoch: 0,
        base_sequence: 5,
    };
    builder.finish(stamp).unwrap()
}

/// Appends to a log of ten records; returns what was read.
async fn append(produced: Produced, place: AppendPlace) -> Result<Vec<i64>, NotAppended> {
    let (_net, appender) = appender(10, produced);
    let mut read = Vec::new();
    let visit = |it: Record| {
        read.push(it.timestamp);
        Ok(())
    };
    let offset = appender.append(batch(), place, visit).await?;
    assert_eq!(Ok(offset), produced);
    Ok(read)
}

#[tokio::test]
async fn a_read_covers_its_range_or_fails() {
    let read = async |range, end| {
        let (_net, appender) = appender(end, Ok(0));
        let mut found = Vec::new();
        let visit = |it: Record| {
            assert_eq!(it.offset, it.timestamp);
            found.push(it.offset);
            Ok(())
        };
        appender.read(range, visit).await.map(|()| found)
    };
    assert_eq!(read(3..8, 10).await.unwrap(), [3, 4, 5, 6, 7]);
    assert!(read(8..8, 8).await.unwrap().is_empty());
    let error = read(3..8, 7).await.unwrap_err();
    assert_eq!(
        error.chain(),
        "the log can't be read up to 8 yet (offset 7)"
    );
}

#[tokio::test]
async fn what_decides_about_an_acknowledged_batch_is_read() {
    let read = append(Ok(7), AppendPlace::Contested).await;
    assert_eq!(read.unwrap(), [7]);
    let read = append(Ok(7), AppendPlace::Next(7)).await;
    assert!(read.unwrap().is_empty());
    let read = append(Ok(7), AppendPlace::Next(4)).await;
    assert_eq!(read.unwrap(), [4, 5, 6]);
    let lost = append(Ok(7), AppendPlace::Next(8)).await.unwrap_err();
    assert_eq!(lost.why, AppendFailure::OutOfPlace);
    // Acknowledged, but this leader's high watermark isn't there yet.
    let unclear = append(Ok(10), AppendPlace::Contested).await;
    assert_eq!(unclear.unwrap_err().why, AppendFailure::Unknown);
}

#[tokio::test]
async fn a_refused_batch_is_reported_with_its_code() {
    let refused = append(Err(45), AppendPlace::Contested).await.unwrap_err();
    let text = "the batch was refused: OUT_OF_ORDER_SEQUENCE_NUMBER";
    assert_eq!(refused.error.chain(), text);
    assert_eq!(refused.why, AppendFailure::OutOfPlace);
}

#[tokio::test]
async fn another_topic_of_the_same_name_gets_nothing() {
    let (_net, appender) = appender(10, Ok(7));
    let former = Appender {
        only: Some(TopicId(Uuid::from_u128(8))),
        ..appender.clone()
    };
    let place = AppendPlace::Next(7);
    let refused = former.append(batch(), place, |_| Ok(())).await.unwrap_err();
    let text = "the log's topic was deleted and created again";
    assert_eq!(refused.error.chain(), text);
    assert_eq!(refused.why, AppendFailure::OutOfPlace);
    for only in [None, Some(TopicId::NONE)] {
        let any = Appender {
            only,
            ..appender.clone()
        };
        let landed = any.append(batch(), place, |_| Ok(())).await;
        assert_eq!(landed.unwrap(), 7);
    }
}
