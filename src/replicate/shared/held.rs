//! What holds records back on the source, and when the first record that is missing was written: what is found out by reading
//! one record, because nothing else says so.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kafka::admin::CoordinatedTransaction;
use crate::model::{Moment, Monotonic, ProducerId};

use super::partition::PartitionProgress;

/// A transaction that is open for longer than this is looked at. Ordinary ones are over by then.
const HELD_FOR: Duration = Duration::from_secs(5);
/// The interval of looks at the same record.
const AGAIN: Duration = Duration::from_mins(1);
/// Kafka's default for `transaction.max.timeout.ms`.
const DEFAULT_LIMIT: Duration = Duration::from_mins(15);

/// The open transaction that holds back the records of a partition, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenTransaction {
    /// The source offset of its first record.
    pub first_offset: i64,
    /// When it was begun, in milliseconds since 1970: by its coordinator, or else by the timestamp of its first record, or at
    /// least since when it has been noticed.
    pub since_ms: i64,
    pub producer_id: Option<ProducerId>,
    /// Known only where the coordinator reports it.
    pub transactional_id: Option<String>,
}

/// How long the source's brokers let a transaction be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransactionLimit {
    pub limit: Duration,
    /// Whether a broker reported it; otherwise it is Kafka's default.
    pub is_reported: bool,
}

impl TransactionLimit {
    /// The limit that a broker's setting `transaction.max.timeout.ms` says, if it could be read.
    pub(crate) fn of(setting: Option<&str>) -> Self {
        let reported = setting.and_then(|text| text.parse().ok());
        Self {
            limit: reported.map_or(DEFAULT_LIMIT, Duration::from_millis),
            is_reported: reported.is_some(),
        }
    }
}

/// A transaction that holds records back.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    noticed: Moment,
    transaction: OpenTransaction,
}

/// A record that was read because it is the first one missing, or the first of an open transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstRecord {
    /// In milliseconds; negative without one.
    pub(crate) timestamp: i64,
    /// Its producer, if it is part of a transaction.
    pub(crate) producer: Option<ProducerId>,
}

impl PartitionProgress {
    /// Notes whether a transaction was open at `at`: it begins at the last stable offset.
    pub(super) fn note_held(&mut self, at: Moment) {
        let figures = &mut self.figures;
        let first_offset = figures.source_end;
        if first_offset < 0 || figures.source_high_watermark <= first_offset {
            figures.held = None;
            return;
        }
        let known = figures.held.as_ref();
        if known.is_none_or(|held| held.transaction.first_offset != first_offset) {
            figures.held = Some(Held {
                noticed: at,
                transaction: OpenTransaction {
                    first_offset,
                    since_ms: at.wall_ms,
                    producer_id: None,
                    transactional_id: None,
                },
            });
        }
    }

    /// Returns the transaction behind which records of this partition are held, if there are any.
    pub(crate) fn held_by(&self) -> Option<OpenTransaction> {
        let held = self.figures.held.as_ref();
        let held = held.filter(|_| self.missing().held > 0);
        held.map(|held| held.transaction.clone())
    }

    /// Returns the offset of a record that is worth reading now, and whether it belongs to an open transaction. Where records
    /// flow (`flows`), the first one missing arrives anyway.
    pub(crate) fn unread(&self, now: Moment, flows: bool) -> Option<(i64, bool)> {
        let figures = &self.figures;
        let undated = !flows && self.missing().records > 0 && figures.first_timestamp.is_none();
        let held = figures.held.as_ref().filter(|held| {
            let age = now.monotonic.since(held.noticed.monotonic);
            let is_known = held.transaction.transactional_id.is_some();
            !is_known && age >= HELD_FOR && self.missing().held > 0
        });
        let held = held.map(|held| held.transaction.first_offset);
        let offset = self.missing_from().filter(|_| undated).or(held)?;
        let was_read = figures.read_at.filter(|(read, _)| *read == offset);
        let is_due = was_read.is_none_or(|(_, at)| now.monotonic.since(at) >= AGAIN);
        is_due.then_some((offset, held == Some(offset)))
    }

    /// Notes that the record at this offset is being read.
    pub(crate) fn note_reading(&mut self, offset: i64, now: Monotonic) {
        self.figures.read_at = Some((offset, now));
    }

    /// Takes over a record that was read at `offset`, and what the coordinators know of the transactions.
    pub(crate) fn note_read(
        &mut self,
        offset: i64,
        first: FirstRecord,
        transactions: &BTreeMap<ProducerId, CoordinatedTransaction>,
    ) {
        let is_first = self.missing_from() == Some(offset);
        if is_first && self.figures.first_timestamp.is_none() {
            self.figures.first_timestamp = Some(first.timestamp);
        }
        let held = self.figures.held.as_mut();
        let held = held.filter(|held| held.transaction.first_offset == offset);
        if let (Some(held), Some(producer)) = (held, first.producer) {
            held.learn(producer, first.timestamp, transactions.get(&producer));
        }
    }
}

impl Held {
    fn learn(
        &mut self,
        producer: ProducerId,
        timestamp: i64,
        coordinated: Option<&CoordinatedTransaction>,
    ) {
        let noticed = self.noticed.wall_ms;
        // One begun later isn't the one whose records are here: that one hangs, and its coordinator has forgotten it.
        let possible = |at: &i64| (0..=noticed).contains(at);
        let begun = coordinated.and_then(|it| it.begun_ms).filter(possible);
        let since = begun.or(Some(timestamp).filter(possible));
        self.transaction = OpenTransaction {
            since_ms: since.unwrap_or(noticed),
            producer_id: Some(producer),
            transactional_id: coordinated.map(|it| it.transactional_id.clone()),
            ..self.transaction
        };
    }
}

#[cfg(test)]
mod tests;
