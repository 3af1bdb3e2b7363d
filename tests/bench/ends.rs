//! The log end offsets of a topic's partitions, read cheaply and often.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

use crate::support::wait::blocking;

/// How long a broker may take to answer.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// A topic whose ends are read; it needn't exist yet.
#[derive(Clone)]
pub(crate) struct Ends {
    bootstrap: String,
    topic: String,
    partitions: i32,
    lists: Arc<BaseConsumer>,
    /// Connects once the topic exists: a client that asked earlier would cache its absence.
    reader: Arc<Mutex<Option<BaseConsumer>>>,
}

impl Ends {
    /// Prepares to read the ends of a topic that may not exist yet.
    pub(crate) fn new(bootstrap: &str, topic: &str, partitions: i32) -> Self {
        Self {
            bootstrap: bootstrap.to_owned(),
            topic: topic.to_owned(),
            partitions,
            lists: Arc::new(client(bootstrap)),
            reader: Arc::default(),
        }
    }

    /// The end offset of each partition. The error describes the last state, for `eventually`.
    pub(crate) async fn read(&self) -> Result<Vec<i64>, String> {
        let this = self.clone();
        blocking(move || this.look()).await
    }

    fn look(&self) -> Result<Vec<i64>, String> {
        let mut reader = self.reader.lock();
        if reader.is_none() && !self.is_led()? {
            return Err("there is no such topic".to_owned());
        }
        let reader = reader.get_or_insert_with(|| client(&self.bootstrap));
        let mut asked = TopicPartitionList::new();
        for partition in 0..self.partitions {
            // The timestamp that requests the end.
            asked
                .add_partition_offset(&self.topic, partition, Offset::End)
                .map_err(|error| error.to_string())?;
        }
        let found = reader
            .offsets_for_times(asked, LIMIT)
            .map_err(|error| error.to_string())?;
        let ends = found.elements().into_iter().map(|one| {
            one.error().map_err(|error| error.to_string())?;
            one.offset()
                .to_raw()
                .filter(|end| *end >= 0)
                .ok_or_else(|| format!("{one:?}"))
        });
        ends.collect()
    }

    fn is_led(&self) -> Result<bool, String> {
        let metadata = self
            .lists
            .fetch_metadata(None, LIMIT)
            .map_err(|error| error.to_string())?;
        let topic = metadata
            .topics()
            .iter()
            .find(|one| one.name() == self.topic);
        let partitions = topic.map_or(&[][..], |topic| topic.partitions());
        let led = partitions
            .iter()
            .filter(|partition| partition.leader() >= 0)
            .count();
        Ok(i32::try_from(led) == Ok(self.partitions))
    }
}

fn client(bootstrap: &str) -> BaseConsumer {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("a client")
}
