//! What is found out by reading one record, because nothing else says so: since when something has been missing where nobody
//! fetches it, and whose transaction holds records back.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::kafka::admin::CoordinatedTransaction;
use crate::model::{Moment, Monotonic, ProducerId};

use super::held::{FirstRecord, Held, OpenTransaction};
use super::partition::PartitionProgress;

/// A transaction that is open for longer than this is looked at. Ordinary ones are over by then.
const HELD_FOR: Duration = Duration::from_secs(5);
/// The interval of looks at the same record.
const AGAIN: Duration = Duration::from_secs(60);

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
            figures.held = Some(Held::new(first_offset, at));
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

#[cfg(test)]
mod tests;
