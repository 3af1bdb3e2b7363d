//! Decides what a connection's next fetch requests: all live partitions and shares of others, within the current means.
//!
//! The means are the room left under the link's limit of bytes in flight, the observed capacity of the connection, and the
//! rate limit. Connections with partitions that are behind have equal parts of the room for those, and an eighth of all room
//! is reserved for live partitions.

use std::time::Duration;

use crate::kafka::{FetchChange, FetchLimits, FetchPartition, Source};
use crate::model::DataPath;
use crate::replicate::fetch::budget::{Brought, ByteBudget, Rank, SentFetch, Shares, divide};
use crate::replicate::fetch::queue::QueuePlace;
use crate::replicate::fetch::rate_limit::RateLimit;
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::route::Lane;

use super::event::Event;
use super::state::{Intake, Worker};

/// How long a source broker may wait for new records before it answers.
const LONG_WAIT: Duration = Duration::from_millis(500);
/// The same while partitions of the connection are left out because there is no room for them.
const SHORT_WAIT: Duration = Duration::from_millis(5);
/// The least room that makes a fetch worth sending, in bytes.
const LEAST_ROOM: usize = 64 * 1024;
/// One part in this many of the room is reserved for live partitions.
const RESERVE: usize = 8;

impl Worker {
    /// Passes a connection's next request to its source and returns its limits; `None` if it has nothing to request now.
    pub(crate) fn order(
        &mut self,
        lane: Lane,
        source: &Source,
    ) -> Option<(FetchLimits, SentFetch)> {
        self.sort(lane, source)?;
        let now = self.pacing.now();
        let intake = self.intakes.get(&lane)?;
        let fetch_queue = &intake.fetch_queue;
        let (live, behind, full) = (
            fetch_queue.has_live(),
            fetch_queue.behind(),
            !fetch_queue.full().is_empty(),
        );
        let sharing = self.sharing();
        let next = intake.habits.next.saturating_sub(now);
        let pauses = [
            self.pacing.wait(Rank::Live, now),
            self.pacing.wait(Rank::Behind, now).max(next),
        ];
        let means = self.means(intake, sharing.max(1), pauses);
        let favour = intake.habits.credit.is_out(means.partition * sharing);
        let shares = divide(live, behind, means, favour);
        let left_out = behind > shares.map_or(0, |it| it.behind);
        let rated = left_out && !pauses[1].is_zero();
        if rated || (live && !pauses[0].is_zero()) {
            let wait = if rated { pauses[1] } else { pauses[0] };
            self.link.view.rate().note(self.link.now().monotonic, wait);
        }
        let Some(shares) = shares else {
            let wait = if live { pauses[0] } else { pauses[1] };
            self.wake(now, wait);
            return None;
        };
        let max_wait = match (full || left_out, rated) {
            (false, _) => LONG_WAIT,
            (true, true) if !full => pauses[1].clamp(SHORT_WAIT, LONG_WAIT),
            (true, _) => SHORT_WAIT,
        };
        self.tell(lane, source, shares)?;
        let limits = FetchLimits {
            max_wait,
            max_bytes: shares.bytes,
        };
        Some((limits, self.note_asked(lane, shares, now)))
    }

    /// Returns how many connections have partitions that are behind.
    fn sharing(&self) -> usize {
        let all = self.intakes.values();
        all.filter(|it| it.fetch_queue.behind() > 0 && !it.members.is_empty())
            .count()
    }

    /// Updates the queue entries of changed and full partitions, and adds live ones to the fetch session.
    fn sort(&mut self, lane: Lane, source: &Source) -> Option<()> {
        let intake = self.intakes.get_mut(&lane)?;
        let mut changed = std::mem::take(&mut intake.changed);
        changed.extend(intake.fetch_queue.full());
        changed.sort_unstable();
        changed.dedup();
        let share = self.link.settings.partition_max_bytes;
        for index in changed {
            let mirror = &self.mirrors[index];
            let is_over = mirror.damages.proven().is_some();
            let stand = if !mirror.fetches_at(lane) || is_over {
                QueuePlace::Away
            } else if mirror.bytes() >= share {
                QueuePlace::Full
            } else {
                match mirror.demand.rank() {
                    Rank::Live => QueuePlace::Live,
                    Rank::Behind => QueuePlace::Behind {
                        served: mirror.demand.served(),
                    },
                }
            };
            intake.fetch_queue.put(index, stand);
            match stand {
                QueuePlace::Away | QueuePlace::Full => source.change(FetchChange::Leave(index)),
                QueuePlace::Live => source.change(want(index, mirror, share)),
                QueuePlace::Behind { .. } => {}
            }
        }
        Some(())
    }

    /// Adds the partitions behind that get a share to the fetch session, and removes the others.
    fn tell(&mut self, lane: Lane, source: &Source, shares: Shares) -> Option<()> {
        let choice = self
            .intakes
            .get_mut(&lane)?
            .fetch_queue
            .choose(shares.behind);
        for index in choice.left {
            source.change(FetchChange::Leave(index));
        }
        for index in choice.asked {
            source.change(want(index, &self.mirrors[index], shares.share));
        }
        Some(())
    }

