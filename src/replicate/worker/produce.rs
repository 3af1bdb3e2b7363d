//! The producing side of the worker.

use std::sync::Arc;
use std::time::Instant;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::client::code_name;
use crate::kafka::{ProduceAnswer, ProducePart, Sink, acl::Need};
use crate::model::{HaltCode, Reason, TargetOffset};
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::partition::route::{Lane, Lanes};
use crate::replicate::produce::window::{Landing, SentBatch};

use super::event::{Answered, Event, Ticket};
use super::markers::taken_over;
use super::state::Worker;

/// A produce request stops growing at this size, in bytes.
const REQUEST_BYTES: usize = 4 * 1024 * 1024;

/// Codes with which a broker refuses a batch for its content, regardless of producer and time: `MESSAGE_TOO_LARGE`,
/// `RECORD_LIST_TOO_LARGE`, `INVALID_TIMESTAMP`, `UNSUPPORTED_FOR_MESSAGE_FORMAT`, `UNSUPPORTED_COMPRESSION_TYPE`,
/// `INVALID_RECORD`.
const REFUSALS: [i16; 6] = [10, 18, 32, 43, 76, 87];
/// Codes with which a broker answers a batch that it can't decode, among others: `UNKNOWN_SERVER_ERROR`, `CORRUPT_MESSAGE`,
/// `INVALID_RECORD`.
const UNREADABLE: [i16; 3] = [-1, 2, 87];
const OUT_OF_ORDER_SEQUENCE_NUMBER: i16 = 45;
const INVALID_PRODUCER_EPOCH: i16 = 47;

impl Worker {
    /// Stages what a partition has to send, and queues it.
    pub(crate) fn touch(&mut self, index: usize) {
        let mirror = &mut self.mirrors[index];
        let Some(Lanes { outlet: lane, .. }) = mirror.life.lanes() else {
            return self.recount(index);
        };
        match mirror.stage() {
            Ok(true) => self.to_store.push(index),
            Ok(false) => {}
            Err(error) => {
                if let Err(trouble) = self.give_up_batch(index, error) {
                    return self.trouble(index, trouble, false);
                }
            }
        }
        self.recount(index);
        self.take_up_chore(index);
        let mirror = &mut self.mirrors[index];
        if let Some(reason) = mirror.damage_due() {
            return self.trouble(index, Trouble::Halt(reason), false);
        }
        let has_something = mirror.staged.front().is_some_and(|staged| staged.durable);
        if has_something && mirror.queued != Some(lane) {
            mirror.queued = Some(lane);
            let rank = mirror.demand.rank();
            self.outlets
                .entry(lane)
                .or_default()
                .ready
                .push(index, rank);
        }
    }

    /// Sends whatever is ready, with at most one batch of a partition in a request.
    pub(crate) fn produce(&mut self) {
        if !self.link.ownership.is_held() {
            return;
        }
        let lanes: Vec<Lane> = self
            .outlets
            .iter()
            .filter(|(_, it)| !it.ready.is_empty())
            .map(|(lane, _)| *lane)
            .collect();
        for lane in lanes {
            while self.produce_lane(lane) {}
        }
    }

    fn produce_lane(&mut self, lane: Lane) -> bool {
        let Some(outlet) = self.outlets.get_mut(&lane) else {
            return false;
        };
        let Some(sink) = outlet.sink.clone().filter(Sink::is_alive) else {
            self.connect_outlet(lane);
            return false;
        };
        if outlet.requests.outstanding() >= sink.requests() {
            return false;
        }
        let (parts, tickets) = self.collect(lane, usize::try_from(sink.requests()).unwrap_or(1));
        if parts.is_empty() {
            return false;
        }
        let (at, bytes) = (Instant::now(), size(&parts));
        let timeout = self.link.settings.request_timeout;
        let pending = sink.start_produce(parts, timeout, &self.link.ownership);
        let Some(outlet) = self.outlets.get_mut(&lane) else {
            return false;
        };
        outlet.sent += bytes;
        let number = outlet.requests.send();
        let sink = sink.id();
        self.events.push(Box::pin(async move {
            let answered = Answered {
                sink,
                tickets,
                bytes,
                at,
                answer: pending.await,
            };
            Event::Produced {
                lane,
                number,
                answered,
            }
        }));
        true
    }

    fn connect_outlet(&mut self, lane: Lane) {
        let Some(outlet) = self.outlets.get_mut(&lane) else {
            return;
        };
        outlet.sink = None;
        if outlet.connecting || outlet.requests.outstanding() > 0 {
            return;
        }
        outlet.connecting = true;
        let link = Arc::clone(&self.link);
        self.events.push(Box::pin(async move {
            Event::OutletUp(lane, link.open_sink(lane).await)
        }));
    }

