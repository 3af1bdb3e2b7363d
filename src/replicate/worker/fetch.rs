//! The fetching side of the worker.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::{BrokerCode, Error, Result};
use crate::kafka::acl::Need;
use crate::kafka::{FetchedPartition, Source};
use crate::replicate::fetch::budget::{Brought, SentFetch};
use crate::replicate::fetch::queue::FetchQueue;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::partition::route::Lane;

use super::event::{Event, Ticket};
use super::state::Worker;
use super::take_in::take_in;

/// A part is small if it makes up less than one in this many bytes of an answer.
const SMALL_PART: usize = 4;

impl Worker {
    /// Sends a fetch on each idle connection whose partitions have room.
    pub(crate) fn fetch(&mut self) {
        let idle = self
            .intakes
            .iter()
            .filter(|(_, it)| it.waits_since.is_none());
        let mut lanes: Vec<(u64, Lane)> =
            idle.map(|(lane, it)| (it.habits.rotation, *lane)).collect();
        lanes.sort_unstable();
        for (_, lane) in lanes {
            self.fetch_lane(lane);
        }
    }

    fn fetch_lane(&mut self, lane: Lane) {
        let now = self.link.now();
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        if intake.members.is_empty() {
            return;
        }
        let Some(source) = intake.source.clone().filter(Source::is_alive) else {
            intake.waits_since = Some(now);
            intake.source = None;
            let link = Arc::clone(&self.link);
            self.events.push(Box::pin(async move {
                Event::IntakeUp(lane, link.open_source(lane).await)
            }));
            return;
        };
        let Some((limits, asked)) = self.order(lane, &source) else {
            return;
        };
        self.reserved += asked.bytes;
        if let Some(intake) = self.intakes.get_mut(&lane) {
            intake.waits_since = Some(now);
        }
        let pending = source.start_fetch(limits, self.link.settings.request_timeout);
        self.events.push(Box::pin(async move {
            Event::Fetched {
                lane,
                asked,
                answer: pending.await,
            }
        }));
    }

    pub(crate) fn intake_up(&mut self, lane: Lane, source: Result<Source>) {
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        intake.waits_since = None;
        match source {
            Ok(source) => {
                intake.source = Some(source);
                // A new connection has no fetch session yet.
                intake.fetch_queue = FetchQueue::default();
                intake.changed = intake.members.iter().copied().collect();
            }
            Err(error) => self.intake_lost(lane, &error),
        }
    }

    fn intake_lost(&mut self, lane: Lane, error: &Error) {
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        intake.source = None;
        for index in std::mem::take(&mut intake.members) {
            if self.mirrors[index].fetches_at(lane) {
                let error = error.shared("fetching stopped");
                self.trouble(index, Trouble::retry(&error), false);
            }
        }
    }

    pub(crate) fn fetched(
        &mut self,
        lane: Lane,
        asked: &SentFetch,
        answer: Result<Vec<(Ticket, FetchedPartition)>>,
    ) {
        self.reserved -= asked.bytes;
        let mut brought = Brought::default();
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        intake.waits_since = None;
        let partitions = match answer {
            Ok(partitions) => partitions,
            Err(error) => {
                self.pay(lane, asked, &brought);
                return self.intake_lost(lane, &error);
            }
        };
        let now = self.link.now();
        let quiet_until = intake.heard.replace(now);
        let changed = partitions.iter().map(|((index, _), _)| *index);
        intake.changed.extend(changed);
        let whole = partitions.iter().map(|(_, it)| it.records.len()).sum();
        for ((index, round), mut fetched) in partitions {
            let (bytes, end) = (fetched.records.len(), fetched.last_stable);
            let mirror = &mut self.mirrors[index];
            let before = mirror.fetch_next;
            if !mirror.fetch_buffer.is_empty() {
                fetched.records = apart(fetched.records, whole);
            }
            // What was asked for behind a batch that can't be mirrored is too late.
            if mirror.flows_in(round) && mirror.damages.proven().is_none() {
                mirror.note_told(quiet_until);
                match take_in(mirror, &fetched, now, &self.link.source_writers) {
                    Ok(missed) => {
                        if missed {
                            self.tell_missed(index);
                        }
                        self.touch(index);
                    }
                    Err(trouble) => {
                        let read = (Need::ReadRecords, &mirror.route.source.topic);
                        let code = fetched.error.unwrap_or(BrokerCode(0));
                        let trouble = self.link.explained(trouble, code, read);
                        self.trouble(index, trouble, false);
                    }
                }
            }
            let next = self.mirrors[index].fetch_next;
            let more = (end >= 0).then(|| end - next.get());
            let got = (bytes, next.since(before), more);
            self.serve(lane, index, &mut brought, got);
        }
        self.pay(lane, asked, &brought);
    }
}

/// Copies a small part of an answer that has to wait: as a slice it would keep the whole answer in memory, uncounted.
fn apart(records: Bytes, whole: usize) -> Bytes {
    if records.len() < whole / SMALL_PART {
        Bytes::copy_from_slice(&records)
    } else {
        records
    }
}

#[cfg(test)]
mod tests;
