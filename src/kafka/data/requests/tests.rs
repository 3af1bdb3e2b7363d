use kafka_protocol::messages::fetch_response::{AbortedTransaction, EpochEndOffset};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};

use super::*;

#[test]
fn a_fetched_partition_tells_where_the_log_diverges_and_what_was_aborted() {
    let plain = partition(PartitionData::default());
    assert_eq!((plain.diverging, plain.error), (None, None));
    assert!(plain.aborted.is_empty() && plain.records.is_empty());

    let diverging = EpochEndOffset::default().with_epoch(2).with_end_offset(0);
    let aborted = AbortedTransaction::default()
        .with_producer_id(9.into())
        .with_first_offset(4);
    let told = partition(
        PartitionData::default()
            .with_error_code(1)
            .with_diverging_epoch(diverging)
            .with_aborted_transactions(Some(vec![aborted])),
    );
    let epoch = LeaderEpoch(2);
    assert_eq!(told.diverging, Some(Diverging { epoch, end: 0 }));
    assert_eq!(told.aborted, [(ProducerId(9), SourceOffset(4))]);
    assert_eq!(told.error, Some(BrokerCode(1)));
}

/// Hazard H5: on a topic with `CreateTime` the time of an append tells a duplicate of an earlier batch.
#[test]
fn an_answer_to_produce_tells_whether_the_broker_assigned_a_time() {
    let at = TopicPartition::new("t", 0);
    let places = PartitionIndex::of([(&at, TopicId::NONE)].into_iter());
    for (told, found) in [(-1, None), (0, Some(0)), (5, Some(5))] {
        let one = PartitionProduceResponse::default()
            .with_base_offset(7)
            .with_log_append_time_ms(told);
        let topic = TopicProduceResponse::default()
            .with_name(StrBytes::from_static_str("t").into())
            .with_partition_responses(vec![one]);
        let answered = ProduceResponse::default().with_responses(vec![topic]);
        let answers = read_produce(answered, &places, 1).unwrap();
        assert_eq!((answers[0].base_offset, answers[0].append_time), (7, found));
        assert_eq!(answers[0].error, None);
    }
    let silent = read_produce(ProduceResponse::default(), &places, 1);
    assert_eq!(silent.unwrap_err().kind(), Kind::Protocol);
}
