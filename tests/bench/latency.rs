//! How long a record takes: from its acknowledgement by the source to a reader of the target, at a steady rate.
//!
//! Records are sent when they are due, whatever became of those before; a source that is slow to acknowledge them counts for nothing.
//! The reader's own fetch counts, so every figure is an upper bound.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};

use crate::case::{Field, PARTITIONS};
use crate::ends::LIMIT;
use crate::machine;
use crate::measure::cpu;
use crate::program;
use crate::support::farshore::{Farshore, paris_oslo};
use crate::support::topics;
use crate::support::wait::{blocking, eventually};

const TOPIC: &str = "latency";
const RECORD_BYTES: usize = 1024;
/// What comes first warms everybody up.
const WARM_UP: Duration = Duration::from_secs(10);
const MEASURED: Duration = Duration::from_secs(30);

/// When each record was acknowledged, by its number.
#[derive(Debug, Clone, Default)]
struct Acknowledged(Arc<Mutex<Vec<Option<Instant>>>>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = Box<usize>;

    fn delivery(&self, result: &DeliveryResult<'_>, number: Box<usize>) {
        assert!(result.is_ok(), "a record was not written");
        self.0.lock()[*number] = Some(Instant::now());
    }
}

/// Measures at so many records a second and tells the percentiles.
pub(crate) async fn measure(rate: u32) -> String {
    let field = Field::start().await;
    let (source, target) = (field.source.bootstrap(), field.target.bootstrap());
    topics::create(&source, TOPIC, PARTITIONS, 1, &[]).await;
    let config = paris_oslo(&source, &target, "topics = [\"latency\"]\ngroups = []");
    let mut farshore = Farshore::new(program::farshore(), &config);
    farshore.start().await;
    eventually(LIMIT, "the link is live", async || {
        let links = farshore.get_json("/v1/links").await?;
        let live = links[0]["partitions_by_state"]["live"].as_i64();
        let is_live = live == Some(i64::from(PARTITIONS));
        is_live.then_some(()).ok_or_else(|| links.to_string())
    })
    .await;
    let total = (WARM_UP + MEASURED).as_secs() * u64::from(rate);
    let total = usize::try_from(total).expect("a number of records");
    let reader = tokio::task::spawn_blocking(move || read(&target, total));
    let (begun, before) = (Instant::now(), cpu(farshore.process().pid()));
    let acknowledged = blocking(move || write(&source, rate, total)).await;
    let spent = cpu(farshore.process().pid()).saturating_sub(before);
    let cores = spent.as_secs_f64() / begun.elapsed().as_secs_f64();
    let read = reader.await.expect("the reader");
    let warm = usize::try_from(WARM_UP.as_secs()).expect("seconds") * rate as usize;
    let mut times: Vec<Duration> = acknowledged[warm..]
        .iter()
        .zip(&read[warm..])
        .map(|(acknowledged, read)| read.saturating_duration_since(acknowledged.expect("all are")))
        .collect();
    times.sort_unstable();
    let at = |share: f64| times[share_of(times.len(), share)].as_secs_f64() * 1e3;
    format!(
        "| records/s | p50, ms | p99, ms | p99.9, ms | longest, ms | farshore, cores |\n|--:|--:|--:|--:|--:|--:|\n\
         | {rate} | {:.1} | {:.1} | {:.1} | {:.1} | {cores:.2} |\n\n\
         {RECORD_BYTES} bytes each, {PARTITIONS} partitions, for {} s after {} s to warm up.\n{}",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0),
        MEASURED.as_secs(),
        WARM_UP.as_secs(),
        machine::conditions()
    )
}

/// The place of a percentile among so many.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "millions fit"
)]
fn share_of(count: usize, share: f64) -> usize {
    ((count - 1) as f64 * share) as usize
}

/// Sends each record when it is due, and tells when it was acknowledged.
fn write(source: &str, rate: u32, total: usize) -> Vec<Option<Instant>> {
    let acknowledged = Acknowledged::default();
    acknowledged.0.lock().resize(total, None);
    let producer: ThreadedProducer<Acknowledged> = ClientConfig::new()
        .set("bootstrap.servers", source)
        .set("linger.ms", "1")
        .create_with_context(acknowledged.clone())
        .expect("a producer");
    let begun = Instant::now();
    for number in 0..total {
        let due = Duration::from_micros(number as u64 * 1_000_000 / u64::from(rate));
        while let Some(early) = due.checked_sub(begun.elapsed()).filter(|it| !it.is_zero()) {
            std::thread::park_timeout(early.max(Duration::from_millis(1)));
        }
        let mut value = vec![b'x'; RECORD_BYTES];
        value[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let partition = i32::try_from(number).unwrap_or(0) % PARTITIONS;
        let record = BaseRecord::<[u8], [u8], Box<usize>>::with_opaque_to(TOPIC, Box::new(number))
            .partition(partition)
            .payload(&value);
        let sent = producer.send(record).map_err(|(error, _)| error);
        sent.expect("there is room for what isn't acknowledged");
    }
    producer.flush(LIMIT).expect("all are acknowledged");
    let times = acknowledged.0.lock();
    times.clone()
}

/// Reads every record of the target, and tells when.
fn read(target: &str, total: usize) -> Vec<Instant> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", target)
        .set("group.id", "bench")
        .set("enable.auto.commit", "false")
        .create()
        .expect("a consumer");
    let mut all = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        all.add_partition_offset(TOPIC, partition, Offset::Beginning)
            .expect("a partition");
    }
    consumer.assign(&all).expect("an assignment");
    let mut seen: Vec<Option<Instant>> = vec![None; total];
    for _ in 0..total {
        let record = consumer
            .poll(LIMIT)
            .expect("a record in time")
            .expect("a record");
        let value = record.payload().and_then(|value| value.first_chunk());
        let number = u64::from_be_bytes(*value.expect("a number"));
        let number = usize::try_from(number).expect("a small number");
        let former = seen[number].replace(Instant::now());
        assert!(former.is_none(), "record {number} came twice");
    }
    let seen: Option<Vec<Instant>> = seen.into_iter().collect();
    seen.expect("every record came")
}