    pub(crate) fn outlet_up(&mut self, lane: Lane, sink: Result<Sink>) {
        let Some(outlet) = self.outlets.get_mut(&lane) else {
            return;
        };
        outlet.connecting = false;
        match sink {
            Ok(sink) => {
                outlet.sink = Some(sink);
                // A restarted broker may have forgotten our producer ids, even if nothing was sent meanwhile (H2).
                for mirror in &mut self.mirrors {
                    if mirror.produces_at(lane) {
                        mirror.window.disarm();
                    }
                }
            }
            Err(error) => {
                for index in outlet.ready.take() {
                    let mirror = &mut self.mirrors[index];
                    if mirror.queued.take_if(|at| *at == lane).is_some() && mirror.produces_at(lane)
                    {
                        let error = error.shared("producing stopped");
                        self.trouble(index, Trouble::retry(&error), false);
                    }
                }
            }
        }
    }

    /// Takes the next batch of each ready partition until the request is full.
    ///
    /// On a slow connection, partitions that are behind wait until fewer bytes are in flight than `requests` requests carry:
    /// a single batch may be larger than a request should be.
    fn collect(&mut self, lane: Lane, requests: usize) -> (Vec<ProducePart>, Vec<Ticket>) {
        let now = self.link.now();
        let (mut parts, mut tickets, mut bytes) = (Vec::new(), Vec::new(), 0);
        let Some(outlet) = self.outlets.get_mut(&lane) else {
            return (parts, tickets);
        };
        let mut again = Vec::new();
        let most = REQUEST_BYTES.min(outlet.request_sizer.bytes());
        let share = self.link.settings.partition_max_bytes.min(most);
        let all = outlet.sent < most.saturating_mul(requests);
        while bytes < most
            && let Some((index, rank)) = outlet.ready.pop(share, all)
        {
            let mirror = &mut self.mirrors[index];
            let is_meant = mirror.queued.take_if(|at| *at == lane).is_some();
            if !is_meant || !mirror.produces_at(lane) || !mirror.ready(now) {
                continue;
            }
            let Some(staged) = mirror.staged.pop_front() else {
                continue;
            };
            let produce_batch = staged.produce_batch;
            bytes += produce_batch.stamped.size();
            outlet.ready.sent(rank, produce_batch.stamped.size());
            mirror.window.sent(SentBatch {
                target: produce_batch.target,
                records: produce_batch.records(),
                frontier: produce_batch.frontier,
                max_timestamp: produce_batch.stamped.max_timestamp,
                bytes: produce_batch.bytes,
                runs: produce_batch.runs,
                opens: !produce_batch.joins,
            });
            tickets.push((index, mirror.round));
            parts.push(ProducePart {
                partition: mirror.route.target.clone(),
                topic_id: mirror.route.target_id,
                batch: produce_batch.stamped,
            });
            again.push(index);
        }
        for index in again {
            self.touch(index);
        }
        (parts, tickets)
    }

    pub(crate) fn produced(&mut self, lane: Lane, number: u64, answered: Answered) {
        let Some(outlet) = self.outlets.get_mut(&lane) else {
            return;
        };
        let is_current = |sink: &Sink| sink.id() == answered.sink;
        if answered.answer.is_err() && outlet.sink.as_ref().is_some_and(is_current) {
            outlet.sink = None;
        }
        outlet.sent -= answered.bytes;
        outlet
            .request_sizer
            .note(answered.bytes, answered.at.elapsed());
        let in_turn = outlet.requests.arrive(number, answered);
        debug_assert!(
            outlet.requests.outstanding() > 0 || outlet.sent == 0,
            "nothing is out"
        );
        for answered in in_turn {
            self.take_answers(&answered.tickets, answered.answer);
        }
    }

    fn take_answers(&mut self, tickets: &[Ticket], answer: Result<Vec<ProduceAnswer>>) {
        match answer {
            Ok(answers) => {
                for (&(index, round), answer) in tickets.iter().zip(answers) {
                    if self.mirrors[index].round == round {
                        self.answered(index, &answer);
                    }
                }
            }
            Err(error) => {
                for &(index, round) in tickets {
                    if self.mirrors[index].round == round {
                        self.mirrors[index].window.lost_oldest();
                        let error = error.shared("a produce request was lost");
                        self.trouble(index, Trouble::retry(&error), true);
                    }
                }
            }
        }
    }