    /// Returns how much an answer may bring now; `pauses` are the rate limit's waits for live partitions and for others.
    fn means(&self, intake: &Intake, sharing: usize, pauses: [Duration; 2]) -> ByteBudget {
        let settings = &self.link.settings;
        let limit = settings.max_in_flight_bytes;
        let lanes = self.intakes.values().filter(|it| !it.members.is_empty());
        let part = (limit / lanes.count().max(1)).max(LEAST_ROOM);
        let portion = self.pacing.rate_limit.as_ref().map(RateLimit::portion);
        let most = settings
            .fetch_max_bytes
            .min(part)
            .min(intake.habits.request_sizer.bytes())
            .min(portion.unwrap_or(usize::MAX));
        let all = self.held + self.reserved;
        let within = |room: usize, wait: Duration| {
            let enough = room >= LEAST_ROOM && wait.is_zero();
            if enough { most.min(room) } else { 0 }
        };
        let history = limit - limit / RESERVE;
        let own = (history / sharing).max(LEAST_ROOM);
        let left = own.saturating_sub(intake.held);
        ByteBudget {
            live: within(limit.saturating_sub(all), pauses[0]),
            behind: within(history.saturating_sub(all).min(left), pauses[1]),
            partition: settings.partition_max_bytes.min(most),
            taken: intake.habits.taken,
            // librdkafka discards what it read ahead of a partition that is left out.
            together: settings.path == DataPath::Record,
        }
    }

    fn note_asked(&mut self, lane: Lane, shares: Shares, now: Duration) -> SentFetch {
        let mut paid = 0;
        let behind = shares.behind > 0;
        if behind {
            // Live partitions pay for what they actually get, which is mostly nothing.
            if let Some(rate_limit) = &mut self.pacing.rate_limit {
                paid = shares.bytes;
                rate_limit.spend(paid, now);
            }
            self.pacing.rotation += 1;
            if let Some(intake) = self.intakes.get_mut(&lane) {
                intake.habits.rotation = self.pacing.rotation;
            }
        }
        SentFetch {
            bytes: shares.bytes,
            paid,
            behind,
            at: now,
        }
    }

    /// Wakes the loop after `wait`, unless it wakes earlier anyway.
    fn wake(&mut self, now: Duration, wait: Duration) {
        let at = now + wait;
        if wait.is_zero() || self.pacing.alarm.is_some_and(|alarm| alarm <= at) {
            return;
        }
        self.pacing.alarm = Some(at);
        let begun = self.pacing.begun;
        self.events.push(Box::pin(async move {
            tokio::time::sleep_until(begun + at).await;
            Event::Woken(at)
        }));
    }

    pub(crate) fn woken(&mut self, at: Duration) {
        self.pacing.alarm = self.pacing.alarm.filter(|alarm| *alarm != at);
    }

    /// Accounts for `bytes` of `offsets` fetched for a partition; `more` is how many offsets the source still has, if known.
    pub(crate) fn serve(
        &mut self,
        lane: Lane,
        index: usize,
        brought: &mut Brought,
        (bytes, offsets, more): (usize, i64, Option<i64>),
    ) {
        let demand = &mut self.mirrors[index].demand;
        if let Some(intake) = self.intakes.get(&lane) {
            intake
                .habits
                .clocks
                .serve(demand, brought, (bytes, offsets));
        }
        if let Some(more) = more {
            demand.judge(more, self.link.settings.partition_max_bytes);
        }
    }

    /// Settles the cost of an answered fetch.
    pub(crate) fn pay(&mut self, lane: Lane, asked: &SentFetch, brought: &Brought) {
        let now = self.pacing.now();
        let total = brought.total();
        let sharing = self.sharing();
        let mut next = Duration::ZERO;
        if let Some(rate_limit) = &mut self.pacing.rate_limit {
            rate_limit.give_back(asked.paid.saturating_sub(total));
            let more = total.saturating_sub(asked.paid);
            if more > 0 {
                rate_limit.spend(more, now);
            }
            let part = u32::try_from(sharing).unwrap_or(u32::MAX);
            next = asked.at
                + rate_limit
                    .time_of(brought.bytes(Rank::Behind))
                    .saturating_mul(part);
        }
        for intake in self
            .intakes
            .values_mut()
            .filter(|it| it.fetch_queue.behind() > 0)
        {
            intake.habits.credit.pass(brought.bytes(Rank::Live));
        }
        let Some(intake) = self.intakes.get_mut(&lane) else {
            return;
        };
        let habits = &mut intake.habits;
        habits.clocks.go_on(brought);
        habits.taken = brought.bytes(Rank::Live);
        if brought.bytes(Rank::Behind) > 0 {
            habits.credit.serve(brought.bytes(Rank::Behind));
            habits.next = next;
        }
        // An answer the broker waited for says nothing about the connection's capacity.
        if total > 0 && (asked.behind || total >= asked.bytes / 2) {
            habits
                .request_sizer
                .note(total, now.saturating_sub(asked.at));
        }
    }
}

/// Returns the request for at most `max_bytes` of a partition from its next offset on.
fn want(index: usize, mirror: &Mirror, max_bytes: usize) -> FetchChange {
    let partition = FetchPartition {
        partition: mirror.route.source.clone(),
        topic_id: mirror.route.source_id,
        offset: mirror.fetch_next,
        max_bytes,
        leader_epoch: mirror.leader_epoch,
        fetched_epoch: mirror.fetched_epoch,
    };
    FetchChange::Want((index, mirror.fetch_round), partition)
}

#[cfg(test)]
mod tests;
