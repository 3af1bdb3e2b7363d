//! Topics, created, grown, trimmed and deleted with librdkafka's own client.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier,
    TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::MetadataPartition;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::wait::{blocking, eventually};

const LIMIT: Duration = Duration::from_secs(30);

pub(crate) fn client<T: rdkafka::config::FromClientConfig>(bootstrap: &str) -> T {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("a client")
}

fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    client(bootstrap)
}

/// Creates a topic and waits until every partition has a leader. A replication factor of -1 means the cluster's default.
pub(crate) async fn create(
    bootstrap: &str,
    topic: &str,
    partitions: i32,
    replication: i32,
    configs: &[(&str, &str)],
) {
    let mut new = NewTopic::new(topic, partitions, TopicReplication::Fixed(replication));
    for (name, value) in configs {
        new = new.set(name, value);
    }
    create_new(bootstrap, &new).await;
    wait_led(bootstrap, topic, partitions).await;
}

/// Like [`create`], with the replicas of each partition.
pub(crate) async fn create_assigned(bootstrap: &str, topic: &str, replicas: &[&[i32]]) {
    let partitions = i32::try_from(replicas.len()).expect("a number of partitions");
    let assigned = TopicReplication::Variable(replicas);
    create_new(bootstrap, &NewTopic::new(topic, partitions, assigned)).await;
    wait_led(bootstrap, topic, partitions).await;
}

/// Creates topics of one partition with one request, and returns when the controller has answered.
pub(crate) async fn create_many(bootstrap: &str, names: &[String], configs: &[(&str, &str)]) {
    let mut topics = Vec::with_capacity(names.len());
    for name in names {
        let mut topic = NewTopic::new(name, 1, TopicReplication::Fixed(1));
        for (name, value) in configs {
            topic = topic.set(name, value);
        }
        topics.push(topic);
    }
    let options = AdminOptions::new().operation_timeout(Some(LIMIT));
    let created = admin(bootstrap).create_topics(&topics, &options).await;
    for result in created.expect("an answer to CreateTopics") {
        result.expect("the topic is created");
    }
}

/// Deletes topics with one request, as far as they exist, and returns when the controller has answered.
pub(crate) async fn delete_many(bootstrap: &str, names: &[&str]) {
    let deleted = admin(bootstrap)
        .delete_topics(names, &AdminOptions::new())
        .await;
    for result in deleted.expect("an answer to DeleteTopics") {
        if let Err((topic, code)) = result
            && code != RDKafkaErrorCode::UnknownTopicOrPartition
        {
            panic!("{topic} isn't deleted: {code}");
        }
    }
}

async fn create_new(bootstrap: &str, new: &NewTopic<'_>) {
    let admin = admin(bootstrap);
    // With `ZooKeeper` a deleted topic still blocks its name briefly after it is no longer listed.
    let what = format!("topic {} is created", new.name);
    eventually(LIMIT, &what, async || {
        let created = admin.create_topics([new], &AdminOptions::new()).await;
        let created = created.expect("an answer to CreateTopics").remove(0);
        created.map(drop).map_err(|(_, code)| code.to_string())
    })
    .await;
}

/// Extends a topic to `partitions` in total and waits until each has a leader.
pub(crate) async fn grow(bootstrap: &str, topic: &str, partitions: i32) {
    let count = usize::try_from(partitions).expect("a number of partitions");
    let results = admin(bootstrap)
        .create_partitions([&NewPartitions::new(topic, count)], &AdminOptions::new())
        .await
        .expect("an answer to CreatePartitions");
    for result in results {
        result.expect("the partitions are created");
    }
    wait_led(bootstrap, topic, partitions).await;
}

/// Replaces the configs of a topic.
pub(crate) async fn configure(bootstrap: &str, topic: &str, configs: &[(&str, &str)]) {
    let mut changed = AlterConfig::new(ResourceSpecifier::Topic(topic));
    for (name, value) in configs {
        changed = changed.set(name, value);
    }
    let results = admin(bootstrap)
        .alter_configs([&changed], &AdminOptions::new())
        .await
        .expect("an answer to AlterConfigs");
    for result in results {
        result.expect("the configs are changed");
    }
}

/// Deletes a topic and waits until the cluster no longer lists it.
pub(crate) async fn delete(bootstrap: &str, topic: &str) {
    let results = admin(bootstrap)
        .delete_topics(&[topic], &AdminOptions::new())
        .await
        .expect("an answer to DeleteTopics");
    for result in results {
        result.expect("the topic is deleted");
    }
    eventually(LIMIT, "the topic is gone", async || {
        match leaders(bootstrap, topic).await? {
            Some(_) => Err("it is listed".to_owned()),
            None => Ok(()),
        }
    })
    .await;
}

