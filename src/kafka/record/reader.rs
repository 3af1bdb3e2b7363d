//! The reading half: answers fetches with what librdkafka has read.
//!
//! After each round of reading, the log itself is checked on the wire at the partitions' positions: whether topic,
//! leader and the records' epochs are still the same, what is stable, and whether a stretch that seems empty holds no
//! record. So everything that a fetch on the raw path would notice is noticed here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::batch::{BatchError, batches};
use crate::kafka::client::{Cluster, Connection};
use crate::kafka::data::requests::{
    FetchLimits, FetchOrder, FetchPartition, FetchedPartition, start_fetch,
};
use crate::model::{ProducerId, SourceOffset};
use crate::task::Owned;

use super::client::{blocking, drop_aside};
use super::epochs::Epochs;
use super::gathering::{Clear, clear};
use super::streams::Streams;
use super::token_supply::attended;

/// How much of a partition is fetched where its contents matter, in bytes.
const LOOK_BYTES: usize = 64 * 1024;
/// The limit for all partitions together, in bytes.
const LOOKS_BYTES: usize = 1 << 20;
/// How much is fetched where only the offsets matter, in bytes: brokers count at least one.
const NOTHING: usize = 1;

const OFFSET_OUT_OF_RANGE: BrokerCode = BrokerCode(1);
const FENCED_LEADER_EPOCH: BrokerCode = BrokerCode(74);
/// How long an idle consumer may take to ask for a token.
const IDLE_WAIT: Duration = Duration::from_secs(2);
/// The code for a record that librdkafka can't carry.
const INVALID_RECORD: BrokerCode = BrokerCode(87);

/// Reads partitions of one broker through librdkafka. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RecordReader(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: u64,
    cluster: Cluster,
    connection: Connection,
    streams: Arc<Mutex<Option<Streams>>>,
    /// Serves the consumer while nothing is fetched, if it needs that.
    _attendant: Option<Owned>,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl RecordReader {
    /// Opens a reader with its own consumer alongside `connection`; librdkafka requires a `group`, in which nothing is
    /// ever stored.
    pub async fn open(cluster: &Cluster, connection: Connection, group: String) -> Result<Self> {
        let settings = cluster.settings().clone();
        let streams = blocking(move || Streams::open(&settings, &group)).await?;
        let takes_tokens = streams.takes_tokens();
        let streams = Arc::new(Mutex::new(Some(streams)));
        let attendant = takes_tokens.then(|| attend(Arc::clone(&streams)));
        Ok(Self(Arc::new(Inner {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            cluster: cluster.clone(),
            connection,
            streams,
            _attendant: attendant,
        })))
    }

    /// A number that is unique among the readers of this process.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Whether it can still be used.
    pub fn is_alive(&self) -> bool {
        self.0.connection.is_alive()
    }

    /// Reads what is wanted; otherwise like [`start_fetch`], except that a record that can't be carried is answered
    /// with `INVALID_RECORD` when it is the next one. One call at a time.
    ///
    /// Cancellation: the next call hands over what was read.
    pub async fn fetch(
        self,
        order: FetchOrder,
        timeout: Duration,
    ) -> Result<Vec<(usize, FetchedPartition)>> {
        self.begin(&order, timeout).await?;
        let looks = self.gather(&order).await?;
        let fetched = start_fetch(&self.0.connection, &looks, timeout)?.await?;
        self.hand_over(&order, &looks, fetched, timeout)
    }

    /// Starts reading partitions that aren't yet read at the wanted offset and leader epoch.
    async fn begin(&self, order: &FetchOrder, timeout: Duration) -> Result<()> {
        let new: Vec<FetchPartition> = {
            let streams = self.0.streams.lock();
            let reads = |it: &&FetchPartition| streams.as_ref().is_some_and(|all| all.reads(it));
            let wanted = order.partitions.iter();
            wanted.filter(|it| !reads(it)).cloned().collect()
        };
        for wanted in new {
            let (offset, epoch) = (wanted.offset.get(), wanted.leader_epoch);
            let epochs = Epochs::read(&self.0.cluster, &wanted.partition, offset, epoch).await?;
            self.with_streams(move |streams| streams.begin(&wanted, epochs, timeout))
                .await?;
        }
        Ok(())
    }

    /// Lets librdkafka read, and returns where the logs should be checked.
    async fn gather(&self, order: &FetchOrder) -> Result<FetchOrder> {
        let order = order.clone();
        self.with_streams(move |streams| {
            let FetchLimits {
                max_wait,
                max_bytes,
            } = order.limits;
            streams.gather(&order.partitions, max_wait, max_bytes)?;
            let mut partitions = order.partitions;
            for wanted in &mut partitions {
                let Some(stream) = streams.stream(&wanted.partition) else {
                    continue;
                };
                let looks_at = stream.gathering.looks_at();
                if looks_at > wanted.offset.get() {
                    wanted.fetched_epoch = stream.gathering.epoch_before(looks_at);
                }
                wanted.offset = SourceOffset(looks_at);
                let matters = stream.gathering.needs_look();
                wanted.max_bytes = if matters { LOOK_BYTES } else { NOTHING };
            }
            Ok(FetchOrder {
                limits: FetchLimits {
                    max_wait: Duration::ZERO,
                    max_bytes: LOOKS_BYTES,
                },
                partitions,
            })
        })
        .await
    }

    /// Combines what was read with what the logs hold.
    fn hand_over(
        &self,
        order: &FetchOrder,
        looks: &FetchOrder,
        fetched: Vec<(usize, FetchedPartition)>,
        timeout: Duration,
    ) -> Result<Vec<(usize, FetchedPartition)>> {
        let mut streams = self.0.streams.lock();
        let streams = streams.as_mut().ok_or_else(ended)?;
        let mut handed = Vec::new();
        for (place, look) in fetched {
            let (Some(wanted), Some(at)) =
                (order.partitions.get(place), looks.partitions.get(place))
            else {
                continue;
            };
            let answer = streams.hand_over(wanted, at.offset.get(), &look, timeout)?;
            handed.extend(answer.map(|answer| (place, answer)));
        }
        Ok(handed)
    }

    async fn with_streams<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Streams) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let streams = Arc::clone(&self.0.streams);
        blocking(move || work(streams.lock().as_mut().ok_or_else(ended)?)).await
    }
}

