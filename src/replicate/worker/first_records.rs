//! Reads the first missing records, where nothing else says since when they have been missing, and those behind which
//! records are held, to find out whose transaction that is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::iter;

use crate::kafka::admin;
use crate::kafka::client::Cluster;
use crate::model::TopicPartition;
use crate::replicate::shared::held::{FirstRecord, TransactionLimit};

use super::event::{Event, FirstRecords, Read};
use super::state::Worker;

/// The most records read in one look, and at the same time: each comes with its whole batch.
const READS: usize = 64;
const READS_AT_ONCE: usize = 8;
/// Brokers return a whole batch even if that is larger.
const BYTES: i32 = 1;
/// The age at which the source's limit is read again.
const LIMIT_VALID_FOR: Duration = Duration::from_secs(10 * 60);

impl Worker {
    /// Reads a few of the records that are worth it, unless that is under way.
    pub(crate) fn ask_first_records(&mut self) {
        if self.first_reads.is_underway {
            return;
        }
        let reads = self.first_records_to_read();
        if reads.is_empty() {
            return;
        }
        self.first_reads.is_underway = true;
        let now = self.link.now().monotonic;
        let valid = self.first_reads.limit_at;
        let is_old = valid.is_none_or(|at| now.since(at) >= LIMIT_VALID_FOR);
        let asks_limit = is_old && reads.iter().any(|read| read.is_held);
        if asks_limit {
            self.first_reads.limit_at = Some(now);
        }
        let source = self.link.source.clone();
        self.events.push(Box::pin(async move {
            Event::FirstRecords(Box::new(read(&source, reads, asks_limit).await))
        }));
    }

    fn first_records_to_read(&self) -> Vec<Read> {
        let now = self.link.now();
        let mut reads = Vec::new();
        for (index, mirror) in self.mirrors.iter().enumerate() {
            if reads.len() == READS {
                return reads;
            }
            let mut known = mirror.tracked.lock();
            if let Some((offset, is_held)) = known.unread(now, mirror.life.lanes().is_some()) {
                known.note_reading(offset, now.monotonic);
                reads.push(Read {
                    ticket: Some((index, mirror.round)),
                    partition: mirror.route.source.clone(),
                    offset,
                    is_held,
                });
            }
        }
        let undated = self.link.view.unmirrored().undated().into_iter();
        let room = READS - reads.len();
        reads.extend(undated.take(room).map(|(partition, offset)| Read {
            ticket: None,
            partition,
            offset,
            is_held: false,
        }));
        reads
    }

    /// Applies what was found.
    pub(crate) fn first_records(&mut self, found: &FirstRecords) {
        self.first_reads.is_underway = false;
        let view = &self.link.view;
        if let Some(limit) = found.limit {
            view.set_transaction_limit(limit);
        }
        for (read, record) in &found.records {
            match (read.ticket, record) {
                (Some((index, round)), Some(record)) => {
                    let mirror = &self.mirrors[index];
                    if mirror.round == round {
                        let mut known = mirror.tracked.lock();
                        known.note_read(read.offset, *record, &found.transactions);
                    }
                }
                // It is read again later.
                (Some(_), None) => {}
                (None, record) => {
                    let timestamp = record.map_or(-1, |record| record.timestamp);
                    let (partition, offset) = (&read.partition, read.offset);
                    view.unmirrored().date(partition, offset, timestamp);
                }
            }
        }
    }
}

async fn read(source: &Cluster, reads: Vec<Read>, asks_limit: bool) -> FirstRecords {
    let records = iter(reads).map(|read| async move {
        let record = first_record(source, &read.partition, read.offset).await;
        (read, record)
    });
    let records: Vec<_> = records.buffer_unordered(READS_AT_ONCE).collect().await;
    let held = records.iter().filter(|(read, _)| read.is_held);
    let producers: BTreeSet<_> = held
        .filter_map(|(_, record)| record.as_ref()?.producer)
        .collect();
    let transactions = if producers.is_empty() {
        BTreeMap::new()
    } else {
        admin::open_transactions(source, &producers).await
    };
    let limit = if asks_limit {
        let configs = admin::broker_configs(source).await.unwrap_or_default();
        let setting = configs.get("transaction.max.timeout.ms");
        Some(TransactionLimit::of(
            setting.and_then(|it| it.value.as_deref()),
        ))
    } else {
        None
    };
    FirstRecords {
        records,
        transactions,
        limit,
    }
}

/// Reads the record at an offset, or the next one; `None` if that isn't possible.
async fn first_record(
    source: &Cluster,
    partition: &TopicPartition,
    offset: i64,
) -> Option<FirstRecord> {
    let read = admin::read_at(source, partition, offset, BYTES)
        .await
        .ok()?;
    let mut batches = read.batches.iter();
    let batch = batches.find(|batch| batch.next_offset() > offset)?;
    let header = batch.header();
    let is_open = header.attributes.is_transactional() && !header.attributes.is_control();
    Some(FirstRecord {
        timestamp: header.first_timestamp(),
        producer: is_open.then_some(header.producer_id),
    })
}

#[cfg(test)]
mod tests;
