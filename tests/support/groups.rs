//! Committed offsets of consumer groups, written and read with librdkafka.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use super::wait::blocking;

const LIMIT: Duration = Duration::from_secs(30);

/// A topic's name and a partition.
pub(crate) type TopicPartition = (String, i32);

fn member(bootstrap: &str, group: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer")
}

/// Commits offsets for a group without members.
pub(crate) async fn commit(bootstrap: &str, group: &str, offsets: &[(&str, i32, i64)]) {
    let consumer = member(bootstrap, group);
    let mut list = TopicPartitionList::new();
    for (topic, partition, offset) in offsets {
        list.add_partition_offset(topic, *partition, Offset::Offset(*offset))
            .expect("an offset");
    }
    let committed = blocking(move || consumer.commit(&list, CommitMode::Sync)).await;
    committed.expect("the offsets are committed");
}

/// The committed offsets of a group; a partition without one is left out.
pub(crate) async fn committed(
    bootstrap: &str,
    group: &str,
    partitions: &[(&str, i32)],
) -> BTreeMap<TopicPartition, i64> {
    let consumer = member(bootstrap, group);
    let mut list = TopicPartitionList::new();
    for (topic, partition) in partitions {
        list.add_partition(topic, *partition);
    }
    let offsets = blocking(move || consumer.committed_offsets(list, LIMIT)).await;
    let offsets = offsets.expect("the committed offsets");
    let one = |element: rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        let partition = (element.topic().to_owned(), element.partition());
        element
            .offset()
            .to_raw()
            .filter(|raw| *raw >= 0)
            .map(|raw| (partition, raw))
    };
    offsets.elements().into_iter().filter_map(one).collect()
}
