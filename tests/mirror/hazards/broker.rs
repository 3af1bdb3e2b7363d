//! Broker operations that the test bed's clients lack: assigned replicas, changed limits, a look at producer state.

use std::time::Duration;

use kafka_protocol::messages::DescribeProducersRequest;
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::protocol::StrBytes;
use rdkafka::ClientConfig;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::MetadataPartition;

use crate::setting::CATCH_UP;
use crate::support::ask::ask;
use crate::support::topics;
use crate::support::wait::{blocking, eventually};

const LIMIT: Duration = Duration::from_secs(10);

fn client<T: rdkafka::config::FromClientConfig>(bootstrap: &str) -> T {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("a client")
}

/// Creates a topic of one partition on these brokers, of which the first is the preferred leader.
pub(crate) async fn place(bootstrap: &str, topic: &str, on: &[i32], configs: &[(&str, &str)]) {
    let assignment = [on];
    let mut new = NewTopic::new(topic, 1, TopicReplication::Variable(&assignment));
    for (name, value) in configs {
        new = new.set(name, value);
    }
    let admin: AdminClient<DefaultClientContext> = client(bootstrap);
    let created = admin.create_topics([&new], &AdminOptions::new()).await;
    for result in created.expect("an answer to CreateTopics") {
        result.expect("the topic is created");
    }
    topics::wait_led(bootstrap, topic, 1).await;
}

/// Sets these configs of a topic, and the cluster's defaults for all others.
pub(crate) async fn configure(bootstrap: &str, topic: &str, configs: &[(&str, &str)]) {
    let mut change = AlterConfig::new(ResourceSpecifier::Topic(topic));
    for (name, value) in configs {
        change = change.set(name, value);
    }
    let admin: AdminClient<DefaultClientContext> = client(bootstrap);
    let changed = admin.alter_configs([&change], &AdminOptions::new()).await;
    for result in changed.expect("an answer to AlterConfigs") {
        result.expect("the configs are changed");
    }
}

/// Waits until a broker leads partition 0 of a topic, according to the brokers asked.
pub(crate) async fn leads(asked: &str, topic: &str, broker: i32) {
    let what = format!("broker {broker} leads {topic}");
    see(asked, topic, &what, |it| it.leader() == broker).await;
}

/// Waits until partition 0 of a topic has this many in-sync replicas.
pub(crate) async fn in_sync(asked: &str, topic: &str, replicas: usize) {
    let what = format!("{replicas} replicas of {topic} in sync");
    see(asked, topic, &what, |it| it.isr().len() == replicas).await;
}

async fn see(asked: &str, topic: &str, what: &str, wanted: impl Fn(&MetadataPartition) -> bool) {
    eventually(CATCH_UP, what, async || {
        let (consumer, name): (BaseConsumer, _) = (client(asked), topic.to_owned());
        let metadata = blocking(move || consumer.fetch_metadata(Some(&name), LIMIT)).await;
        let metadata = metadata.map_err(|error| error.to_string())?;
        let partition = metadata.topics()[0].partitions().first();
        let seen = partition.ok_or_else(|| "no partition".to_owned())?;
        if wanted(seen) {
            Ok(())
        } else {
            Err(format!(
                "broker {} leads, {:?} are in sync",
                seen.leader(),
                seen.isr()
            ))
        }
    })
    .await;
}

/// The number of producers that the broker at this address remembers for a partition it leads. The error describes the last
/// state, for `eventually`.
pub(crate) async fn producers(address: &str, topic: &str, partition: i32) -> Result<usize, String> {
    let name = StrBytes::from_string(topic.to_owned()).into();
    let topic = TopicRequest::default()
        .with_name(name)
        .with_partition_indexes(vec![partition]);
    let request = DescribeProducersRequest::default().with_topics(vec![topic]);
    let answer = ask(address, request, 0).await;
    let answer = answer.map_err(|error| error.to_string())?;
    let partition = &answer.topics[0].partitions[0];
    match partition.error_code {
        0 => Ok(partition.active_producers.len()),
        code => Err(format!("error code {code}")),
    }
}
