//! Surveys what follows the records known to be this link's in a mirror partition, so that it can be adopted.
//!
//! A request of this link that was in flight may have landed after foreign records. Its sequence numbers show where it was
//! predicted to land, so its records aren't mirrored a second time but added to the map where they are.

use crate::error::{Error, Kind, Result};
use crate::kafka::admin;
use crate::kafka::batch::{Batch, Header};
use crate::kafka::client::Cluster;
use crate::model::{
    LinkIdentity, Reason, Run, SourceOffset, Stretch, StretchKind, TargetOffset, sequence_of,
};
use crate::offsets::Explanation;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::resync::input::Survey;

use super::adopted::{Segment, cover, shifted};
use super::compare::{self, LogComparison};
use super::decision::{self, Decision};
use super::explain::{self, Tail};
use super::input::{ResyncInput, TargetSide};

const READ_BYTES: i32 = 1024 * 1024;

impl Survey {
    /// Reads the log from the end of the records known to be this link's up to its end.
    ///
    /// If records are ambiguous, or the stretch doesn't begin after a record of this link, it stays foreign: a halt for
    /// `reason`.
    pub(crate) async fn read(
        cluster: &Cluster,
        identity: &LinkIdentity,
        input: &ResyncInput,
        tail: &Tail,
        reason: Reason,
    ) -> Result<Self, Trouble> {
        let known_end = input.acknowledged.unwrap_or(tail.log_start);
        let mut survey = Self {
            reason,
            own: Vec::new(),
            foreign: Vec::new(),
            predicted_end: known_end,
            last: None,
        };
        if known_end < tail.log_start {
            return Err(survey.unclear("the target no longer holds all of it"));
        }
        if !survey
            .begins_behind_own(cluster, identity, input, tail)
            .await?
        {
            return Err(survey.unclear("the record before it isn't this link's either"));
        }
        let mut offset = known_end;
        while offset < tail.end {
            let read = admin::read_at(cluster, &input.target, offset.get(), READ_BYTES).await?;
            let batches = read.batches.into_iter();
            let mut next = offset;
            for batch in batches.filter(|it| it.next_offset() > offset.get()) {
                survey.take(identity, input, &batch, next)?;
                next = TargetOffset(batch.next_offset());
            }
            if next == offset {
                let message = "what was written to the mirror partition could not be read";
                return Err(Error::new(Kind::Protocol, message)
                    .partition(&input.target)
                    .offset(offset.get())
                    .into());
            }
            offset = next;
        }
        Ok(survey)
    }

    /// Whether the record before the unknown stretch is this link's own, or was judged before.
    async fn begins_behind_own(
        &self,
        cluster: &Cluster,
        identity: &LinkIdentity,
        input: &ResyncInput,
        tail: &Tail,
    ) -> Result<bool, Trouble> {
        let end = self.predicted_end;
        if end == tail.log_start || input.anchor() == Some(end) {
            return Ok(true);
        }
        let before = compare::batch_holding(cluster, &input.target, end.get() - 1).await?;
        Ok(
            before
                .is_some_and(|batch| is_own(identity, batch.header(), batch.header().base_offset)),
        )
    }

    /// Adds the next batch.
    fn take(
        &mut self,
        identity: &LinkIdentity,
        input: &ResyncInput,
        batch: &Batch,
        from: TargetOffset,
    ) -> Result<(), Trouble> {
        let header = batch.header();
        let until = batch.next_offset();
        let ours = identity.producer_id(input.record.incarnation);
        if header.producer_id != ours {
            match self.foreign.last_mut().filter(|it| it.until == from.get()) {
                Some(last) => last.until = until,
                None => self.foreign.push(Stretch {
                    kind: StretchKind::Adopted,
                    from: from.get(),
                    until,
                }),
            }
            return Ok(());
        }
        let known = input.acknowledged.is_some();
        if !known || header.base_sequence != sequence_of(self.predicted_end) {
            return Err(
                self.unclear("records of this link lie behind it, and it is not known which")
            );
        }
        let segment = Segment {
            predicted: self.predicted_end,
            actual: TargetOffset(header.base_offset),
            length: i64::from(header.last_offset_delta) + 1,
        };
        self.predicted_end = segment.predicted.plus(segment.length);
        self.own.push(segment);
        self.last = Some(batch.clone());
        Ok(())
    }

    /// Decides to resume after everything found; `start` is the source offset to begin at if nothing was ever mirrored.
    pub(crate) async fn adopt(
        self,
        source: &Cluster,
        input: &ResyncInput,
        side: &TargetSide,
        start: SourceOffset,
    ) -> Result<Decision, Trouble> {
        let end = side.tail.end;
        let Some(last_run) = input.last_run else {
            let runs = Vec::new();
            return Ok(decision::adopt(self.reason, runs, self.foreign, start, end));
        };
        let explanations =
            explain::explanations(Some(last_run), &input.record.plans, self.predicted_end);
        let explanation = self.proven(source, input, last_run, explanations).await?;
        let known_end = input.acknowledged.unwrap_or(self.predicted_end);
        let covering = cover(last_run, &explanation, known_end, self.predicted_end);
        let runs = shifted(&covering, &self.own);
        let position = explanation.position.max(input.record.frontier);
        Ok(decision::adopt(
            self.reason,
            runs,
            self.foreign,
            position,
            end,
        ))
    }

    /// Returns the explanation under which the last own record equals the source's; the only one left if the source can't
    /// show it.
    async fn proven(
        &self,
        source: &Cluster,
        input: &ResyncInput,
        last_run: Run,
        explanations: Vec<Explanation>,
    ) -> Result<Explanation, Trouble> {
        let (Some(last), Some(segment)) = (&self.last, self.own.last()) else {
            let trivial = explanations.into_iter().next();
            return trivial.ok_or_else(|| self.unclear("the map doesn't reach it"));
        };
        let open = Run {
            length: self
                .predicted_end
                .since(last_run.target)
                .max(last_run.length),
            ..last_run
        };
        let mut undecided = Vec::new();
        for explanation in explanations {
            let map = |actual: TargetOffset| {
                let predicted = segment.predicted.plus(actual.since(segment.actual));
                explanation.source_of(Some(open), predicted)
            };
            match compare::compare(source, &input.source, last, map).await? {
                LogComparison::Equal => return Ok(explanation),
                LogComparison::Different => {}
                LogComparison::NoCommonRecord => undecided.push(explanation),
            }
        }
        match undecided.as_slice() {
            [only] => Ok(only.clone()),
            _ => Err(self.unclear("records of this link lie behind it, and it is not known which")),
        }
    }

    fn unclear(&self, why: &str) -> Trouble {
        let mut reason = self.reason.clone();
        reason.message = format!("{}; it can't be adopted: {why}", reason.message);
        Trouble::Halt(reason)
    }
}

fn is_own(identity: &LinkIdentity, header: &Header, base: i64) -> bool {
    identity.owns(header.producer_id) && header.base_sequence == sequence_of(TargetOffset(base))
}
