use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{RequestHeader, TopicName as KafkaName};
use kafka_protocol::protocol::Encodable;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn stamped(body: Vec<u8>) -> Stamped {
    Stamped {
        header: std::array::from_fn(|at| u8::try_from(at).unwrap()),
        body: Bytes::from(body),
        crc: 0,
        record_count: 1,
        max_timestamp: 0,
    }
}

fn topic(name: &str, bodies: Vec<Vec<u8>>) -> ProduceTopic {
    ProduceTopic {
        name: TopicName::new(name),
        id: TopicId(Uuid::from_u128(7)),
        partitions: (0..)
            .map(Partition)
            .zip(bodies.into_iter().map(stamped))
            .collect(),
    }
}

/// The same request encoded from the schema, with all batches copied.
fn by_schema(batches: &ProduceBatches, version: i16, correlation: i32) -> Vec<u8> {
    let topics = batches.topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|(partition, batch)| {
            let records = [&batch.header[..], &batch.body].concat();
            PartitionProduceData::default()
                .with_index(partition.0)
                .with_records(Some(Bytes::from(records)))
        });
        let name = StrBytes::from_string(topic.name.to_string());
        let data = TopicProduceData::default().with_partition_data(partitions.collect());
        if version > LAST_BY_NAME {
            data.with_topic_id(topic.id.0)
        } else {
            data.with_name(KafkaName(name))
        }
    });
    let request = ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(batches.acks)
        .with_timeout_ms(i32::try_from(batches.timeout.as_millis()).unwrap())
        .with_topic_data(topics.collect());
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    RequestHeader::default()
        .with_request_api_key(0)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str("farshore")))
        .encode(&mut frame, ProduceRequest::header_version(version))
        .unwrap();
    request.encode(&mut frame, version).unwrap();
    let length = i32::try_from(frame.len()).unwrap() - 4;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame.to_vec()
}

fn by_us(batches: ProduceBatches, version: i16, correlation: i32) -> Vec<u8> {
    let client = StrBytes::from_static_str("farshore");
    let message = batches.message(version, &client).unwrap();
    message.numbered(correlation).flatten().collect()
}

proptest! {
    #[test]
    fn every_version_has_the_bytes_of_the_schema(
        topics in prop::collection::vec(
            ("[a-z.]{1,200}", prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..4)),
            0..4,
        ),
        acks in prop::sample::select(vec![-1_i16, 1]),
        millis in 0_u64..100_000,
        correlation: i32,
    ) {
        let batches = ProduceBatches {
            acks,
            timeout: Duration::from_millis(millis),
            topics: topics.into_iter().map(|(name, bodies)| topic(&name, bodies)).collect(),
        };
        for version in 3..=13 {
            prop_assert_eq!(
                by_us(batches.clone(), version, correlation),
                by_schema(&batches, version, correlation),
                "version {}", version
            );
        }
    }
}

#[test]
fn bodies_are_written_from_where_they_lie() {
    let batches = ProduceBatches {
        acks: -1,
        timeout: Duration::from_secs(1),
        topics: vec![topic("orders", vec![vec![1; 1000], vec![2; 2000]])],
    };
    let bodies: Vec<*const u8> = batches.topics[0]
        .partitions
        .iter()
        .map(|(_, batch)| batch.body.as_ptr())
        .collect();
    let client = StrBytes::from_static_str("farshore");
    let segments: Vec<Bytes> = batches.message(13, &client).unwrap().numbered(0).collect();
    assert_eq!(segments.len(), 5, "head, body, middle, body, tail");
    assert_eq!([segments[1].as_ptr(), segments[3].as_ptr()], bodies[..]);
}

#[test]
fn an_unknown_id_keeps_the_request_at_names() {
    let mut batches = ProduceBatches {
        acks: -1,
        timeout: Duration::ZERO,
        topics: vec![topic("a", vec![]), topic("b", vec![])],
    };
    assert_eq!(batches.highest_version(), 13);
    batches.topics[1].id = TopicId::NONE;
    assert_eq!(batches.highest_version(), 12);
}
