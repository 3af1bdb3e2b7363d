use kafka_protocol::messages::describe_transactions_response::TransactionState as Described;
use kafka_protocol::messages::list_transactions_response::TransactionState as Listed;
use kafka_protocol::messages::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, ListTransactionsRequest,
    ListTransactionsResponse, TransactionalId,
};

use crate::kafka::client::names::text;
use crate::kafka::client::testing::versions_but;
use crate::model::ProducerId;

use super::*;

const NOT_AUTHORIZED: i16 = 53;

/// Broker 1 coordinates the transactions of producers below 10, broker 2 those of the others. That of producer 3 may not be
/// described, and producer 4 has none any more.
fn coordinating(broker: i32, call: &Call) -> Reply {
    let id = |producer: i64| TransactionalId(text(&format!("of-{producer}")));
    if call.key == ApiKey::ListTransactions {
        let request: ListTransactionsRequest = call.request();
        let asked = request.producer_id_filters.into_iter();
        let own = asked.filter(|producer| (producer.0 < 10) == (broker == 1));
        let states = own.map(|producer| {
            Listed::default()
                .with_transactional_id(id(producer.0))
                .with_producer_id(producer)
        });
        let answer = ListTransactionsResponse::default().with_transaction_states(states.collect());
        return call.answer::<ListTransactionsRequest>(&answer);
    }
    let request: DescribeTransactionsRequest = call.request();
    let states = request.transactional_ids.into_iter().map(|id| {
        let producer: i64 = id.as_str()["of-".len()..].parse().unwrap();
        Described::default()
            .with_error_code(if producer == 3 { NOT_AUTHORIZED } else { 0 })
            .with_transactional_id(id)
            .with_producer_id(producer.into())
            .with_transaction_start_time_ms(if producer == 4 { -1 } else { 1_000 * producer })
    });
    let answer = DescribeTransactionsResponse::default().with_transaction_states(states.collect());
    call.answer::<DescribeTransactionsRequest>(&answer)
}

#[tokio::test]
async fn transactions_are_known_as_far_as_their_coordinators_tell() {
    let (_net, cluster) = cluster(&[], coordinating);
    cluster.current_metadata().await.unwrap();
    let producers = [2, 3, 4, 15].map(ProducerId).into();
    let found = open_transactions(&cluster, &producers).await;
    let known = |producer, begun_ms| {
        let transaction = CoordinatedTransaction {
            transactional_id: format!("of-{producer}"),
            begun_ms,
        };
        (ProducerId(producer), transaction)
    };
    let expected = [
        known(2, Some(2_000)),
        known(4, None),
        known(15, Some(15_000)),
    ];
    assert_eq!(found, expected.into());
}

#[tokio::test]
async fn brokers_before_3_0_are_not_asked_for_transactions() {
    let net = FakeNet::default();
    for (broker, address) in (1..).zip(BROKERS) {
        let spoken = versions_but(ApiKey::ListTransactions, -1);
        net.broker_speaking(address, spoken, answering(broker, Vec::new(), coordinating));
    }
    let cluster = net.cluster(&["a:1"]);
    cluster.current_metadata().await.unwrap();
    let found = open_transactions(&cluster, &[ProducerId(2)].into()).await;
    assert!(found.is_empty());
}
