//! The fetching side of the worker.

use std::sync::Arc;

use bytes::Bytes;

use crate::error::{BrokerCode, Error, Result};
use crate::kafka::acl::Need;
use crate::kafka::{FetchedPartition, Source};
use crate::model::Moment;
use crate::replicate::fetch::budget::{Brought, SentFetch};
use crate::replicate::fetch::queue::FetchQueue;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::partition::route::Lane;

use super::event::{Event, Ticket};
use super::follower::{Taken, take_from_follower};
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
            if !self.mirrors[index].fetches_at(lane) {
                continue;
            }
            if self.mirrors[index].replica.is_follower() {
                self.doubt_follower(index, &error.to_string());
            } else {
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
            let is_wanted = mirror.fetches_in(round) && mirror.damages.proven().is_none();
            let doubt = is_wanted.then(|| self.take(index, &fetched, (now, quiet_until)));
            let next = self.mirrors[index].fetch_next;
            let more = (end >= 0).then(|| end - next.get());
            let got = (bytes, next.since(before), more);
            self.serve(lane, index, &mut brought, got);
            if let Some(doubt) = doubt.flatten() {
                self.doubt_follower(index, &doubt);
            } else if let Some(broker) = fetched.preferred.filter(|_| is_wanted) {
                self.follow(index, broker);
            }
        }
        self.pay(lane, asked, &brought);
    }

    /// Takes over a partition's part of an answer; `quiet_until` is when the one before arrived. Returns why its leader has to
    /// be asked instead of a follower, if it has to be.
    fn take(
        &mut self,
        index: usize,
        fetched: &FetchedPartition,
        (now, quiet_until): (Moment, Option<Moment>),
    ) -> Option<String> {
        let mirror = &mut self.mirrors[index];
        let writers = &self.link.source_writers;
        let taken = if mirror.replica.is_follower() {
            take_from_follower(mirror, fetched, now, writers)
        } else {
            mirror.note_told(quiet_until);
            let missed = take_in(mirror, fetched, now, writers);
            missed.map(|missed| Taken {
                missed,
                doubt: None,
            })
        };
        match taken {
            Ok(taken) => {
                if taken.missed {
                    self.tell_missed(index);
                }
                self.touch(index);
                taken.doubt
            }
            Err(trouble) => {
                let read = (Need::ReadRecords, &mirror.route.source.topic);
                let code = fetched.error.unwrap_or(BrokerCode(0));
                let trouble = self.link.explained(trouble, code, read);
                self.trouble(index, trouble, false);
                None
            }
        }
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
