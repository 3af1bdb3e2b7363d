//! Writing control markers: batches that occupy an offset and that no consumer ever sees.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages as kafka;
use kafka_protocol::messages::write_txn_markers_request::{
    WritableTxnMarker, WritableTxnMarkerTopic,
};
use kafka_protocol::messages::{WriteTxnMarkersRequest, WriteTxnMarkersResponse};

use crate::error::{BrokerCode, Error, Result};
use crate::kafka::acl::{AclOperation, Need, Resource};
use crate::kafka::client::error_codes::code_of;
use crate::kafka::client::names::{by_topic, topic_partition};
use crate::kafka::client::{Cluster, Connection};
use crate::model::{ProducerId, TopicName, TopicPartition};
use crate::task::Ownership;

/// The markers for one partition. No partition may appear twice in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markers {
    pub partition: TopicPartition,
    /// The producer id under which they are written.
    pub producer_id: ProducerId,
    /// The producer epoch; a higher one than before fences anything still to arrive under the lower one.
    pub epoch: i16,
    /// The number of markers.
    pub count: usize,
}

/// An id that no broker assigns and no link derives.
const NOBODY: ProducerId = ProducerId(0x46A4 << 48);
const UNKNOWN_TOPIC_OR_PARTITION: BrokerCode = BrokerCode(3);
const CLUSTER_AUTHORIZATION_FAILED: BrokerCode = BrokerCode(31);

/// A broker waits for its replicas for its own `request.timeout.ms`, 30 s by default, and then responds.
const ANSWER_LIMIT: Duration = Duration::from_secs(45);

/// Writes markers to the broker that leads all the partitions, and waits until its replicas have them. Needs `ALTER` or
/// `CLUSTER_ACTION` on the cluster.
///
/// Returns each partition's code, `None` if its markers were written. The broker reports one code for all markers of a
/// partition: with more than one marker it says little, and the end of the log has to be read.
///
/// Errors: `Refused` if `right` isn't held, in which case nothing was written. If the connection breaks or the response
/// is overdue, any number of markers may have been written or may still be in flight.
pub async fn write_markers(
    connection: &Connection,
    orders: &[Markers],
    right: &Ownership,
) -> Result<BTreeMap<TopicPartition, Option<BrokerCode>>> {
    let answer = connection
        .call_under(right, request(orders), ANSWER_LIMIT)
        .await?;
    Ok(codes(answer))
}

/// Returns the reason why the target refuses control markers from this client, if it does. Tested with a topic that
/// doesn't exist, because the permission is checked first.
///
/// Errors: the target can't be reached.
pub async fn refuses_markers(cluster: &Cluster) -> Result<Option<Error>> {
    let connection = cluster.any_connection().await?;
    let nobodys = TopicName::new(format!("farshore-probe-{:016x}", fastrand::u64(..)));
    let nowhere = TopicPartition::new(nobodys, 0);
    let refused = try_marker((cluster, &connection), &nowhere).await?;
    Ok(refused.filter(|it| it.code() != Some(UNKNOWN_TOPIC_OR_PARTITION)))
}

/// Writes one marker without meaning; returns the broker's refusal, if it refuses.
///
/// Errors: the connection breaks or the response is overdue.
pub async fn try_marker(
    (cluster, connection): (&Cluster, &Connection),
    partition: &TopicPartition,
) -> Result<Option<Error>> {
    let marker = Markers {
        partition: partition.clone(),
        producer_id: NOBODY,
        epoch: 0,
        count: 1,
    };
    let codes = write_markers(connection, &[marker], &Ownership::permanent()).await?;
    let code = codes.get(partition).copied().flatten();
    Ok(code.map(|code| refused_markers((cluster, connection), code)))
}

/// Builds the error for a broker's refusal of control markers.
pub fn refused_markers((cluster, connection): (&Cluster, &Connection), code: BrokerCode) -> Error {
    const WHAT: &str = "write control markers";
    if code != CLUSTER_AUTHORIZATION_FAILED {
        return connection.refusal(WHAT, code, None);
    }
    if connection.alter_permits_markers() {
        let detail = "offsets are preserved with control markers, which need ALTER on the cluster";
        let refusal = connection.refusal(WHAT, code, Some(detail));
        return cluster.explained(refusal, Need::WriteMarkers, "");
    }
    let detail = "offsets are preserved with control markers, which need CLUSTER_ACTION on the cluster before Kafka 3.8";
    let resource = Resource::cluster();
    let command = cluster
        .grantee()
        .command([AclOperation::ClusterAction], [&resource]);
    let refusal = connection.refusal(WHAT, code, Some(detail));
    refusal.fixed_by(format!("grant ClusterAction on the cluster: {command}"))
}

fn request(orders: &[Markers]) -> WriteTxnMarkersRequest {
    let rounds = orders.iter().map(|order| order.count).max().unwrap_or(0);
    let markers = (0..rounds).flat_map(|round| {
        let mut by_writer: BTreeMap<(ProducerId, i16), Vec<&TopicPartition>> = BTreeMap::new();
        for order in orders.iter().filter(|order| order.count > round) {
            let writer = (order.producer_id, order.epoch);
            by_writer.entry(writer).or_default().push(&order.partition);
        }
        by_writer.into_iter().map(marker)
    });
    WriteTxnMarkersRequest::default().with_markers(markers.collect())
}

/// One marker for each of the partitions. It is a commit marker: its readers have no open transaction to discard.
fn marker(
    ((producer_id, epoch), partitions): ((ProducerId, i16), Vec<&TopicPartition>),
) -> WritableTxnMarker {
    let partitions = partitions.into_iter().map(|it| (it, it.partition.0));
    let topics = by_topic(partitions).into_iter().map(|(name, indexes)| {
        WritableTxnMarkerTopic::default()
            .with_name(name)
            .with_partition_indexes(indexes)
    });
    WritableTxnMarker::default()
        .with_producer_id(kafka::ProducerId(producer_id.0))
        .with_producer_epoch(epoch)
        .with_transaction_result(true)
        .with_topics(topics.collect())
}

fn codes(answer: WriteTxnMarkersResponse) -> BTreeMap<TopicPartition, Option<BrokerCode>> {
    let topics = answer.markers.into_iter().flat_map(|marker| marker.topics);
    let results = topics.flat_map(|topic| {
        topic.partitions.into_iter().map(move |one| {
            let partition = topic_partition(&topic.name, one.partition_index);
            (partition, code_of(one.error_code))
        })
    });
    results.collect()
}

#[cfg(test)]
mod tests;
