//! Fetching from a follower near farshore, which the leader named, instead of from the leader (KIP-392).
//!
//! Promises: a follower decides nothing. What it serves is taken over as far as it follows what was fetched before without a
//! gap; whatever else it answers is asked of the leader. An answer to a fetch that was sent before a partition moved to
//! another connection is ignored.

use std::time::Duration;

use crate::error::{Error, Kind};
use crate::kafka::FetchedPartition;
use crate::kafka::batch::BatchError;
use crate::kafka::client::code_name;
use crate::model::{BrokerId, LeaderEpoch, Moment, Monotonic, SourceOffset};
use crate::replicate::fetch::sequence::{Doubts, Sequence};
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::partition::replica::{FollowerEnd, ReplicaEvent};
use crate::replicate::partition::route::Lane;
use crate::replicate::shared::source_ends::SourceEnds;
use crate::replicate::shared::source_writers::SourceWriters;

use super::state::Worker;
use super::take_in::{Stop, take_batches};

/// The silence of a connection after which the leaders are asked for what followers at its other end were asked for. A
/// broker waits half a second for records.
const SILENCE: Duration = Duration::from_secs(5);

/// What an answer of a follower brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Whether deletions may have been missed.
    pub(crate) missed: bool,
    /// Why the leader has to be asked now, if it has to be.
    pub(crate) doubt: Option<String>,
}

impl Worker {
    /// Adds a partition to a source connection.
    pub(super) fn join(&mut self, index: usize, lane: Lane) {
        let mirror = &mut self.mirrors[index];
        mirror.fetch_round = mirror.fetch_round.wrapping_add(1);
        let intake = self.intakes.entry(lane).or_default();
        intake.changed.push(index);
        if intake.members.insert(index) {
            mirror.demand.move_over();
        }
    }

    /// Removes a partition from a source connection.
    pub(super) fn part(&mut self, index: usize, lane: Lane) {
        if let Some(intake) = self.intakes.get_mut(&lane) {
            intake.members.remove(&index);
            intake.changed.push(index);
        }
    }

    /// Notes that a partition doesn't flow any more: the leader is asked first when it flows again.
    pub(super) fn stop_following(&mut self, index: usize) {
        self.choose(index, ReplicaEvent::Left, self.link.now().monotonic);
        let mirror = &mut self.mirrors[index];
        mirror.followed_until = SourceOffset::ZERO;
        mirror.tracked.lock().figures.read_from = None;
    }

    /// Fetches a partition from the follower that its leader named. Without an epoch a follower couldn't notice that the
    /// leader has changed.
    pub(super) fn follow(&mut self, index: usize, broker: BrokerId) {
        let mirror = &self.mirrors[index];
        let leader = mirror.life.lanes().map(|it| it.intake.broker);
        let is_leader = leader == Some(broker);
        let event = if is_leader || mirror.leader_epoch == LeaderEpoch::UNKNOWN {
            ReplicaEvent::Failed
        } else {
            ReplicaEvent::Named(self.link.intake_of(&mirror.route, broker))
        };
        self.reroute(index, event, self.link.now().monotonic);
    }

    /// Asks the leader for what a follower was asked for, if one was.
    pub(super) fn doubt_follower(&mut self, index: usize, why: &str) {
        let mirror = &self.mirrors[index];
        if let Some(broker) = mirror.replica.follower() {
            tracing::debug!(
                link = %self.link.name, partition = %mirror.route.source, %broker, why,
                "the leader is asked instead of a follower"
            );
            self.reroute(index, ReplicaEvent::Failed, self.link.now().monotonic);
        }
    }

    /// Asks leaders again after the time for which followers were asked, or for which they weren't; at once, if a follower's
    /// connection is silent, or if another broker is the leader now.
    pub(crate) fn review_followers(&mut self, now: Monotonic) {
        if self.link.source.settings().rack.is_none() {
            return;
        }
        let metadata = self.link.source.metadata();
        for index in 0..self.mirrors.len() {
            let mirror = &self.mirrors[index];
            let (Some(lane), Some(lanes)) = (mirror.intake(), mirror.life.lanes()) else {
                continue;
            };
            let waits_since = self.intakes.get(&lane).and_then(|it| it.waits_since);
            let is_silent = waits_since.is_some_and(|since| now.since(since.monotonic) >= SILENCE);
            let leader = metadata.leader(&mirror.route.source);
            let is_led_otherwise = leader.is_ok_and(|leader| {
                leader.broker != lanes.intake.broker || leader.epoch > mirror.leader_epoch
            });
            if is_silent {
                self.doubt_follower(index, "it doesn't answer");
            } else if is_led_otherwise {
                self.doubt_follower(index, "the leader has changed");
            }
            self.reroute(index, ReplicaEvent::Passed, now);
        }
    }

