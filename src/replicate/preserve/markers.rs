//! Writes control markers to the ends of mirror partitions, and reads the result.
//!
//! A broker's answer says little about several markers of one partition, and nothing about their offsets; so the log end is
//! read after each request, and nothing else is sent to the partition before that.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::admin::{self, Markers, OffsetSpec, ProducerStatus};
use crate::kafka::client::{Cluster, Connection, Slot};
use crate::model::{
    BrokerId, LeaderEpoch, ProducerId, TargetOffset, TopicId, TopicName, TopicPartition,
};
use crate::replicate::resync::target_log::producer_status;
use crate::task::Ownership;

/// How long the log end has to be stable before a single marker that may be in flight is given up (H22).
const PATIENCE: Duration = Duration::from_secs(1);

const CLUSTER_AUTHORIZATION_FAILED: BrokerCode = BrokerCode(31);

/// Markers to write at the end of one partition.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) partition: TopicPartition,
    pub(crate) topic_id: TopicId,
    pub(crate) producer_id: ProducerId,
    /// The producer epoch of the markers.
    pub(crate) epoch: i16,
    /// The number of markers.
    pub(crate) count: i64,
    /// The expected log end offset.
    pub(crate) end: TargetOffset,
    /// Whether the log end has to be stable first.
    pub(crate) patient: bool,
    /// Whether to read the leader's producer state afterwards.
    pub(crate) recovers: bool,
}

/// The state of the log after a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filled {
    /// The log end offset.
    pub(crate) end: TargetOffset,
    /// The leader's state for the producer id, if requested.
    pub(crate) producer_status: Option<ProducerStatus>,
}

/// Why markers aren't known to have been written.
#[derive(Debug)]
pub(crate) struct Unfilled {
    pub(crate) error: Error,
    /// Whether some may have been written, or may still be.
    pub(crate) uncertain: bool,
}

type Outcome = Result<Filled, Unfilled>;

/// Writes the markers of all `orders` at one broker with one request, and returns the outcomes in the same order.
pub(crate) async fn fill(
    cluster: &Cluster,
    broker: BrokerId,
    orders: Vec<Order>,
    right: &Ownership,
) -> Vec<Outcome> {
    let prepared = match prepare(cluster, broker, &orders, right).await {
        Ok(prepared) => prepared,
        Err(error) => return all(&orders, &error, false),
    };
    let markers: Vec<Markers> = orders
        .iter()
        .filter(|order| !prepared.refused.contains(&order.partition))
        .map(|order| Markers {
            partition: order.partition.clone(),
            producer_id: order.producer_id,
            epoch: order.epoch,
            count: usize::try_from(order.count).unwrap_or(0),
        })
        .collect();
    let codes = match admin::write_markers(&prepared.connection, &markers, right).await {
        Ok(codes) => codes,
        Err(error) => return all(&orders, &error, true),
    };
    let partitions: Vec<_> = markers
        .iter()
        .map(|it| (it.partition.clone(), prepared.epoch_of(&it.partition)))
        .collect();
    let (ends, producer_statuses) = tokio::join!(
        admin::list_offsets(cluster, &partitions, OffsetSpec::TrueEnd),
        join_all(
            orders
                .iter()
                .map(|order| producer_status_after(cluster, order))
        ),
    );
    let mut ends = match ends {
        Ok(ends) => ends,
        Err(error) => return all(&orders, &error, true),
    };
    let mut outcomes = Vec::with_capacity(orders.len());
    for (order, producer_status) in orders.iter().zip(producer_statuses) {
        let code = codes.get(&order.partition).copied();
        let end = ends.remove(&order.partition);
        outcomes.push(match (code, end) {
            (None, _) => Err(prepared.refusal(order)),
            (Some(Some(code)), _) => Err(refused((cluster, &prepared.connection), order, code)),
            (Some(None), Some(Ok(end))) => producer_status.map(|producer_status| Filled {
                end: TargetOffset(end.offset),
                producer_status,
            }),
            (Some(None), Some(Err(error))) => Err(unknown(error)),
            (Some(None), None) => Err(unknown(left_out(order))),
        });
    }
    outcomes
}

/// What has to be known before anything is written.
struct Prepared {
    connection: Connection,
    epochs: BTreeMap<TopicPartition, LeaderEpoch>,
    /// Partitions led by another broker, with a moving log end, or of another topic.
    refused: BTreeSet<TopicPartition>,
}

impl Prepared {
    fn epoch_of(&self, partition: &TopicPartition) -> LeaderEpoch {
        let known = self.epochs.get(partition).copied();
        known.unwrap_or(LeaderEpoch::UNKNOWN)
    }