/// Deletes the records of a partition below an offset.
pub(crate) async fn delete_records(bootstrap: &str, topic: &str, partition: i32, before: i64) {
    let mut offsets = TopicPartitionList::new();
    offsets
        .add_partition_offset(topic, partition, Offset::Offset(before))
        .expect("an offset");
    admin(bootstrap)
        .delete_records(&offsets, &AdminOptions::new())
        .await
        .expect("the records are deleted");
}

/// The log start offset of a partition and its high watermark.
pub(crate) async fn watermarks(bootstrap: &str, topic: &str, partition: i32) -> (i64, i64) {
    try_watermarks(bootstrap, topic, partition)
        .await
        .expect("the watermarks")
}

/// Like [`watermarks`], for a partition that may be moving or new. The error describes the last state, for `eventually`.
pub(crate) async fn try_watermarks(
    bootstrap: &str,
    topic: &str,
    partition: i32,
) -> Result<(i64, i64), String> {
    let (consumer, topic): (BaseConsumer, _) = (client(bootstrap), topic.to_owned());
    let watermarks = blocking(move || consumer.fetch_watermarks(&topic, partition, LIMIT));
    watermarks.await.map_err(|error| error.to_string())
}

/// Counts the records of a topic by its watermarks, over one connection.
#[derive(Clone)]
pub(crate) struct Counter {
    consumer: Arc<BaseConsumer>,
    topic: String,
    partitions: i32,
}

impl Counter {
    /// For a topic that exists, or will exist.
    pub(crate) fn new(bootstrap: &str, topic: &str, partitions: i32) -> Self {
        let consumer = Arc::new(client(bootstrap));
        Self {
            consumer,
            topic: topic.to_owned(),
            partitions,
        }
    }

    /// The sum over all partitions. The error describes the last state, for `eventually`.
    pub(crate) async fn count(&self) -> Result<i64, String> {
        let this = self.clone();
        blocking(move || {
            let mut count = 0;
            for partition in 0..this.partitions {
                let limit = Duration::from_secs(5);
                let watermarks = this
                    .consumer
                    .fetch_watermarks(&this.topic, partition, limit);
                let (start, end) = watermarks.map_err(|error| error.to_string())?;
                count += end - start;
            }
            Ok(count)
        })
        .await
    }

    /// Waits until there are `wanted` records.
    pub(crate) async fn reaches(&self, wanted: i64, within: Duration) {
        eventually(
            within,
            &format!("{wanted} records of {}", self.topic),
            async || match self.count().await? {
                count if count >= wanted => Ok(()),
                count => Err(format!("{count} so far")),
            },
        )
        .await;
    }
}

/// For each partition, whether it has a leader; `None` if the topic doesn't exist.
async fn leaders(bootstrap: &str, topic: &str) -> Result<Option<Vec<bool>>, String> {
    let consumer: BaseConsumer = client(bootstrap);
    // All topics: asking for one by name would let librdkafka hold it as unknown for a while.
    let metadata = blocking(move || consumer.fetch_metadata(None, Duration::from_secs(5))).await;
    let metadata = metadata.map_err(|error| error.to_string())?;
    let found = metadata.topics().iter().find(|one| one.name() == topic);
    Ok(found.map(|one| one.partitions().iter().map(|p| p.leader() >= 0).collect()))
}

/// The names of all topics. The error describes what went wrong, for `eventually`.
pub(crate) async fn names(bootstrap: &str) -> Result<Vec<String>, String> {
    let consumer: BaseConsumer = client(bootstrap);
    let metadata = blocking(move || consumer.fetch_metadata(None, LIMIT)).await;
    let metadata = metadata.map_err(|error| error.to_string())?;
    Ok(metadata
        .topics()
        .iter()
        .map(|it| it.name().to_owned())
        .collect())
}

/// Waits until a partition has a leader and returns its broker id.
pub(crate) async fn leader(bootstrap: &str, topic: &str, partition: i32) -> i32 {
    let what = format!("somebody leads {topic}-{partition}");
    eventually(LIMIT, &what, async || {
        let (consumer, topic): (BaseConsumer, _) = (client(bootstrap), topic.to_owned());
        let metadata = blocking(move || consumer.fetch_metadata(Some(&topic), LIMIT)).await;
        let metadata = metadata.map_err(|error| error.to_string())?;
        let mut all = metadata.topics()[0].partitions().iter();
        let found = all.find(|one| one.id() == partition && one.leader() >= 0);
        found
            .map(MetadataPartition::leader)
            .ok_or_else(|| "nobody".to_owned())
    })
    .await
}

/// Waits until a topic has `partitions` partitions, each with a leader.
pub(crate) async fn wait_led(bootstrap: &str, topic: &str, partitions: i32) {
    let what = format!("all partitions of {topic} have a leader");
    let wanted = usize::try_from(partitions).expect("a number of partitions");
    eventually(LIMIT, &what, async || {
        match leaders(bootstrap, topic).await? {
            Some(led) if led.len() == wanted && led.iter().all(|led| *led) => Ok(()),
            seen => Err(format!("{seen:?}")),
        }
    })
    .await;
}
