//! The fetching side of the worker.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Kind, Result};
use crate::kafka::batch::batches;
use crate::kafka::{FetchChange, FetchLimits, FetchPartition, FetchedPartition, Source};
use crate::model::SourceOffset;

use super::event::{Event, Ticket};
use super::hold::Cargo;
use super::mirror::{Lane, Mirror};
use super::settle::Trouble;
use super::sieve::{Sieve, Verdict};
use super::worker::{Intake, Worker};

/// How long a source broker may wait for new records before it answers.
const LONG_WAIT: Duration = Duration::from_millis(500);
/// The same while partitions of the connection are left out because they are full.
const SHORT_WAIT: Duration = Duration::from_millis(5);
/// A fetch isn't worth sending for less room than this.
const LEAST_ROOM: usize = 64 * 1024;
/// A part of what a link may hold: with less than this, what keeps answers alive is remnants.
const PINNED: usize = 8;

impl Worker {
    /// Sends a fetch on each idle connection that has partitions with room.
    pub(crate) fn fetch(&mut self) {
        if self.stopping {
            return;
        }
        let lanes: Vec<Lane> = self
            .intakes
            .iter()
            .filter(|(_, it)| !it.busy)
            .map(|(lane, _)| *lane)
            .collect();
        if lanes.is_empty() {
            return;
        }
        let sources = self.intakes.values().filter_map(|it| it.source.as_ref());
        let kept = sources.map(Source::kept_bytes).sum();
        for lane in lanes {
            self.fetch_lane(lane, kept);
        }
    }

    fn fetch_lane(&mut self, lane: Lane, kept: usize) {
        let room = self.room(kept);
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        if intake.members.is_empty() {
            return;
        }
        let Some(source) = intake.source.clone().filter(Source::is_alive) else {
            intake.busy = true;
            intake.source = None;
            let link = Arc::clone(&self.link);
            self.events.push(Box::pin(async move {
                Event::IntakeUp(lane, link.open_source(lane).await)
            }));
            return;
        };
        if room < LEAST_ROOM {
            return;
        }
        let max_bytes = room.min(self.link.settings.fetch_max_bytes);
        tell(intake, lane, &source, &self.mirrors, &self.link.settings);
        if !source.wants() {
            return;
        }
        let max_wait = if intake.full.is_empty() {
            LONG_WAIT
        } else {
            SHORT_WAIT
        };
        intake.busy = true;
        self.reserved += max_bytes;
        let limits = FetchLimits {
            max_wait,
            max_bytes,
        };
        let pending = source.start_fetch(limits, self.link.settings.request_timeout);
        self.events.push(Box::pin(async move {
            Event::Fetched {
                lane,
                reserved: max_bytes,
                answer: pending.await,
            }
        }));
    }

    /// What the next fetch may bring, so that every connection has its share of what the link may hold, where answers of so many
    /// bytes are kept alive by what is left of them.
    fn room(&self, kept: usize) -> usize {
        let most = self.link.settings.max_in_flight_bytes;
        let taken = self.reserved + self.held.max(kept);
        let share = (most / self.intakes.len().max(1)).max(LEAST_ROOM);
        let room = most.saturating_sub(taken).min(share);
        if room < LEAST_ROOM && self.reserved + self.held < most / PINNED {
            // Little is left of large answers, perhaps of partitions that stand still: others go on in small steps.
            return LEAST_ROOM;
        }
        room
    }

    pub(crate) fn intake_up(&mut self, lane: Lane, source: Result<Source>) {
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        intake.busy = false;
        match source {
            Ok(source) => {
                intake.source = Some(source);
                intake.changed.clone_from(&intake.members);
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
                self.trouble(index, Trouble::Retry(error), false);
            }
        }
    }

    pub(crate) fn fetched(
        &mut self,
        lane: Lane,
        reserved: usize,
        answer: Result<Vec<(Ticket, FetchedPartition)>>,
    ) {
        self.reserved -= reserved;
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        intake.busy = false;
        let partitions = match answer {
            Ok(partitions) => partitions,
            Err(error) => return self.intake_lost(lane, &error),
        };
        let now = self.link.now_ms();
        let quiet_until = std::mem::replace(&mut intake.heard_at, now);
        let changed = partitions.iter().map(|((index, _), _)| *index);
        intake.changed.extend(changed);
        for ((index, round), fetched) in partitions {
            let mirror = &mut self.mirrors[index];
            if mirror.flows_in(round) {
                mirror.note_told(quiet_until);
                match take_in(mirror, fetched, now) {
                    Ok(missed) => {
                        if missed {
                            self.tell_missed(index);
                        }
                        self.touch(index);
                    }
                    Err(trouble) => self.trouble(index, trouble, false),
                }
            }
        }
    }
}

