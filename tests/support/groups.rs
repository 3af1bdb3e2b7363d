//! Consumer groups, driven and read with librdkafka: committed offsets, members, and what a group reads next.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use futures_util::{StreamExt, stream};
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::read::Seen;
use super::topics;
use super::wait::{blocking, eventually};

const LIMIT: Duration = Duration::from_secs(30);
/// The number of groups handled concurrently; each mostly waits for its coordinator.
const AT_ONCE: usize = 40;

/// A topic name and a partition number.
pub(crate) type TopicPartition = (String, i32);

fn member(bootstrap: &str, group: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "10")
        .create()
        .expect("a consumer")
}

/// Commits offsets for a group without members.
pub(crate) async fn commit(bootstrap: &str, group: &str, offsets: &[(&str, i32, i64)]) {
    let texts = vec![""; offsets.len()];
    commit_with_texts(bootstrap, group, offsets, &texts).await;
}

/// Commits offsets for a group without members, each with metadata.
pub(crate) async fn commit_with_texts(
    bootstrap: &str,
    group: &str,
    offsets: &[(&str, i32, i64)],
    texts: &[&str],
) {
    let consumer = member(bootstrap, group);
    let mut list = TopicPartitionList::new();
    for ((topic, partition, offset), text) in offsets.iter().zip(texts) {
        let mut one = list.add_partition(topic, *partition);
        one.set_offset(Offset::Offset(*offset)).expect("an offset");
        one.set_metadata(*text);
    }
    let consumer = Arc::new(consumer);
    eventually(LIMIT, "a coordinator takes the offsets", async || {
        let (consumer, list) = (Arc::clone(&consumer), list.clone());
        match blocking(move || consumer.commit(&list, CommitMode::Sync)).await {
            // A new coordinator has yet to load the group's state.
            Err(KafkaError::ConsumerCommit(
                code @ (RDKafkaErrorCode::CoordinatorLoadInProgress
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::NotCoordinator),
            )) => Err(code.to_string()),
            committed => {
                committed.expect("the offsets are committed");
                Ok(())
            }
        }
    })
    .await;
}

/// Deletes a group without members.
pub(crate) async fn delete(bootstrap: &str, group: &str) {
    let admin: AdminClient<DefaultClientContext> = topics::client(bootstrap);
    let deleted = admin.delete_groups(&[group], &AdminOptions::new()).await;
    let deleted = deleted.expect("an answer").into_iter().next();
    deleted.expect("a result").expect("the group is deleted");
}

/// Commits one offset for each of many groups.
pub(crate) async fn commit_each(bootstrap: &str, commits: &[(String, (&str, i32, i64))]) {
    stream::iter(commits)
        .for_each_concurrent(AT_ONCE, |(group, offset)| async {
            commit(bootstrap, group, std::slice::from_ref(offset)).await;
        })
        .await;
}

/// The committed offsets of a group; a partition without one is left out.
pub(crate) async fn committed(
    bootstrap: &str,
    group: &str,
    partitions: &[(&str, i32)],
) -> BTreeMap<TopicPartition, i64> {
    let found = committed_with_texts(bootstrap, group, partitions).await;
    let plain = found.into_iter().map(|(at, (offset, _))| (at, offset));
    plain.collect()
}

/// Like [`committed`], with the metadata of each offset.
pub(crate) async fn committed_with_texts(
    bootstrap: &str,
    group: &str,
    partitions: &[(&str, i32)],
) -> BTreeMap<TopicPartition, (i64, String)> {
    Commits::of(bootstrap, group).read(partitions).await
}

/// The committed offset of each of many groups in one partition.
pub(crate) async fn committed_each(
    bootstrap: &str,
    groups: &[String],
    partition: (&str, i32),
) -> BTreeMap<String, i64> {
    let read = |group: &String| {
        let group = group.clone();
        async move {
            let found = committed(bootstrap, &group, &[partition]).await;
            Some((group, *found.values().next()?))
        }
    };
    let reads = groups.iter().map(read).collect::<Vec<_>>();
    let found: Vec<_> = stream::iter(reads)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    found.into_iter().flatten().collect()
}

