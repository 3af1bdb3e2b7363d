//! Counts what a mirror topic holds, and what of it exists on the target alone: what is lost if it is deleted.
//!
//! The offset map and the history of a partition tell of every offset whether it is an image of the source, and what the
//! source still has tells whether its record exists there, too. Records behind the map are read. Pure.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::Result;
use crate::model::{
    DataPath, HaltCode, History, OffsetsMode, Partition, Reason, Run, SourceOffset, StretchKind,
    TargetOffset, TopicId,
};

use super::partition::PartitionProgress;

/// What a mirror topic holds at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Inventory {
    /// Whether the mirror topic exists; if not, nothing is deleted.
    pub exists: bool,
    /// Everything in it.
    #[serde(flatten)]
    pub total: Holdings,
    /// Every partition of the mirror topic, even those that the source topic lacks.
    pub partitions: Vec<PartitionHoldings>,
}

/// What a partition of a mirror topic holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PartitionHoldings {
    pub partition: Partition,
    /// The log start offset.
    pub log_start: i64,
    /// The end of its log.
    pub end: i64,
    #[serde(flatten)]
    pub held: Holdings,
}

/// Numbers of records of a mirror topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Holdings {
    /// The offsets from log start to end; there are fewer records if the log is compacted or has markers.
    pub records: u64,
    /// The records that exist only there: the source doesn't have them, or no longer.
    pub only_there: u64,
    /// How many of these others wrote: they aren't copies that this link made.
    pub of_others: u64,
    /// Whether fewer records than `only_there` may exist only there, because the offset map doesn't tell exactly.
    pub at_most: bool,
}

impl Inventory {
    /// Adds up the partitions of a mirror topic that exists.
    pub(crate) fn of(partitions: Vec<PartitionHoldings>) -> Self {
        let mut total = Holdings::default();
        for it in &partitions {
            total = total.and(it.held);
        }
        Self {
            exists: true,
            total,
            partitions,
        }
    }
}

impl Holdings {
    fn and(self, other: Self) -> Self {
        Self {
            records: self.records + other.records,
            only_there: self.only_there + other.only_there,
            of_others: self.of_others + other.of_others,
            at_most: self.at_most || other.at_most,
        }
    }

    /// Describes the records that exist only there, for operators; `None` if there are none.
    pub fn described(&self) -> Option<String> {
        let Self {
            only_there,
            of_others,
            at_most,
            ..
        } = *self;
        let limit = if at_most { "at most " } else { "" };
        let others = match of_others {
            0 => String::new(),
            _ if of_others == only_there => ", written by others".to_owned(),
            _ => format!(", {of_others} of them written by others"),
        };
        (only_there > 0)
            .then(|| format!("{limit}{only_there} records that exist only there{others}"))
    }
}

/// What the clusters tell of a mirror partition and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Evidence {
    /// From the mirror partition's log start to its end.
    pub(crate) log: Range<i64>,
    /// The mirror topic's id.
    pub(crate) target_id: TopicId,
    /// The source's offsets from its log start to its high watermark, and the source topic's id; `None` if it doesn't tell.
    pub(crate) source: Option<(Range<i64>, TopicId)>,
    /// Whether the mirror topic is compacted, so that there may be fewer records than offsets.
    pub(crate) is_compacted: bool,
}

/// What was read of a log behind the map.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LogBehindMap {
    /// Records of this link.
    pub(crate) own: i64,
    pub(crate) of_others: i64,
    /// Offsets that weren't read.
    pub(crate) unread: i64,
}

/// What is known of a mirror partition, apart from its runs.
#[derive(Debug, Clone)]
pub(crate) struct Mapped {
    /// The target offset up to which map and history tell everything.
    until: i64,
    frontier: i64,
    begun: bool,
    history: History,
    reason: Option<Reason>,
    sparse: bool,
    /// Whether records of this link may look like those of others.
    is_anonymous: bool,
    source_id: TopicId,
    target_id: TopicId,
}

impl Mapped {
    /// Returns what is known of a partition.
    pub(super) fn of(known: &PartitionProgress) -> Self {
        let record = &known.record;
        let doubted = known.figures.reason.as_ref().and_then(doubted_from);
        Self {
            until: doubted
                .map_or(known.end(), |from| from.min(known.end()))
                .get(),
            frontier: record.frontier.get(),
            begun: known.begun,
            history: record.history.clone(),
            reason: known.figures.reason.clone(),
            sparse: record.offsets == OffsetsMode::Preserve,
            is_anonymous: record.path == DataPath::Record,
            source_id: record.source_topic_id,
            target_id: record.target_topic_id,
        }
    }

    /// Returns what is known of a partition that isn't mirrored.
    pub(crate) fn nothing() -> Self {
        Self {
            until: 0,
            frontier: 0,
            begun: false,
            history: History::default(),
            reason: None,
            sparse: false,
            is_anonymous: false,
            source_id: TopicId::NONE,
            target_id: TopicId::NONE,
        }
    }

    /// Returns the offset from which on the log has to be read.
    pub(crate) fn read_from(&self, evidence: &Evidence) -> i64 {
        let is_other = self.target_id.differs_from(evidence.target_id);
        let until = if is_other { 0 } else { self.until };
        until.clamp(evidence.log.start, evidence.log.end)
    }

