//! Verifies one partition: reads both sides through the range, compares them, and settles what is left unexplained.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::comparison::{Comparison, Feed, Rules};
use super::digest::content_hash;
use super::examined::{Examined, VerifyPosition};
use super::pace::Pace;
use super::pending::Waiting;
use super::places::{Anywhere, OnSource, OnTarget, Places};
use super::range::{LinkSides, Range};
use super::reader::{ReadStep, Reader};
use super::tally::{Difference, DifferenceKind, Tally};
use crate::error::{Error, Kind, Result};
use crate::kafka::admin;
use crate::model::{OffsetsMode, PartitionState, SourceOffset, TargetOffset, TopicPartition};
use crate::offsets::Lookup;
use crate::replicate::{FILLER_CONTENT, VerificationSnapshot};

/// How many times a partition is started over because its map was discarded in the meantime.
const ATTEMPTS: usize = 3;
/// The maximum number of unexplained absences that are checked again, with one read each.
const SECOND_LOOKS: usize = 256;
/// How long the target may hold more than is known to be mirrored: anything in flight is acknowledged within that time.
const IN_FLIGHT: Duration = Duration::from_secs(5);
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// The verification of one partition.
#[derive(Debug)]
pub(crate) struct Examination<'a> {
    pub(crate) sides: &'a LinkSides,
    pub(crate) partition: &'a TopicPartition,
    pub(crate) compacts: bool,
    pub(crate) pace: &'a Pace,
}

/// How the comparison of a range ended.
enum Walk {
    Done,
    /// A side no longer has what was to be read next.
    Gone,
}