    /// Handles one partition's part of a produce response.
    fn answered(&mut self, index: usize, answer: &ProduceAnswer) {
        let mirror = &mut self.mirrors[index];
        if let Some(code) = answer.error {
            let trouble = refusal(mirror, code, answer.message.as_deref());
            let need = (Need::WriteRecords, &mirror.route.target.topic);
            let trouble = self.link.explained(trouble, code, need);
            mirror.window.lost_oldest();
            self.trouble(index, trouble, false);
            return;
        }
        let (base, now) = (TargetOffset(answer.base_offset), self.link.now());
        match mirror.window.landed(base, answer.append_time, now) {
            Landing::AsPredicted(landed) => {
                if answer.log_start >= 0 {
                    mirror.tracked.lock().figures.target_log_start = answer.log_start;
                }
                self.landed(index, &landed);
            }
            Landing::Repeated(repeated) => {
                let message = "an earlier request had taken the place of this batch; reading what the target holds";
                let error = Error::new(Kind::Protocol, message)
                    .partition(&mirror.route.target)
                    .offset(repeated.target.get());
                self.trouble(index, Trouble::retry(&error), true);
            }
            Landing::Elsewhere { predicted, actual } => {
                let message = format!(
                    "a batch predicted at target offset {predicted} was appended at {actual}: another producer writes to {}",
                    mirror.route.target
                );
                let reason = Reason::new(HaltCode::ForeignWrite, message)
                    .at(Some(mirror.tracked.lock().record.frontier), Some(predicted));
                self.trouble(index, Trouble::Halt(reason), false);
            }
            Landing::Unexpected => {}
        }
    }

    /// Adds a batch that was appended at its predicted offset to the map.
    fn landed(&mut self, index: usize, landed: &SentBatch) {
        let mirror = &mut self.mirrors[index];
        let result = {
            let mut known = mirror.tracked.lock();
            // The filler before the first record isn't a record of the source.
            if landed.frontier > known.record.origin {
                known.figures.records += landed.records.unsigned_abs();
            }
            known.figures.bytes += landed.bytes as u64;
            known.figures.batches += 1;
            known.figures.first_timestamp = Some(landed.max_timestamp);
            let result = known.landed(&landed.runs, landed.frontier);
            let end = known.end().plus(mirror.course.marker);
            known.goes_on_behind(self.link.settings.path, landed.frontier, end);
            known.judge_state();
            result
        };
        if let Err(error) = result {
            let message = format!("an acknowledged batch doesn't continue the map: {error}");
            let reason = Reason::new(HaltCode::MapUnknown, message);
            return self.trouble(index, Trouble::Halt(reason), false);
        }
        mirror.note_sure();
        if std::mem::replace(&mut mirror.landed_in, mirror.round) != mirror.round {
            self.newsworthy.push(index);
        }
        mirror.relax(landed.frontier);
        mirror.refused_sequence = None;
        mirror.backoff.reset();
        self.touch(index);
        self.drained(index);
    }
}

fn size(parts: &[ProducePart]) -> usize {
    parts.iter().map(|part| part.batch.size()).sum()
}

/// Whether a code means that the broker refuses a batch for its content.
pub(crate) fn is_refusal(code: BrokerCode) -> bool {
    REFUSALS.contains(&code.0)
}

/// Returns the trouble for an error code in a produce response.
fn refusal(mirror: &mut Mirror, code: BrokerCode, message: Option<&str>) -> Trouble {
    let Some(oldest) = mirror.window.oldest() else {
        return Trouble::retry(&Error::new(
            Kind::Broker(code),
            "received an unexpected produce response",
        ));
    };
    let said = message.map(|text| format!(" ({text})")).unwrap_or_default();
    let text = format!("the target refused a batch: {}{said}", code_name(code));
    let (records, frontier, target) = (oldest.records, oldest.frontier, oldest.target);
    let first_source = oldest.runs.first().map(|run| run.source);
    if code.0 == INVALID_PRODUCER_EPOCH {
        return Trouble::Halt(taken_over(mirror));
    }
    if code.0 == OUT_OF_ORDER_SEQUENCE_NUMBER {
        // A race is over after one resync; a second refusal at the same offset means that foreign data lies before it (H3).
        if mirror.refused_sequence.replace(target) == Some(target) {
            return Trouble::Halt(
                Reason::new(HaltCode::ForeignWrite, text).at(first_source, Some(target)),
            );
        }
    }
    let is_examined = mirror.examined_until >= Some(frontier);
    if UNREADABLE.contains(&code.0) && !is_examined {
        // Fetched again, it is decoded before it is sent.
        mirror.examined_until = Some(frontier);
    } else if is_refusal(code) {
        if records == 1 {
            return Trouble::Halt(
                Reason::new(HaltCode::RecordRefused, text).at(first_source, Some(target)),
            );
        }
        // H7: a batch of several records is halved until the refused record is alone in its batch.
        let half = usize::try_from(records / 2).unwrap_or(1).max(1);
        mirror.course.records_limit = mirror.course.records_limit.min(half);
        mirror.refused_until = mirror.refused_until.max(Some(frontier));
    }
    Trouble::from(
        Error::new(Kind::Broker(code), text)
            .partition(&mirror.route.target)
            .offset(target.get()),
    )
}

#[cfg(test)]
mod tests;