    /// Takes over what the leader said of the ends of a partition that is fetched from a follower.
    pub(super) fn hear_leader(&mut self, index: usize, ends: SourceEnds, asked_at: Moment) {
        let mirror = &mut self.mirrors[index];
        let intake = mirror.intake().and_then(|lane| self.intakes.get(&lane));
        let asked = intake.filter(|it| it.fetch_queue.is_asked(index));
        let heard = asked.and_then(|it| it.heard).map(|it| it.monotonic);
        let leader = (ends.stable, asked_at.monotonic);
        let next = mirror.fetch_next.get();
        let lags = mirror.follower_end.lags(leader, next, heard);
        let mut known = mirror.tracked.lock();
        known.hear_leader(ends, asked_at);
        let is_whole = ends.stable >= 0 && ends.stable <= known.record.frontier.get();
        if is_whole {
            known.note_look(true, asked_at.wall_ms);
        }
        drop(known);
        if lags {
            self.doubt_follower(index, "it is behind");
        }
    }

    /// Handles a fetched batch that is next and can't be composed from: nothing after it is fetched. That is believed of the
    /// leader only.
    pub(super) fn give_up_batch(&mut self, index: usize, error: BatchError) -> Result<(), Trouble> {
        let mirror = &mut self.mirrors[index];
        let partition = mirror.route.source.clone();
        let retry = |message: &str, error: BatchError| {
            let error = Error::new(Kind::Protocol, message).caused_by(error);
            Trouble::retry(&error.partition(&partition))
        };
        let next = mirror.fetch_buffer.front().map(|it| it.from);
        if next.is_some_and(|from| from < mirror.followed_until) {
            let message =
                "a follower of the source served a batch that can't be decoded; asking the leader";
            let trouble = retry(message, error);
            self.reroute(index, ReplicaEvent::Failed, self.link.now().monotonic);
            return Err(trouble);
        }
        if let Err(error) = mirror.give_up_fetched(error) {
            return Err(retry("a source batch cannot be re-encoded", error));
        }
        if let Some(intake) = mirror.intake().and_then(|it| self.intakes.get_mut(&it)) {
            intake.changed.push(index);
        }
        Ok(())
    }

    fn choose(&mut self, index: usize, event: ReplicaEvent, now: Monotonic) {
        let lease = self.link.source.settings().metadata_max_age;
        let mirror = &mut self.mirrors[index];
        mirror.replica = mirror.replica.step(event, now, lease);
    }

    /// Moves a partition to the connection on which it is fetched after an event.
    fn reroute(&mut self, index: usize, event: ReplicaEvent, now: Monotonic) {
        let Some(from) = self.mirrors[index].intake() else {
            return;
        };
        self.choose(index, event, now);
        let mirror = &mut self.mirrors[index];
        let Some(to) = mirror.intake().filter(|to| *to != from) else {
            return;
        };
        // What one broker showed of gaps is no second answer for another.
        mirror.doubts = Doubts::default();
        mirror.follower_end = FollowerEnd::default();
        mirror.tracked.lock().figures.read_from = mirror.replica.follower();
        self.part(index, from);
        self.join(index, to);
        self.recount(index);
    }
}

/// Appends a follower's part of a fetch answer to the buffer, up to anything that the leader has to be asked for.
pub(crate) fn take_from_follower(
    mirror: &mut Mirror,
    fetched: &FetchedPartition,
    now: Moment,
    writers: &SourceWriters,
) -> Result<Taken, Trouble> {
    let refused = fetched
        .error
        .map(|code| format!("it answers {}", code_name(code)));
    let diverging = fetched.diverging.map(|_| "its log diverges".to_owned());
    if let Some(doubt) = refused.or(diverging) {
        return Ok(Taken {
            missed: false,
            doubt: Some(doubt),
        });
    }
    let (asked, was_empty) = (mirror.fetch_next, mirror.bytes() == 0);
    // In a compacted topic, too, only the leader is believed that something is missing.
    let sequence = Sequence::new(asked.get(), fetched.high_watermark, false);
    let batches = take_batches(mirror, fetched, Some(sequence), (now, writers));
    let doubt = match batches.stop {
        Some(Stop::Trouble(trouble)) => return Err(trouble),
        Some(Stop::Misplaced(misplaced, _)) => Some(misplaced.to_string()),
        Some(Stop::Damaged(error)) => Some(error.to_string()),
        None => None,
    };
    if doubt.is_none() && mirror.fetch_next > asked {
        mirror.damages.settle();
    }
    mirror.followed_until = mirror.fetch_next;
    mirror.follower_end.note(fetched.last_stable);
    let mut known = mirror.tracked.lock();
    known.raise(SourceEnds {
        log_start: fetched.log_start,
        stable: fetched.last_stable,
        high_watermark: fetched.high_watermark,
    });
    // If everything before was on the target, the first missing record is this one.
    let first = known.figures.first_timestamp.filter(|_| !was_empty);
    known.figures.first_timestamp = first.or(batches.oldest).or(known.figures.first_timestamp);
    known.judge_state();
    Ok(Taken {
        missed: batches.missed,
        doubt,
    })
}

#[cfg(test)]
mod tests;