impl Examination<'_> {
    /// Verifies to the end, starting where `known` left off. Calls `report` after every step worth keeping.
    ///
    /// Errors: whatever prevents the verification; `known` holds what was reached, so that it can be retried.
    pub(crate) async fn run(
        &self,
        known: &mut Examined,
        report: &mut (dyn FnMut(&Examined) + Send),
    ) -> Result<()> {
        let begin = known.clone();
        for _ in 0..ATTEMPTS {
            let range = self.walk(known, report).await?;
            let snapshot = self.sides.view.snapshot(self.partition);
            let same = snapshot.is_some_and(|now| now.decisions == range.snapshot.decisions);
            if same || known.tally.differences == begin.tally.differences {
                known.outcome = Some(known.tally.outcome());
                return Ok(());
            }
            *known = begin.clone();
        }
        let text = "the partition's offset map changes too often; verify again when it is live";
        Err(Error::new(Kind::Refused, text).partition(self.partition))
    }

    /// Compares the range, starting over with the rest of it if a side loses its beginning.
    async fn walk(
        &self,
        known: &mut Examined,
        report: &mut (dyn FnMut(&Examined) + Send),
    ) -> Result<Range> {
        loop {
            let range = self.sides.range(self.partition, known).await?;
            known.from.get_or_insert(range.begin.source);
            known.until = range.until;
            let mut comparison = Comparison::new(rules(&range), known.tally.clone());
            if let Walk::Gone = self.compare(&range, &mut comparison, known, report).await? {
                continue;
            }
            self.follow(&range, &mut comparison).await?;
            self.look_twice(&range, &mut comparison).await?;
            known.tally = comparison.tally;
            self.look_behind(&range, &mut known.tally).await?;
            self.point_out(&mut known.tally)?;
            known.reached = VerifyPosition {
                source: range.until,
                target: range.snapshot.end.max(range.begin.target),
            };
            return Ok(range);
        }
    }

    fn readers<'r>(
        &'r self,
        range: &'r Range,
        [source, target]: [(i64, i64); 2],
    ) -> [Reader<'r>; 2] {
        let sides = self.sides;
        let snapshot = &range.snapshot;
        [
            Reader::new(
                (&sides.source, self.partition),
                snapshot.decisions.source_topic_id,
                source,
                self.compacts,
            ),
            Reader::new(
                (&sides.target, &range.mirror),
                snapshot.decisions.target_topic_id,
                target,
                self.compacts,
            ),
        ]
    }

    async fn compare(
        &self,
        range: &Range,
        comparison: &mut Comparison,
        known: &mut Examined,
        report: &mut (dyn FnMut(&Examined) + Send),
    ) -> Result<Walk> {
        let VerifyPosition { source, target } = range.begin;
        let within = (source, range.until);
        let [mut source, mut target] = self.readers(
            range,
            [
                (source.get(), range.until.get()),
                (target.get(), range.snapshot.end.get()),
            ],
        );
        let (mut on_source, mut on_target) = (Feed::default(), Feed::default());
        let mut source_places = OnSource(&range.snapshot);
        let mut target_places =
            OnTarget::new(&self.sides.view, self.partition, &range.snapshot, within);
        loop {
            comparison.advance(&mut on_source, &mut on_target);
            let read = if on_source.items.is_empty() && !on_source.over {
                source
                    .fill(&mut on_source, &mut source_places, self.pace)
                    .await
            } else if on_target.items.is_empty() && !on_target.over {
                target
                    .fill(&mut on_target, &mut target_places, self.pace)
                    .await
            } else {
                return Ok(Walk::Done);
            };
            let read = read?;
            comparison.tally.bytes +=
                std::mem::take(&mut source.bytes) + std::mem::take(&mut target.bytes);
            if !comparison.is_waiting() {
                known.tally.clone_from(&comparison.tally);
                known.reached = VerifyPosition {
                    source: SourceOffset(source.position(&on_source)),
                    target: TargetOffset(target.position(&on_target)),
                };
                report(known);
            }
            if read == ReadStep::Gone {
                return Ok(Walk::Gone);
            }
        }
    }

    /// Reads on past the range, on both sides, while a record waits for a later one with its key.
    async fn follow(&self, range: &Range, comparison: &mut Comparison) -> Result<()> {
        let image = self.sides.view.image(self.partition, range.until)?;
        let behind = [
            range.until.get(),
            image.map_or(range.snapshot.end, Lookup::or_next).get(),
        ];
        let readers = self.readers(range, behind.map(|next| (next, i64::MAX)));
        let mut everything = Anywhere;
        for mut reader in readers {
            let mut feed = Feed::default();
            while comparison.is_waiting() && !feed.over {
                let places: &mut (dyn Places + Send) = &mut everything;
                if reader.fill(&mut feed, places, self.pace).await? == ReadStep::Gone {
                    break;
                }
                for item in feed.items.drain(..) {
                    comparison.hear(&item.digest);
                }
                comparison.tally.bytes += std::mem::take(&mut reader.bytes);
            }
        }
        Ok(())
    }

    /// An unexplained absence is a difference if the record still exists: compaction may have removed it in the meantime.
    async fn look_twice(&self, range: &Range, comparison: &mut Comparison) -> Result<()> {
        for (number, waiting) in comparison.unexplained().into_iter().enumerate() {
            if number >= SECOND_LOOKS {
                comparison.tally.unproven += 1;
            } else if self.is_there(range, waiting).await? {
                comparison.condemn(waiting);
            } else {
                comparison.tally.compacted += 1;
            }
        }
        Ok(())
    }

    async fn is_there(&self, range: &Range, waiting: Waiting) -> Result<bool> {
        let (cluster, partition) = match waiting.kind {
            DifferenceKind::Missing => (&self.sides.source, self.partition),
            DifferenceKind::Surplus | DifferenceKind::Content | DifferenceKind::Unreadable => {
                (&self.sides.target, &range.mirror)
            }
        };
        self.pace.turn().await;
        let answer = admin::read_committed(cluster, partition, waiting.offset, 1).await?;
        for batch in &answer.batches {
            self.pace.spent(batch.size());
            let records = batch.records().map_err(|error| {
                Error::new(Kind::Protocol, "a batch can no longer be decoded")
                    .partition(partition)
                    .caused_by(error)
            })?;
            if records
                .iter()
                .flatten()
                .any(|record| record.offset == waiting.offset)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Adds to the first difference where on the target a missing record should be.
    fn point_out(&self, tally: &mut Tally) -> Result<()> {
        if let Some(first) = &mut tally.first_difference
            && first.kind == DifferenceKind::Missing
        {
            let view = &self.sides.view;
            if let Some(Lookup::Exact(place)) = view.image(self.partition, first.source_offset)? {
                first.target_offset = Some(place);
            }
        }
        Ok(())
    }

    /// Checks for records on the target, past what is mirrored, that this link didn't send.
    async fn look_behind(&self, range: &Range, tally: &mut Tally) -> Result<()> {
        let begun = Instant::now();
        loop {
            let Some(snapshot) = self.sides.view.snapshot(self.partition) else {
                return Ok(());
            };
            if snapshot.acknowledged >= range.target_end || !tells_strays(snapshot.state) {
                return Ok(());
            }
            if begun.elapsed() >= IN_FLIGHT {
                return self.find_strays(range, &snapshot, tally).await;
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Reads what follows the map: markers don't count, and neither does what a decision left without an image.
    async fn find_strays(
        &self,
        range: &Range,
        snapshot: &VerificationSnapshot,
        tally: &mut Tally,
    ) -> Result<()> {
        let behind = (snapshot.acknowledged.get(), i64::MAX);
        let [_, mut reader] = self.readers(range, [behind, behind]);
        let mut feed = Feed::default();
        let mut places = Anywhere;
        while !feed.over && reader.next < range.target_end.get() {
            if reader.fill(&mut feed, &mut places, self.pace).await? == ReadStep::Gone {
                return Ok(());
            }
            tally.bytes += std::mem::take(&mut reader.bytes);
            for item in feed.items.drain(..) {
                let at = TargetOffset(item.digest.offset);
                if at < range.target_end && snapshot.history.at_target(at).is_none() {
                    tally.differ(Difference {
                        kind: DifferenceKind::Surplus,
                        source_offset: SourceOffset((range.until.get() - 1).max(0)),
                        target_offset: Some(at),
                    });
                }
            }
        }
        Ok(())
    }
}

fn rules(range: &Range) -> Rules {
    let fills = range.snapshot.offsets == OffsetsMode::Preserve;
    Rules {
        doubt_below: range.snapshot.history.forgotten_below(true),
        filler: fills.then(|| content_hash(&FILLER_CONTENT)),
    }
}

/// Whether everything this link wrote is acknowledged, so that any further record is a stray.
fn tells_strays(state: PartitionState) -> bool {
    matches!(
        state,
        PartitionState::Live | PartitionState::CatchingUp | PartitionState::Diverged
    )
}
