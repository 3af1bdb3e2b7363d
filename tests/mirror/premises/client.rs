//! farshore's own wire client as the sender, controlled batch by batch.

use std::time::Duration;

use farshore::error::Error;
use farshore::kafka::admin::{self, Markers, OffsetSpec, ProducerState};
use farshore::kafka::batch::{Builder, Codec, Record, Stamp, Stamped};
use farshore::kafka::client::{AddressMap, Cluster, ClusterSettings, Connection, Plain, Slot};
use farshore::kafka::{ProduceAnswer, ProducePart, start_produce};
use farshore::model::{BrokerId, ClusterName, LeaderEpoch, ProducerId, TopicPartition};
use farshore::task::Ownership;

use crate::setting::CATCH_UP;
use crate::support::wait::eventually;

/// The number of records in each batch.
pub(super) const BATCH: i32 = 10;
const REQUEST: Duration = Duration::from_secs(8);

/// A producer like that of a link: an id that no broker assigned.
pub(super) const LINK: ProducerId = ProducerId(0x4641_0000_0000_0001);

/// A client of a cluster.
#[derive(Debug, Clone)]
pub(super) struct Client(pub(super) Cluster);

/// The outcome of a request: where it landed, or the code of the refusal; unknown if the connection failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    Landed(i64),
    /// Answered as a duplicate of the batch at that offset.
    Repeated(i64),
    Refused(i16),
    Unknown,
}

impl Client {
    pub(super) fn of(bootstrap: &str) -> Self {
        let addresses = bootstrap
            .split(',')
            .map(|it| it.parse().expect("an address"));
        let settings = ClusterSettings {
            name: ClusterName::new("oslo"),
            bootstrap: addresses.collect(),
            address_map: AddressMap::default(),
            principal: None,
            client_id: "premises".to_owned(),
            login: None,
            tls: None,
            rack: None,
            connect_timeout: REQUEST,
            request_timeout: REQUEST,
            retry_limit: REQUEST * 2,
            metadata_max_age: Duration::from_secs(60),
        };
        Self(Cluster::new(settings, std::sync::Arc::new(Plain)))
    }

    /// A connection to a broker, shared by all callers with the same number.
    pub(super) async fn connection(&self, broker: i32, number: i32) -> Result<Connection, Error> {
        let number = u16::try_from(number).expect("a small number");
        let slot = Slot::Produce { writer: 0, number };
        self.0.connection(BrokerId(broker), slot).await
    }

    async fn to_leader(&self, of: &TopicPartition) -> Connection {
        let leader = self.0.leader(of).await.expect("a leader").broker;
        let connection = self.connection(leader.0, 0).await;
        connection.expect("a connection")
    }

