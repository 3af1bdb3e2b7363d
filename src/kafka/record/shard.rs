//! The writing half: one transactional producer, which writes for all partitions assigned to it.
//!
//! A transaction is committed only if each of its records landed exactly where predicted, so a foreign record appended
//! in between, or a late one, can't shift any. After any other outcome the producer is discarded. Its successor begins
//! with `InitProducerId` under the same transactional id, here or in another process: from then on the broker rejects
//! anything of the old producer that is still in flight, and its last transaction has ended. Only after that may the
//! end of a partition be read.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::types::RDKafkaErrorCode;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::batch::{BatchError, RecordRef};
use crate::kafka::client::Cluster;
use crate::kafka::data::requests::{ProduceAnswer, ProducePart};
use crate::task::{Owned, Ownership};

use super::client::{MESSAGE_BYTES, blocking, config, drop_aside, failed};
use super::deliveries::{Deliveries, Delivery, broker_code};
use super::token_supply::{TokenSupply, attended};

/// How long a failed transaction may take to be aborted cleanly; otherwise the successor ends it.
const ABORT_LIMIT: Duration = Duration::from_secs(2);
/// How long to wait at a time for room in librdkafka's queue.
const QUEUE_WAIT: Duration = Duration::from_millis(10);
/// How long an idle producer may take to ask for a token.
const IDLE_WAIT: Duration = Duration::from_secs(2);

/// The code for a record that librdkafka can't carry.
const INVALID_RECORD: BrokerCode = BrokerCode(87);
/// The code for the other parts of a transaction.
const TRANSACTION_ABORTABLE: BrokerCode = BrokerCode(120);

type TransactionalProducer = BaseProducer<Deliveries>;

/// A transactional producer under one id, created when it is needed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Shard(Arc<Inner>);

struct Inner {
    cluster: Cluster,
    id: String,
    timeout: Duration,
    producer: Arc<Mutex<Option<TransactionalProducer>>>,
    /// Serves the producer while nothing is written, if it needs that.
    attendant: OnceLock<Owned>,
}

impl Shard {
    /// Configures the producer for a transactional id on a cluster, without starting it. `timeout` is how long a broker
    /// may take to respond.
    pub fn new(cluster: &Cluster, transactional_id: String, timeout: Duration) -> Self {
        Self(Arc::new(Inner {
            cluster: cluster.clone(),
            id: transactional_id,
            timeout,
            producer: Arc::default(),
            attendant: OnceLock::new(),
        }))
    }

    /// Makes sure that nothing written under this id before can still land, and that new writes are possible.
    ///
    /// Errors: the broker refuses the transactional id, or can't be reached.
    pub async fn ready(&self) -> Result<()> {
        let this = self.clone();
        let takes_tokens = blocking(move || {
            let mut slot = this.0.producer.lock();
            if slot.is_none() {
                *slot = Some(this.0.begin()?);
            }
            let tokens = slot.as_ref().map(|producer| &producer.context().tokens);
            Ok(tokens.is_some_and(TokenSupply::is_needed))
        });
        if takes_tokens.await? {
            self.0.attendant.get_or_init(|| self.0.attend());
        }
        Ok(())
    }

    /// Writes batches in one transaction, each at the offset given by its base sequence, and commits it while `right`,
    /// if given, is held. Answers are in the order of the parts; if one is refused, none is written. After an error the
    /// outcome is unknown until [`Shard::ready`] has returned.
    ///
    /// Cancellation: they are still written.
    pub async fn produce(
        self,
        parts: Vec<ProducePart>,
        right: Option<Ownership>,
    ) -> Result<Vec<ProduceAnswer>> {
        blocking(move || {
            let mut slot = self.0.producer.lock();
            let Some(producer) = slot.take() else {
                let message = "the producer was discarded before this could be written";
                return Err(Error::new(Kind::Disconnected, message));
            };
            if let Some(answers) = uncarried(&parts)? {
                *slot = Some(producer);
                return Ok(answers);
            }
            let ended = transact(&producer, &parts, right.as_ref(), self.0.timeout);
            if let Ended::Committed(answers) = ended {
                *slot = Some(producer);
                return Ok(answers);
            }
            // Best effort: the successor ends it, too.
            if let Err(error) = producer.abort_transaction(ABORT_LIMIT) {
                tracing::debug!(id = self.0.id, %error, "a transaction is left for the next producer to end");
            }
            drop_aside(producer);
            match ended {
                Ended::Committed(answers) | Ended::Refused(answers) => Ok(answers),
                Ended::Open(error) => Err(error),
            }
        })
        .await
    }
}