fn attend(streams: Arc<Mutex<Option<Streams>>>) -> Owned {
    attended(move || {
        let mut streams = streams.try_lock();
        if let Some(streams) = streams.as_deref_mut().and_then(Option::as_mut) {
            // A failure is that of the next fetch.
            let _ = streams.serve_tokens(IDLE_WAIT);
        }
    })
}

fn ended() -> Error {
    Error::new(Kind::Stopping, "the record path ended")
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(streams) = self.streams.lock().take() {
            drop_aside(streams);
        }
    }
}

impl Streams {
    /// Returns one partition's part of the answer, given a check of its log at the offset `at`.
    fn hand_over(
        &mut self,
        wanted: &FetchPartition,
        at: i64,
        look: &FetchedPartition,
        timeout: Duration,
    ) -> Result<Option<FetchedPartition>> {
        if let Some(trouble) = trouble(wanted, at, look) {
            self.end(&wanted.partition)?;
            return Ok(Some(trouble));
        }
        let complaint = self.complaint.clone();
        let Some(stream) = self.stream(&wanted.partition) else {
            return Ok(None);
        };
        let corrupt = |error: BatchError| {
            let message = "what the record path read can't be compared with the log";
            let error = Error::new(Kind::Protocol, message).caused_by(error);
            error.partition(&wanted.partition).offset(at)
        };
        let matters = stream.gathering.needs_look() && look.error.is_none();
        let seen = if matters {
            let records = look.records.clone();
            Some(clear(at, records, &look.aborted).map_err(corrupt)?)
        } else {
            None
        };
        let Some(records) = stream.gathering.hand_over(seen).map_err(corrupt)? else {
            self.end(&wanted.partition)?;
            return Ok(None);
        };
        let blocked = seen.is_some_and(|seen| {
            seen == Clear {
                until: at,
                record: true,
            }
        });
        if records.is_empty() && stream.unreadable && blocked {
            self.end(&wanted.partition)?;
            return Ok(Some(answer(Some(INVALID_RECORD), Bytes::new(), look)));
        }
        let missing = (records.is_empty() && blocked).then(Instant::now);
        stream.missing_since = missing.map(|now| stream.missing_since.unwrap_or(now));
        if stream
            .missing_since
            .is_some_and(|since| since.elapsed() > timeout)
        {
            let message = "librdkafka doesn't give a record that is there";
            let error = Error::new(Kind::TimedOut, message);
            let error = error.partition(&wanted.partition).offset(at);
            return Err(match complaint {
                Some(complaint) => error.caused_by(complaint),
                None => error,
            });
        }
        let passed = look.error;
        Ok(Some(answer(
            passed.filter(|_| records.is_empty()),
            records,
            look,
        )))
    }
}

/// Returns the answer that replaces what was read if the check of the log at `at`, after what was read, rules out
/// handing it over.
fn trouble(wanted: &FetchPartition, at: i64, look: &FetchedPartition) -> Option<FetchedPartition> {
    let from = wanted.offset.get();
    if let Some(diverging) = look.diverging {
        // What was read is gone, but nothing that was handed over before.
        let unread = diverging.end >= from;
        let mut refused = answer(unread.then_some(FENCED_LEADER_EPOCH), Bytes::new(), look);
        refused.diverging = (!unread).then_some(diverging);
        return Some(refused);
    }
    let code = look.error?;
    // Retention has passed what was just read: it may still be handed over.
    let passed = code == OFFSET_OUT_OF_RANGE && look.log_start > at && at > from;
    (!passed).then(|| answer(Some(code), Bytes::new(), look))
}

/// The first batch of a farshore link in the log, as far as it was fetched.
fn marked(look: &FetchedPartition) -> Option<(i64, ProducerId)> {
    let headers = batches(look.records.clone()).map_while(Result::ok);
    let mut headers = headers.map(|batch| *batch.header());
    let marked = headers.find(|header| header.producer_id.is_farshore())?;
    Some((marked.base_offset, marked.producer_id))
}

fn answer(error: Option<BrokerCode>, records: Bytes, look: &FetchedPartition) -> FetchedPartition {
    FetchedPartition {
        error,
        high_watermark: look.high_watermark,
        last_stable: look.last_stable,
        log_start: look.log_start,
        aborted: Vec::new(),
        diverging: None,
        preferred: None,
        marked: marked(look),
        records,
    }
}
