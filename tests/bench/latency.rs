//! The latency of a record at a steady rate: from its acknowledgement by the source to a reader of the target, and to a
//! reader of the source itself, which is Kafka's own share on this machine without a mirror.
//!
//! Records are sent when they are due, whatever happened to earlier ones; the time that a source takes to acknowledge them
//! isn't counted. The readers' own fetches count, so every figure is an upper bound.

use std::fmt::{self, Write};
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
use crate::measure::{cpu, machine_cpu};
use crate::program;
use crate::support::farshore::Farshore;
use crate::support::topics;
use crate::support::wait::{blocking, eventually};

const TOPIC: &str = "latency";
const RECORD_BYTES: usize = 1024;
/// With the gigabyte heap of Kafka's own scripts the garbage collector pauses a broker for 20 ms every second, and that
/// would be measured. This heap has room for everything allocated in a minute.
const BROKER_JVM: &[&str] = &[
    "-Xms6g",
    "-Xmx6g",
    "-Xmn5g",
    "-XX:+AlwaysPreTouch",
    "-XX:+UseG1GC",
];
/// Warms up all processes: brokers compile hot code, which leaves no CPU for anything else meanwhile.
const WARM_UP: Duration = Duration::from_secs(60);
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

/// Measures at `rate` records per second and returns the percentiles.
pub(crate) async fn measure(rate: u32, tls: bool) -> String {
    let field = Field::start_with(BROKER_JVM, tls).await;
    let (source, target) = (field.source.bootstrap(), field.target.bootstrap());
    topics::create(&source, TOPIC, PARTITIONS, 1, &[]).await;
    let config = field.farshore("topics = [\"latency\"]\ngroups = []");
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
    let warm = usize::try_from(WARM_UP.as_secs()).expect("seconds") * rate as usize;
    let reader = |bootstrap: &str| {
        let bootstrap = bootstrap.to_owned();
        tokio::task::spawn_blocking(move || read(&bootstrap, total))
    };
    let readers = [reader(&source), reader(&target)];
    let used = || (cpu(farshore.process().pid()), machine_cpu());
    let (begun, before) = (Instant::now(), used());
    let acknowledged = blocking(move || write(&source, rate, total)).await;
    let (after, seconds) = (used(), begun.elapsed().as_secs_f64());
    let cores = after.0.saturating_sub(before.0).as_secs_f64() / seconds;
    let all_cores = after.1.saturating_sub(before.1).as_secs_f64() / seconds;
    let busy = all_cores / machine::cores();
    let mut text =
        "| records/s | read from | p50, ms | p99, ms | p99.9, ms | longest, ms |\n|--:|---|--:|--:|--:|--:|\n"
            .to_owned();
    for (name, reader) in ["the source itself", "the target"].into_iter().zip(readers) {
        let read = reader.await.expect("a reader");
        let times = Times::between(&acknowledged[warm..], &read[warm..]);
        let _ = writeln!(text, "| {rate} | {name} | {times} |");
    }
    format!(
        "{text}\nfarshore used {cores:.2} cores. {RECORD_BYTES} bytes each, {PARTITIONS} partitions, for {} s after {} s to warm up. Everything on this machine together kept {:.0} % of it busy.\n\
         JVM options of the brokers: `{}`.\n{}",
        MEASURED.as_secs(),
        WARM_UP.as_secs(),
        busy * 100.0,
        BROKER_JVM.join(" "),
        machine::conditions()
    )
}

/// Latencies, shortest first.
struct Times(Vec<Duration>);

impl Times {
    fn between(acknowledged: &[Option<Instant>], read: &[Instant]) -> Self {
        let pairs = acknowledged.iter().zip(read);
        let took =
            pairs.map(|(since, until)| until.saturating_duration_since(since.expect("all are")));
        let mut times: Vec<Duration> = took.collect();
        times.sort_unstable();
        Self(times)
    }

    fn at(&self, share: f64) -> f64 {
        self.0[share_of(self.0.len(), share)].as_secs_f64() * 1e3
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, p999, longest] = [0.5, 0.99, 0.999, 1.0].map(|share| self.at(share));
        write!(f, "{p50:.1} | {p99:.1} | {p999:.1} | {longest:.1}")
    }
}

/// The index of a percentile among `count` values.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "millions fit"
)]
fn share_of(count: usize, share: f64) -> usize {
    ((count - 1) as f64 * share) as usize
}

/// Sends each record when it is due, and returns when it was acknowledged.
fn write(source: &str, rate: u32, total: usize) -> Vec<Option<Instant>> {
    let acknowledged = Acknowledged::default();
    acknowledged.0.lock().resize(total, None);
    let producer: ThreadedProducer<Acknowledged> = ClientConfig::new()
        .set("bootstrap.servers", source)
        // The default of Kafka's own producer since 4.0.
        .set("linger.ms", "5")
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

/// Reads every record of a cluster, and returns when each arrived.
fn read(bootstrap: &str, total: usize) -> Vec<Instant> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
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