impl Inner {
    fn begin(&self) -> Result<TransactionalProducer> {
        let milliseconds = self.timeout.as_millis().clamp(5_000, 600_000).to_string();
        let (mut config, tokens) = config(self.cluster.settings())?;
        let producer: TransactionalProducer = config
            .set("transactional.id", &self.id)
            .set("transaction.timeout.ms", &milliseconds)
            .set("message.timeout.ms", &milliseconds)
            .set("message.max.bytes", MESSAGE_BYTES.to_string())
            .set("queue.buffering.max.messages", "1000000")
            .set("batch.num.messages", "100000")
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .create_with_context(Deliveries::new(tokens))
            .map_err(|error| failed(Kind::Invalid, "librdkafka can't be set up", error))?;
        serve_tokens(&producer, self.timeout)?;
        producer.init_transactions(self.timeout).map_err(|error| {
            let what = format!(
                "transactions can't be begun under the transactional id {}",
                self.id
            );
            let kind = broker_code(&error).map_or(Kind::Disconnected, Kind::Broker);
            failed(kind, &what, error)
        })?;
        Ok(producer)
    }

    fn attend(&self) -> Owned {
        let producer = Arc::clone(&self.producer);
        attended(move || {
            if let Some(producer) = producer.try_lock().as_deref().and_then(Option::as_ref) {
                // A failure is that of the next transaction.
                let _ = serve_tokens(producer, IDLE_WAIT);
            }
        })
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// How a transaction ended.
enum Ended {
    Committed(Vec<ProduceAnswer>),
    /// A part was refused; nothing is committed.
    Refused(Vec<ProduceAnswer>),
    /// Whether it was committed is unknown.
    Open(Error),
}

fn transact(
    producer: &TransactionalProducer,
    parts: &[ProducePart],
    right: Option<&Ownership>,
    timeout: Duration,
) -> Ended {
    let written = write(producer, parts, right, timeout);
    let landed = producer.context().take();
    if let Some(refused) = refused(&landed) {
        return Ended::Refused(refused);
    }
    let committed = written.and_then(|()| {
        for (part, landed) in parts.iter().zip(&landed) {
            in_place(part, landed)?;
        }
        right.map_or(Ok(()), Ownership::check)?;
        producer.commit_transaction(timeout).map_err(|error| {
            failed(
                Kind::Disconnected,
                "a transaction isn't known to be committed",
                error,
            )
        })
    });
    match committed {
        Ok(()) => Ended::Committed(
            landed
                .iter()
                .map(|landed| answer(landed.first, None))
                .collect(),
        ),
        Err(error) => Ended::Open(error),
    }
}

/// Gives librdkafka the token for which it may be waiting.
fn serve_tokens(producer: &TransactionalProducer, timeout: Duration) -> Result<()> {
    let tokens = &producer.context().tokens;
    tokens.serve(timeout, |wait| {
        producer.poll(wait);
        Ok(())
    })
}

/// Hands all records to librdkafka and waits for the reports.
fn write(
    producer: &TransactionalProducer,
    parts: &[ProducePart],
    right: Option<&Ownership>,
    timeout: Duration,
) -> Result<()> {
    serve_tokens(producer, timeout)?;
    right.map_or(Ok(()), Ownership::check)?;
    producer.context().expect(parts.len());
    let failed = |error| failed(Kind::Disconnected, "a transaction failed", error);
    producer.begin_transaction().map_err(failed)?;
    for (place, part) in parts.iter().enumerate() {
        let records = part.batch.records().map_err(undecodable)?;
        for (number, record) in records.iter().enumerate() {
            let record = record.map_err(undecodable)?;
            send(producer, part, &record, Deliveries::label(place, number))?;
        }
        producer.poll(Duration::ZERO);
    }
    producer.flush(timeout).map_err(failed)
}

fn send(
    producer: &TransactionalProducer,
    part: &ProducePart,
    record: &RecordRef<'_>,
    label: usize,
) -> Result<()> {
    let mut headers: Option<OwnedHeaders> = None;
    let (key, value) = record
        .fields(|name, value| {
            // Checked before: it is valid UTF-8.
            let key = std::str::from_utf8(name).unwrap_or_default();
            let so_far = headers.take().unwrap_or_default();
            headers = Some(so_far.insert(Header { key, value }));
        })
        .map_err(undecodable)?;
    let mut next =
        BaseRecord::<[u8], [u8], usize>::with_opaque_to(part.partition.topic.as_str(), label)
            .partition(part.partition.partition.0)
            .timestamp(record.timestamp);
    (next.key, next.payload, next.headers) = (key, value, headers);
    while let Err((error, returned)) = producer.send(next) {
        if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
            let kind = broker_code(&error).map_or(Kind::Refused, Kind::Broker);
            return Err(failed(kind, "librdkafka doesn't accept a record", error));
        }
        producer.poll(QUEUE_WAIT);
        next = returned;
    }
    Ok(())
}

fn undecodable(error: BatchError) -> Error {
    Error::new(Kind::Protocol, "a batch to write can't be decoded").caused_by(error)
}

fn in_place(part: &ProducePart, landed: &Delivery) -> Result<()> {
    let records = usize::try_from(part.batch.record_count).unwrap_or(0);
    if landed.is_in_place(part.batch.fields().base_sequence, records) {
        return Ok(());
    }
    let message = format!(
        "the records of a transaction didn't land at their predicted offsets ({} of {records} in a row from target offset {} on): nothing of it is committed",
        landed.count,
        landed.first.unwrap_or(-1)
    );
    Err(Error::new(Kind::Protocol, message).partition(&part.partition))
}

/// Returns the answers if a broker refused a part.
fn refused(landed: &[Delivery]) -> Option<Vec<ProduceAnswer>> {
    let is_refused = |landed: &Delivery| matches!(landed.refused, Some((Some(_), _)));
    landed.iter().any(is_refused).then(|| {
        let each = landed.iter();
        each.map(|landed| match &landed.refused {
            Some((Some(code), text)) => answer(None, Some((*code, text.clone()))),
            _ => aborted(),
        })
        .collect()
    })
}

/// Returns the answers if a part holds a record that would not be written unchanged.
fn uncarried(parts: &[ProducePart]) -> Result<Option<Vec<ProduceAnswer>>> {
    let mut answers = Vec::with_capacity(parts.len());
    let mut any = false;
    for part in parts {
        let mut reason = None;
        for record in &part.batch.records().map_err(undecodable)? {
            let record = record.map_err(undecodable)?;
            reason = reason.or(obstacle(&record).map_err(undecodable)?);
        }
        any |= reason.is_some();
        answers.push(match reason {
            Some(reason) => answer(None, Some((INVALID_RECORD, reason.to_owned()))),
            None => aborted(),
        });
    }
    Ok(any.then_some(answers))
}

/// Returns the reason why librdkafka would alter a record, if it would.
fn obstacle(record: &RecordRef<'_>) -> Result<Option<&'static str>, BatchError> {
    let mut text = true;
    record.fields(|name, _| text &= std::str::from_utf8(name).is_ok())?;
    Ok(if record.timestamp == 0 {
        Some("librdkafka would write the current time instead of timestamp 0; use path = \"raw\"")
    } else if !text {
        Some("librdkafka can't carry a header whose name isn't UTF-8; use path = \"raw\"")
    } else {
        None
    })
}

fn aborted() -> ProduceAnswer {
    let message = "another part of the transaction was refused".to_owned();
    answer(None, Some((TRANSACTION_ABORTABLE, message)))
}

fn answer(base: Option<i64>, refused: Option<(BrokerCode, String)>) -> ProduceAnswer {
    let (error, message) = refused.unzip();
    ProduceAnswer {
        error,
        message,
        base_offset: base.unwrap_or(-1),
        append_time: None,
        log_start: -1,
    }
}

#[cfg(test)]
mod tests;
