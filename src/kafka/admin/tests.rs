//! Each request against scripted brokers: what is sent to which broker, and how each kind of response is handled.

mod acls;
mod groups;
mod offsets;
mod permissions;
mod records;
mod topics;
mod transactions;

use std::collections::BTreeMap;

use kafka_protocol::messages::metadata_response::MetadataResponseTopic;
use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse, MetadataRequest};

use crate::error::BrokerCode;
use crate::kafka::acl::Need;
use crate::kafka::client::testing::{Call, FakeNet, Reply, metadata};
use crate::kafka::client::{ApiKey, Cluster};
use crate::model::{LeaderEpoch, TopicPartition};
use crate::task::Ownership;

use super::*;

const BROKERS: [&str; 2] = ["a:1", "b:2"];

/// A cluster of two brokers with these topics. `answer` returns the reply of a broker (1 or 2) to anything but metadata
/// and coordinator requests; broker 2 coordinates every group.
fn cluster<F>(topics: &[MetadataResponseTopic], answer: F) -> (FakeNet, Cluster)
where
    F: Fn(i32, &Call) -> Reply + Clone + Send + Sync + 'static,
{
    let net = FakeNet::default();
    for (broker, address) in (1..).zip(BROKERS) {
        net.broker(address, answering(broker, topics.to_vec(), answer.clone()));
    }
    let cluster = net.cluster(&["a:1"]);
    (net, cluster)
}

/// The behavior of one broker of such a cluster.
fn answering<F>(
    broker: i32,
    topics: Vec<MetadataResponseTopic>,
    answer: F,
) -> impl Fn(&Call) -> Reply + Send + Sync + 'static
where
    F: Fn(i32, &Call) -> Reply + Send + Sync + 'static,
{
    move |call| match call.key {
        ApiKey::Metadata => {
            call.answer::<MetadataRequest>(&metadata("A", &BROKERS).with_topics(topics.clone()))
        }
        ApiKey::FindCoordinator => {
            let found = FindCoordinatorResponse::default().with_node_id(2.into());
            call.answer::<FindCoordinatorRequest>(&found)
        }
        _ => answer(broker, call),
    }
}

fn orders(partition: i32) -> TopicPartition {
    TopicPartition::new("orders", partition)
}

#[test]
fn what_they_return_may_run_in_a_task() {
    fn may_run<T: Send>(_: T) {}
    let (cluster, group, topic) = (FakeNet::default().cluster(&[]), "g".into(), "t".into());
    may_run(list_offset(
        &cluster,
        &orders(0),
        LeaderEpoch::UNKNOWN,
        OffsetSpec::TrueEnd,
    ));
    may_run(end_of_epoch(&cluster, &orders(0), LeaderEpoch::UNKNOWN));
    may_run(describe_producers(&cluster, &orders(0)));
    may_run(read_at(&cluster, &orders(0), 0, 1));
    may_run(create_partitions(
        &cluster,
        &topic,
        1,
        &Ownership::permanent(),
    ));
    may_run(topic_configs(&cluster, &[], &[]));
    may_run(broker_configs(&cluster));
    may_run(alter_topic_configs(
        &cluster,
        &topic,
        &BTreeMap::new(),
        &Ownership::permanent(),
    ));
    may_run(topic_operations(&cluster, &[]));
    may_run(refused_creations(&cluster, &[]));
    may_run(round_trip(&cluster));
    may_run(list_groups(&cluster));
    may_run(open_transactions(&cluster, &[].into()));
    may_run(describe_group(&cluster, &group));
    may_run(group_offsets(&cluster, &group, Need::ReadOffsets));
    let right = Ownership::permanent();
    may_run(commit_group_offsets(
        &cluster,
        &group,
        &BTreeMap::new(),
        &right,
    ));
}
