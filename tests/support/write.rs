//! Source data: records, and producers that write them in given batches and transactions.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientConfig, ClientContext, error::KafkaError};

use super::wait::blocking;

const LIMIT: Duration = Duration::from_secs(120);

/// One record to write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) partition: i32,
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) value: Option<Vec<u8>>,
    pub(crate) headers: Vec<(String, Option<Vec<u8>>)>,
    /// The timestamp in milliseconds since 1970; `None` for now.
    pub(crate) timestamp: Option<i64>,
}

impl Record {
    /// A record with a key and a value.
    pub(crate) fn new(partition: i32, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        Self {
            partition,
            key: Some(key.into()),
            value: Some(value.into()),
            ..Self::default()
        }
    }
}

/// Records of one partition that contain their number.
pub(crate) fn numbered(partition: i32, numbers: std::ops::Range<i64>) -> Vec<Record> {
    let record = |number| Record::new(partition, format!("key {number}"), format!("v{number}"));
    numbers.map(record).collect()
}

/// Records of all shapes: with and without key, value and headers, empty and not, with timestamps that also go back.
pub(crate) fn mixed(
    mut rng: fastrand::Rng,
    partitions: i32,
    count: usize,
) -> impl Iterator<Item = Record> + Send + 'static {
    const FIRST_TIMESTAMP: i64 = 1_700_000_000_000;
    (0..count).map(move |number| {
        let headers = (0..rng.u8(0..3))
            .map(|header| (format!("header{header}"), bytes(&mut rng, 20)))
            .collect();
        let elapsed = i64::try_from(number).expect("a small number") * 10;
        Record {
            partition: rng.i32(0..partitions),
            key: bytes(&mut rng, 30),
            value: bytes(&mut rng, 300),
            headers,
            timestamp: Some(FIRST_TIMESTAMP + elapsed - rng.i64(0..1000)),
        }
    })
}

fn bytes(rng: &mut fastrand::Rng, most: usize) -> Option<Vec<u8>> {
    let mut content = vec![0; rng.usize(0..most)];
    rng.fill(&mut content);
    (content.len() % 5 != 1).then_some(content)
}

/// The outcome of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Commit,
    Abort,
}

impl Outcome {
    /// A random outcome.
    pub(crate) fn any(rng: &mut fastrand::Rng) -> Self {
        if rng.bool() {
            Self::Commit
        } else {
            Self::Abort
        }
    }
}

/// An idempotent producer. The records of one [`Self::write`] for a partition make one batch, as far as `batch.size`
/// allows.
#[derive(Clone)]
pub(crate) struct Writer {
    producer: Arc<ThreadedProducer<FirstFailure>>,
    topic: String,
}

impl Writer {
    /// Connects with the given librdkafka settings, such as `compression.type`, `batch.size` or `transactional.id`.
    pub(crate) fn new(bootstrap: &str, topic: &str, settings: &[(&str, &str)]) -> Self {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", bootstrap)
            .set("enable.idempotence", "true")
            // Gives up a frozen broker in time to use another leader.
            .set("socket.timeout.ms", "10000")
            .set("request.timeout.ms", "10000")
            // Long enough to queue a batch, short enough not to slow the tests.
            .set("linger.ms", "100");
        for (name, value) in settings {
            config.set(*name, *value);
        }
        let producer = config.create_with_context(FirstFailure::default());
        Self {
            producer: Arc::new(producer.expect("a producer")),
            topic: topic.to_owned(),
        }
    }

    /// The same producer for another topic, for transactions across topics.
    pub(crate) fn on(&self, topic: &str) -> Self {
        Self {
            producer: Arc::clone(&self.producer),
            topic: topic.to_owned(),
        }
    }

    /// Writes records and waits until the broker has acknowledged all of them.
    pub(crate) async fn write<R>(&self, records: R)
    where
        R: IntoIterator<Item = Record> + Send + 'static,
    {
        let written = self.try_write(records).await;
        written.unwrap_or_else(|failure| panic!("a record was not written: {failure}"));
    }

    /// Like [`Self::write`], for brokers under faults that a producer needn't survive.
    pub(crate) async fn try_write<R>(&self, records: R) -> Result<(), KafkaError>
    where
        R: IntoIterator<Item = Record> + Send + 'static,
    {
        let this = self.clone();
        blocking(move || {
            for record in records {
                this.send(&record)?;
            }
            this.producer.flush(LIMIT)?;
            let failure = this.producer.context().0.lock().take();
            failure.map_or(Ok(()), Err)
        })
        .await
    }

    /// Like [`Self::transaction`], but returns the error.
    pub(crate) async fn try_transaction<R>(
        &self,
        records: R,
        outcome: Outcome,
    ) -> Result<(), KafkaError>
    where
        R: IntoIterator<Item = Record> + Send + 'static,
    {
        self.producer.begin_transaction()?;
        self.try_write(records).await?;
        self.try_end(outcome).await
    }

    /// Registers the transactional id. Must precede the first transaction.
    pub(crate) async fn init_transactions(&self) {
        let done = self.try_init_transactions().await;
        done.expect("the transactional id is registered");
    }

    /// Like [`Self::init_transactions`], but returns the error.
    pub(crate) async fn try_init_transactions(&self) -> Result<(), KafkaError> {
        let producer = Arc::clone(&self.producer);
        blocking(move || producer.init_transactions(LIMIT)).await
    }

    /// Opens a transaction.
    pub(crate) fn begin(&self) {
        let begun = self.producer.begin_transaction();
        begun.expect("a transaction begins");
    }

    /// Ends the open transaction.
    pub(crate) async fn end(&self, outcome: Outcome) {
        let ended = self.try_end(outcome).await;
        ended.expect("the transaction ends");
    }

    async fn try_end(&self, outcome: Outcome) -> Result<(), KafkaError> {
        let producer = Arc::clone(&self.producer);
        blocking(move || match outcome {
            Outcome::Commit => producer.commit_transaction(LIMIT),
            Outcome::Abort => producer.abort_transaction(LIMIT),
        })
        .await
    }

    /// Runs one transaction from begin to end.
    pub(crate) async fn transaction<R>(&self, records: R, outcome: Outcome)
    where
        R: IntoIterator<Item = Record> + Send + 'static,
    {
        self.begin();
        self.write(records).await;
        self.end(outcome).await;
    }

    fn send(&self, record: &Record) -> Result<(), KafkaError> {
        let mut headers = OwnedHeaders::new();
        for (key, value) in &record.headers {
            headers = headers.insert(Header {
                key,
                value: value.as_deref(),
            });
        }
        let mut next = BaseRecord::<[u8], [u8]>::to(&self.topic)
            .partition(record.partition)
            .headers(headers);
        next.key = record.key.as_deref();
        next.payload = record.value.as_deref();
        next.timestamp = record.timestamp;
        while let Err((error, refused)) = self.producer.send(next) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error);
            }
            // The producer's own thread drains the queue; a flush waits for it.
            let _ = self.producer.flush(Duration::from_millis(100));
            next = refused;
        }
        Ok(())
    }
}

/// Keeps the first failed delivery.
#[derive(Debug, Default)]
struct FirstFailure(Mutex<Option<KafkaError>>);

impl ClientContext for FirstFailure {}

impl ProducerContext for FirstFailure {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().get_or_insert_with(|| error.clone());
        }
    }
}
