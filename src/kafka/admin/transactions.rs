//! Finding out about open transactions (KIP-664).

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use kafka_protocol::messages::{DescribeTransactionsRequest, ListTransactionsRequest};

use crate::error::Result;
use crate::kafka::client::error_codes::code_of;
use crate::kafka::client::{ApiKey, Cluster, Slot};
use crate::model::{BrokerId, ProducerId};

/// A transaction as its coordinator knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoordinatedTransaction {
    pub transactional_id: String,
    /// When it was begun, in milliseconds since the Unix epoch; `None` if it isn't open any more.
    pub begun_ms: Option<i64>,
}

/// Asks all brokers for the transactions of these producers; each knows those that it coordinates.
///
/// Leaves out those that no broker reports: brokers older than 3.0 report none, and others only those whose transactional id
/// may be described.
pub async fn open_transactions(
    cluster: &Cluster,
    producers: &BTreeSet<ProducerId>,
) -> BTreeMap<ProducerId, CoordinatedTransaction> {
    let brokers = cluster
        .metadata()
        .brokers
        .keys()
        .copied()
        .collect::<Vec<_>>();
    let answers = brokers
        .into_iter()
        .map(|broker| of_coordinator(cluster, broker, producers));
    let answers = join_all(answers).await.into_iter();
    answers.filter_map(Result::ok).flatten().collect()
}

async fn of_coordinator(
    cluster: &Cluster,
    broker: BrokerId,
    producers: &BTreeSet<ProducerId>,
) -> Result<BTreeMap<ProducerId, CoordinatedTransaction>> {
    let connection = cluster.connection(broker, Slot::Control).await?;
    let timeout = cluster.settings().request_timeout;
    let is_spoken = |key| connection.version_of(key).is_some();
    if !is_spoken(ApiKey::ListTransactions) || !is_spoken(ApiKey::DescribeTransactions) {
        return Ok(BTreeMap::new());
    }
    let request = ListTransactionsRequest::default()
        .with_producer_id_filters(producers.iter().map(|id| id.0.into()).collect());
    let listed = connection.call(request, timeout).await?;
    let ids = listed.transaction_states.into_iter();
    let ids: Vec<_> = ids.map(|state| state.transactional_id).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let request = DescribeTransactionsRequest::default().with_transactional_ids(ids);
    let described = connection.call(request, timeout).await?;
    let known = described.transaction_states.into_iter();
    let known = known.filter(|state| code_of(state.error_code).is_none());
    Ok(known
        .map(|state| {
            let begun = state.transaction_start_time_ms;
            let transaction = CoordinatedTransaction {
                transactional_id: state.transactional_id.to_string(),
                begun_ms: (begun >= 0).then_some(begun),
            };
            (ProducerId(state.producer_id.0), transaction)
        })
        .collect())
}