    /// Counts what a mirror partition holds. `runs_behind` returns the runs of the map's block that reaches past an offset;
    /// `behind` is what was read from [`read_from`](Self::read_from) on. Errors: those of `runs_behind`.
    pub(crate) fn count(
        &self,
        evidence: &Evidence,
        behind: LogBehindMap,
        runs_behind: impl FnMut(TargetOffset) -> Result<Vec<Run>>,
    ) -> Result<Holdings> {
        let log = evidence.log.start..self.read_from(evidence);
        let kept = self.kept(evidence);
        let (images, copies) = images(&log, kept.as_ref(), runs_behind)?;
        let lost = images - copies;
        let gaps = length(&log) - images;
        let (adopted, noted) = self.noted(&log);
        // Offsets in no stretch are markers of this link's transactions, unless stretches were forgotten.
        let forgotten = self.history.forgotten_below(false) > log.start;
        let unexplained = if forgotten { (gaps - noted).max(0) } else { 0 };
        let of_others = adopted + unexplained + behind.of_others + behind.unread;
        let tail_is_kept = self.begun
            && kept
                .as_ref()
                .is_some_and(|it| (it.start..=it.end).contains(&self.frontier));
        let tail = if tail_is_kept { 0 } else { behind.own };
        let only_there = lost + (noted - adopted) + tail + of_others;
        let is_doubtful = unexplained > 0
            || behind.unread > 0
            || (tail > 0 && !self.begun)
            || (kept.is_none() && images + tail > 0)
            || (self.is_anonymous && behind.of_others > 0)
            || self.sparse
            || evidence.is_compacted;
        Ok(Holdings {
            records: unsigned(length(&evidence.log)),
            only_there: unsigned(only_there),
            of_others: unsigned(of_others),
            at_most: is_doubtful && only_there > 0,
        })
    }

    /// Returns the source offsets whose records the source still has; `None` if that is not known.
    fn kept(&self, evidence: &Evidence) -> Option<Range<i64>> {
        let code = self.reason.as_ref().map(|it| it.code);
        let (offsets, id) = evidence.source.clone()?;
        let is_other = code == Some(HaltCode::SourceRecreated) || self.source_id.differs_from(id);
        let from = self.reason.as_ref().and_then(|it| it.source_offset);
        let end = match from.filter(|_| code == Some(HaltCode::SourceTruncated)) {
            _ if is_other => offsets.start,
            Some(divergence) => offsets.end.min(divergence.get()),
            None => offsets.end,
        };
        Some(offsets.start..end.max(offsets.start))
    }

    /// Counts the offsets in stretches of others, and in any stretch without an image.
    fn noted(&self, log: &Range<i64>) -> (i64, i64) {
        let on_target = self
            .history
            .stretches
            .iter()
            .filter(|it| !it.kind.is_on_source());
        let (mut adopted, mut all) = (0, Vec::new());
        for stretch in on_target {
            let part = overlap(&(stretch.from..stretch.until), log);
            if stretch.kind == StretchKind::Adopted {
                adopted += length(&part);
            }
            all.push(part);
        }
        // A stretch of a former topic contains what was adopted in it.
        all.sort_by_key(|it| it.start);
        let (mut noted, mut end) = (0, log.start);
        for part in all {
            noted += (part.end - part.start.max(end)).max(0);
            end = end.max(part.end);
        }
        (adopted, noted)
    }
}

/// Returns the target offset from which on the map is in doubt, if a partition has halted for such a reason.
fn doubted_from(reason: &Reason) -> Option<TargetOffset> {
    let doubts = matches!(
        reason.code,
        HaltCode::ForeignWrite | HaltCode::TargetTruncated
    );
    reason.target_offset.filter(|_| doubts)
}

/// Counts the images of source offsets in a part of the log, and those of offsets in `kept`.
fn images(
    log: &Range<i64>,
    kept: Option<&Range<i64>>,
    mut runs_behind: impl FnMut(TargetOffset) -> Result<Vec<Run>>,
) -> Result<(i64, i64)> {
    let (mut images, mut copies, mut at) = (0, 0, log.start);
    while at < log.end {
        let runs = runs_behind(TargetOffset(at))?;
        for run in &runs {
            let (first, end) = (run.target.get(), run.target_end().get());
            let part = overlap(&(first..end), &(at..log.end));
            let SourceOffset(from) = run.source.plus(part.start - first);
            images += length(&part);
            copies += kept.map_or(0, |kept| {
                length(&overlap(&(from..from + length(&part)), kept))
            });
        }
        match runs.last().map(|last| last.target_end().get()) {
            Some(end) if end > at => at = end,
            _ => break,
        }
    }
    Ok((images, copies))
}

fn overlap(one: &Range<i64>, other: &Range<i64>) -> Range<i64> {
    let start = one.start.max(other.start);
    start..one.end.min(other.end).max(start)
}

fn length(range: &Range<i64>) -> i64 {
    (range.end - range.start).max(0)
}

fn unsigned(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

#[cfg(test)]
mod tests;