    /// Starts a request on a connection; from now on its contents may land.
    pub(super) fn start(
        &self,
        connection: &Connection,
        to: &TopicPartition,
        batch: Stamped,
        limit: Duration,
    ) -> impl Future<Output = Outcome> + Send + 'static {
        let topic_id = self.0.metadata().topics.get(&to.topic).map(|it| it.id);
        let part = ProducePart {
            partition: to.clone(),
            topic_id: topic_id.expect("the topic is known"),
            batch,
        };
        let started = start_produce(connection, vec![part], limit, None);
        async move {
            match started {
                Ok(pending) => pending.await.map_or(Outcome::Unknown, |it| outcome(&it[0])),
                Err(_) => Outcome::Unknown,
            }
        }
    }

    /// Writes one batch to the current leader, and returns the first answer that isn't about leadership.
    pub(super) async fn write(&self, to: &TopicPartition, batch: Stamped) -> Outcome {
        const NOBODY_LEADS: [i16; 4] = [3, 5, 6, 19];
        eventually(CATCH_UP, "somebody leads", async || {
            let connection = self.to_leader(to).await;
            match self.start(&connection, to, batch.clone(), REQUEST).await {
                Outcome::Refused(code) if NOBODY_LEADS.contains(&code) => {
                    let seen = self.0.metadata().generation;
                    self.0.refresh(seen).await.map_err(|it| it.to_string())?;
                    Err(format!("code {code}"))
                }
                outcome => Ok(outcome),
            }
        })
        .await
    }

    /// Begins a partition with three batches in sequence.
    pub(super) async fn begin(&self, to: &TopicPartition, timestamp: Option<i64>) {
        for number in 0..3 {
            let sequence = number * BATCH;
            let batch =
                timestamp.map_or_else(|| batch(0, sequence), |at| batch_at(0, sequence, at));
            let landed = self.write(to, batch).await;
            assert_eq!(landed, Outcome::Landed(i64::from(sequence)));
        }
    }

    /// Writes control markers to the current leader, and returns the code if they were refused.
    pub(super) async fn mark(&self, to: &TopicPartition, epoch: i16, count: usize) -> Option<i16> {
        let markers = Markers {
            partition: to.clone(),
            producer_id: LINK,
            epoch,
            count,
        };
        let connection = self.to_leader(to).await;
        let codes = admin::write_markers(&connection, &[markers], &Ownership::permanent()).await;
        codes.expect("an answer")[to].map(|code| code.0)
    }

    /// The leader's state for the link's producer.
    pub(super) async fn remembered(&self, of: &TopicPartition) -> Option<ProducerState> {
        let found = admin::describe_producers(&self.0, of).await;
        let found = found.expect("the producers").expect("a broker that tells");
        found.into_iter().find(|it| it.producer_id == LINK)
    }

    /// The log end offset, including records not yet replicated.
    pub(super) async fn end(&self, of: &TopicPartition) -> i64 {
        let listed = self.listed(of, OffsetSpec::TrueEnd).await;
        listed.expect("the end of the log")
    }

    pub(super) async fn listed(&self, of: &TopicPartition, at: OffsetSpec) -> Result<i64, Error> {
        let listed = admin::list_offset(&self.0, of, LeaderEpoch::UNKNOWN, at).await;
        listed.map(|it| it.offset)
    }

    /// Refreshes the metadata until none of the partitions is led by this broker.
    pub(super) async fn led_by_other(&self, partitions: &[TopicPartition], than: i32) {
        eventually(CATCH_UP, "others lead", async || {
            let seen = self.0.metadata().generation;
            let metadata = self.0.refresh(seen).await.map_err(|it| it.to_string())?;
            for partition in partitions {
                let leader = metadata.leader(partition).map_err(|it| it.to_string())?;
                if leader.broker.0 == than {
                    return Err(format!("{than} still leads"));
                }
            }
            Ok(())
        })
        .await;
    }
}

fn outcome(answer: &ProduceAnswer) -> Outcome {
    match (answer.error, answer.append_time) {
        (Some(code), _) => Outcome::Refused(code.0),
        (None, None) => Outcome::Landed(answer.base_offset),
        (None, Some(_)) => Outcome::Repeated(answer.base_offset),
    }
}

/// A batch of the link whose records contain their sequence numbers, written now.
pub(super) fn batch(epoch: i16, sequence: i32) -> Stamped {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("a clock after 1970").as_millis();
    batch_at(epoch, sequence, i64::try_from(now).expect("milliseconds"))
}

/// Like [`batch`], with the given timestamp of its records.
pub(super) fn batch_at(epoch: i16, sequence: i32, timestamp: i64) -> Stamped {
    let mut builder = Builder::new(Codec::None);
    for number in sequence..sequence + BATCH {
        builder.push_record(&Record {
            offset: 0,
            timestamp,
            key: None,
            value: Some(number.to_string().into_bytes().into()),
            headers: Vec::new(),
        });
    }
    let stamp = Stamp {
        producer_id: LINK,
        producer_epoch: epoch,
        base_sequence: sequence,
    };
    builder.finish(stamp).expect("a batch")
}