    /// Returns the reason why an order got no answer.
    fn refusal(&self, order: &Order) -> Unfilled {
        if !self.refused.contains(&order.partition) {
            return unknown(left_out(order));
        }
        let message = "the mirror partition has another leader, its end moved, or it belongs to another topic now; nothing was written";
        Unfilled {
            error: Error::new(Kind::Disconnected, message).partition(&order.partition),
            uncertain: false,
        }
    }
}

/// Finds the partitions that must not be written. Requests by name could hit another topic of that name, so ids are compared
/// right before.
async fn prepare(
    cluster: &Cluster,
    broker: BrokerId,
    orders: &[Order],
    right: &Ownership,
) -> Result<Prepared> {
    let writer = right.number();
    let connection = cluster.connection(broker, Slot::Markers { writer }).await?;
    let mut refused = BTreeSet::new();
    let mut epochs = BTreeMap::new();
    for order in orders {
        let leader = cluster.leader(&order.partition).await?;
        epochs.insert(order.partition.clone(), leader.epoch);
        if leader.broker != broker {
            refused.insert(order.partition.clone());
        }
    }
    refused.extend(restless(cluster, orders, &epochs).await?);
    let names: BTreeSet<TopicName> = orders.iter().map(|it| it.partition.topic.clone()).collect();
    let names: Vec<TopicName> = names.into_iter().collect();
    let timeout = cluster.settings().request_timeout;
    let ids = admin::topic_ids(&connection, timeout, &names).await?;
    for order in orders {
        let found = ids.get(&order.partition.topic).copied();
        let found = found.unwrap_or(TopicId::NONE);
        if order.topic_id.is_known() && found.is_known() && found != order.topic_id {
            refused.insert(order.partition.clone());
        }
    }
    Ok(Prepared {
        connection,
        epochs,
        refused,
    })
}

/// Waits, and returns the partitions of patient orders whose log end isn't stable.
async fn restless(
    cluster: &Cluster,
    orders: &[Order],
    epochs: &BTreeMap<TopicPartition, LeaderEpoch>,
) -> Result<Vec<TopicPartition>> {
    let patient = orders.iter().filter(|order| order.patient);
    let ends: BTreeMap<TopicPartition, i64> = patient
        .map(|order| (order.partition.clone(), order.end.get()))
        .collect();
    if ends.is_empty() {
        return Ok(Vec::new());
    }
    sleep(PATIENCE).await;
    let asked: Vec<_> = ends
        .keys()
        .map(|it| {
            (
                it.clone(),
                epochs.get(it).copied().unwrap_or(LeaderEpoch::UNKNOWN),
            )
        })
        .collect();
    let listed = admin::list_offsets(cluster, &asked, OffsetSpec::TrueEnd).await?;
    let stands = |(partition, end): &(TopicPartition, i64)| {
        let now = listed.get(partition).and_then(|it| it.as_ref().ok());
        now.is_some_and(|now| now.offset == *end)
    };
    let moved = ends.into_iter().filter(|it| !stands(it));
    Ok(moved.map(|(partition, _)| partition).collect())
}

/// Returns the leader's producer state after the markers, if requested.
async fn producer_status_after(
    cluster: &Cluster,
    order: &Order,
) -> Result<Option<ProducerStatus>, Unfilled> {
    if !order.recovers {
        return Ok(None);
    }
    let asked = producer_status(cluster, &order.partition, order.producer_id).await;
    // The markers are written, but it isn't known what may follow them: a resync finds out.
    asked.map_err(|error| Unfilled {
        error,
        uncertain: false,
    })
}

fn refused(at: (&Cluster, &Connection), order: &Order, code: BrokerCode) -> Unfilled {
    Unfilled {
        error: admin::refused_markers(at, code).partition(&order.partition),
        uncertain: code != CLUSTER_AUTHORIZATION_FAILED,
    }
}

fn unknown(error: Error) -> Unfilled {
    Unfilled {
        error,
        uncertain: true,
    }
}

fn left_out(order: &Order) -> Error {
    let message = "the broker left the partition out of its answer about control markers";
    Error::new(Kind::Protocol, message).partition(&order.partition)
}

fn all(orders: &[Order], error: &Error, uncertain: bool) -> Vec<Outcome> {
    let effect = "control markers could not be written";
    let outcome = |_| {
        Err(Unfilled {
            error: error.shared(effect),
            uncertain,
        })
    };
    orders.iter().map(outcome).collect()
}