/// Reads a group's committed offsets repeatedly over the same connections.
#[derive(Clone)]
pub(crate) struct Commits(Arc<BaseConsumer>);

impl Commits {
    /// For a group that exists, or will exist.
    pub(crate) fn of(bootstrap: &str, group: &str) -> Self {
        Self(Arc::new(member(bootstrap, group)))
    }

    /// The offsets committed in these partitions, with their metadata; a partition without an offset is left out.
    pub(crate) async fn read(
        &self,
        partitions: &[(&str, i32)],
    ) -> BTreeMap<TopicPartition, (i64, String)> {
        let mut list = TopicPartitionList::new();
        for (topic, partition) in partitions {
            list.add_partition(topic, *partition);
        }
        let consumer = Arc::clone(&self.0);
        let offsets = blocking(move || {
            loop {
                // A coordinator that has just moved is looked up again.
                match consumer.committed_offsets(list.clone(), LIMIT) {
                    Err(KafkaError::MetadataFetch(RDKafkaErrorCode::NotCoordinator)) => {}
                    read => return read.expect("the committed offsets"),
                }
            }
        })
        .await;
        let one = |element: TopicPartitionListElem<'_>| {
            let partition = (element.topic().to_owned(), element.partition());
            let offset = element.offset().to_raw().filter(|raw| *raw >= 0)?;
            Some((partition, (offset, element.metadata().to_owned())))
        };
        offsets.elements().into_iter().filter_map(one).collect()
    }
}

/// A group member that reads and commits nothing. It leaves the group on drop.
pub(crate) struct Member {
    is_over: Arc<AtomicBool>,
    polling: Option<JoinHandle<()>>,
}

impl Member {
    /// Joins a group with a subscription to `topic` and waits until partitions are assigned.
    pub(crate) async fn join(bootstrap: &str, group: &str, topic: &str) -> Self {
        let consumer = Arc::new(member(bootstrap, group));
        consumer.subscribe(&[topic]).expect("a subscription");
        let is_over = Arc::new(AtomicBool::new(false));
        let (poller, end) = (Arc::clone(&consumer), Arc::clone(&is_over));
        let polling = std::thread::spawn(move || {
            while !end.load(Ordering::Relaxed) {
                drop(poller.poll(Duration::from_millis(50)));
            }
        });
        let member = Self {
            is_over,
            polling: Some(polling),
        };
        eventually(
            LIMIT,
            &format!("{group} has a member"),
            async || match consumer.assignment().map(|list| list.count()) {
                Ok(count) if count > 0 => Ok(()),
                other => Err(format!("{other:?}")),
            },
        )
        .await;
        member
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // A panic of the poller merely ends its membership.
        let _ = self.polling.take().map(JoinHandle::join);
    }
}

/// Resumes a group as its applications would: joins, continues at the committed offsets and reads each partition to its
/// end.
///
/// Panics where nothing is committed, or where the committed offset is out of range.
pub(crate) async fn resume(
    bootstrap: &str,
    group: &str,
    topic: &str,
    partitions: i32,
) -> BTreeMap<i32, Vec<Seen>> {
    let consumer = member(bootstrap, group);
    consumer.subscribe(&[topic]).expect("a subscription");
    let what = format!("{group} reads {topic} to its end");
    blocking(move || {
        let mut read: BTreeMap<i32, Vec<Seen>> = (0..partitions).map(|p| (p, vec![])).collect();
        let mut open: Vec<i32> = read.keys().copied().collect();
        let end = Instant::now() + LIMIT * 2;
        while !open.is_empty() {
            assert!(Instant::now() < end, "{what}: {open:?} are left");
            match consumer.poll(Duration::from_millis(200)) {
                None => {}
                Some(Err(KafkaError::PartitionEOF(ended))) => open.retain(|p| *p != ended),
                Some(Err(error)) => panic!("{what}: {error}"),
                Some(Ok(message)) => {
                    let partition = rdkafka::Message::partition(&message);
                    let records = read.entry(partition).or_default();
                    records.push(message.into());
                }
            }
        }
        read
    })
    .await
}