/// Tells a source what is wanted otherwise than at the last fetch: every flowing partition with room.
fn tell(
    intake: &mut Intake,
    lane: Lane,
    source: &Source,
    mirrors: &[Mirror],
    settings: &super::context::Settings,
) {
    let mut changed = std::mem::take(&mut intake.changed);
    changed.append(&mut intake.full);
    changed.sort_unstable();
    changed.dedup();
    for index in changed {
        let mirror = &mirrors[index];
        let flows = mirror.fetches_at(lane);
        let is_full = mirror.bytes() >= settings.partition_max_bytes;
        if flows && is_full {
            intake.full.push(index);
        }
        source.change(if flows && !is_full {
            let partition = FetchPartition {
                partition: mirror.route.source.clone(),
                topic_id: mirror.route.source_id,
                offset: mirror.fetch_next,
                max_bytes: settings.partition_max_bytes,
                leader_epoch: mirror.leader_epoch,
                fetched_epoch: mirror.fetched_epoch,
            };
            FetchChange::Want((index, mirror.round), partition)
        } else {
            FetchChange::Leave(index)
        });
    }
}

/// Takes one partition's part of a fetch response into its hold. Returns whether deletions may have been missed.
fn take_in(mirror: &mut Mirror, fetched: FetchedPartition, now: i64) -> Result<bool, Trouble> {
    if let Some(diverging) = fetched.diverging {
        // Whether it concerns what was mirrored, or only what was fetched, is for a settling to tell.
        let message = format!(
            "the source's log of leader epoch {} ends at {}, before what was fetched",
            diverging.epoch.0, diverging.end
        );
        let error = Error::new(Kind::Invalid, message).partition(&mirror.route.source);
        return Err(Trouble::Retry(error));
    }
    if let Some(code) = fetched.error {
        return Err(refused(mirror, code));
    }
    let mut sieve = Sieve::of(&fetched.aborted);
    let (mut oldest, mut missed) = (None, false);
    for batch in batches(fetched.records) {
        let corrupt = |error| {
            let message = "the source sent a batch that is corrupt; fetching it again";
            let error = Error::new(Kind::Protocol, message)
                .partition(&mirror.route.source)
                .offset(mirror.fetch_next.get())
                .caused_by(error);
            Trouble::Retry(error)
        };
        let batch = batch.map_err(corrupt)?;
        batch.check_crc().map_err(corrupt)?;
        let until = SourceOffset(batch.next_offset());
        if until <= mirror.fetch_next {
            continue;
        }
        missed |= mirror.note_cleaning(&batch, now);
        let verdict = sieve.judge(&batch, mirror.fetch_next).map_err(corrupt)?;
        let epoch = batch.header().leader_epoch;
        if epoch > mirror.fetched_epoch {
            mirror.tracked.lock().note_epoch(epoch, mirror.fetch_next);
            mirror.fetched_epoch = epoch;
        }
        match verdict {
            Verdict::Skip => mirror.hold.pass(until),
            Verdict::Forward | Verdict::Reencode => {
                oldest.get_or_insert(batch.header().base_timestamp);
                let from = mirror.fetch_next.max(SourceOffset(batch.base_offset()));
                let intact = verdict == Verdict::Forward;
                mirror.hold.load(Cargo {
                    batch,
                    from,
                    intact,
                });
            }
        }
        mirror.fetch_next = until;
    }
    let mut known = mirror.tracked.lock();
    let figures = &mut known.figures;
    figures.source_log_start = fetched.log_start;
    figures.source_end = fetched.last_stable;
    figures.source_high_watermark = fetched.high_watermark;
    figures.oldest_waiting = figures.oldest_waiting.or(oldest);
    known.judge_state();
    known.note_fetch(now);
    Ok(missed)
}

/// A settling tells what to make of it: a log start that moved on may have passed what was mirrored, or not.
fn refused(mirror: &Mirror, code: crate::error::BrokerCode) -> Trouble {
    let message = format!(
        "the source refused a fetch: {}",
        crate::kafka::wire::code_name(code)
    );
    Trouble::from(
        Error::new(Kind::Broker(code), message)
            .partition(&mirror.route.source)
            .offset(mirror.fetch_next.get()),
    )
}
