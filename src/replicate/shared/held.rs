//! The open transactions that hold records back on the source, as far as they are known.

use std::time::Duration;

use crate::kafka::admin::CoordinatedTransaction;
use crate::model::{Moment, ProducerId};

/// Kafka's default for `transaction.max.timeout.ms`.
const DEFAULT_LIMIT: Duration = Duration::from_secs(15 * 60);

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
    pub(super) noticed: Moment,
    pub(super) transaction: OpenTransaction,
}

/// A record that was read because it is the first one missing, or the first of an open transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FirstRecord {
    /// In milliseconds; negative without one.
    pub(crate) timestamp: i64,
    /// Its producer, if it is part of a transaction.
    pub(crate) producer: Option<ProducerId>,
}

impl Held {
    /// A transaction of which only its first offset is known, and when it was noticed.
    pub(super) fn new(first_offset: i64, noticed: Moment) -> Self {
        Self {
            noticed,
            transaction: OpenTransaction {
                first_offset,
                since_ms: noticed.wall_ms,
                producer_id: None,
                transactional_id: None,
            },
        }
    }

    /// Takes over what its first record and its coordinator say.
    pub(super) fn learn(
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
