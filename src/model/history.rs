//! What happened to a partition besides mirroring: where its map was interrupted and restarted, and why.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Deletions, Run, SourceOffset, TargetOffset};

/// Where an interrupted map continues: the next record has this source offset or a later one, and lands at this target
/// offset. Nothing in the target's log between the end of the map and `target` is an image of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The next source offset to mirror.
    pub source: SourceOffset,
    /// The target offset where it lands.
    pub target: TargetOffset,
}

impl Anchor {
    /// The empty run that starts here.
    pub const fn run(&self) -> Run {
        Run::new(self.source, self.target, 0)
    }
}

/// Why a stretch of one side has no image on the other.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StretchKind {
    /// Source offsets whose records were gone before they were mirrored.
    Lost,
    /// A source record that the target rejected, or a batch that can't be decoded; its receipt is in the quarantine topic.
    Skipped,
    /// Target offsets written by another writer.
    Adopted,
    /// Target offsets of records that the source lost after they were mirrored.
    TargetOnly,
    /// Target offsets of an earlier source topic of the same name.
    Former,
}

/// A stretch of one side that has no image on the other, with an exclusive end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stretch {
    pub kind: StretchKind,
    pub from: i64,
    /// The offset after the last one.
    pub until: i64,
}

impl StretchKind {
    /// Whether its offsets are source offsets.
    pub fn is_on_source(self) -> bool {
        match self {
            Self::Lost | Self::Skipped => true,
            Self::Adopted | Self::TargetOnly | Self::Former => false,
        }
    }
}

impl Stretch {
    /// The number of offsets.
    pub fn records(&self) -> i64 {
        self.until - self.from
    }

    /// Why an offset in the stretch is not translated exactly, for operators and clients.
    pub fn reason(&self) -> String {
        let (from, last) = (self.from, self.until - 1);
        match self.kind {
            StretchKind::Lost => {
                format!("source offsets {from} to {last} were gone before they were mirrored")
            }
            StretchKind::Skipped if from < last => format!(
                "source offsets {from} to {last} can't be decoded; their receipt is in the quarantine topic"
            ),
            StretchKind::Skipped => format!(
                "source offset {from} was refused by the target or can't be decoded; its receipt is in the quarantine topic"
            ),
            StretchKind::Adopted => {
                format!("target offsets {from} to {last} were written by somebody else")
            }
            StretchKind::TargetOnly => {
                format!("target offsets {from} to {last} hold records that the source lost")
            }
            StretchKind::Former => format!(
                "target offsets {from} to {last} hold records of a former topic of the same name"
            ),
        }
    }
}

/// The number of stretches remembered per partition with their offsets; the totals count all of them.
const STRETCHES_LIMIT: usize = 256;

/// Every interruption in a partition's history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Where the map continues, until a record has landed there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor: Option<Anchor>,
    /// The most recent stretches without an image, oldest first.
    #[serde(default)]
    pub stretches: Vec<Stretch>,
    /// Offsets in all stretches since the partition was first mirrored, by kind.
    #[serde(default)]
    pub totals: Totals,
    #[serde(default)]
    pub deletions: Deletions,
    /// When the map was last discarded for another source topic of the same name, in milliseconds since the Unix epoch; 0 if
    /// never. Source offsets received before that don't relate to the current map.
    #[serde(default)]
    pub map_since_ms: i64,
}

/// Numbers of offsets by kind of stretch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Totals {
    /// See [`StretchKind::Lost`].
    pub lost: u64,
    /// See [`StretchKind::Skipped`].
    pub skipped: u64,
    /// See [`StretchKind::Adopted`].
    pub adopted: u64,
    /// See [`StretchKind::TargetOnly`] and [`StretchKind::Former`].
    pub target_only: u64,
}

impl History {
    /// Remembers a stretch and adds it to the totals.
    pub fn note(&mut self, stretch: Stretch) {
        let records = u64::try_from(stretch.records()).unwrap_or(0);
        let total = match stretch.kind {
            StretchKind::Lost => &mut self.totals.lost,
            StretchKind::Skipped => &mut self.totals.skipped,
            StretchKind::Adopted => &mut self.totals.adopted,
            StretchKind::TargetOnly | StretchKind::Former => &mut self.totals.target_only,
        };
        *total += records;
        self.stretches.push(stretch);
        let surplus = self.stretches.len().saturating_sub(STRETCHES_LIMIT);
        self.stretches.drain(..surplus);
    }

    /// Forgets all stretches of the source, because its offsets start over.
    pub fn forget_source(&mut self) {
        self.stretches
            .retain(|stretch| !stretch.kind.is_on_source());
    }

    /// Forgets stretches of the source that reach past `source`, because its offsets will be reused.
    pub fn forget_source_from(&mut self, source: SourceOffset) {
        self.stretches
            .retain(|it| !it.kind.is_on_source() || it.until <= source.get());
    }

    /// Forgets stretches of the target that reach past `target`, because its offsets will be reused.
    pub fn forget_target_from(&mut self, target: TargetOffset) {
        self.stretches
            .retain(|it| it.kind.is_on_source() || it.until <= target.get());
    }

    /// The stretch of the source that contains `offset`.
    pub fn at_source(&self, offset: SourceOffset) -> Option<&Stretch> {
        self.holding(true, offset.get())
    }

    /// The first source offset at or after `offset` that is in no stretch.
    pub fn passed(&self, offset: SourceOffset) -> SourceOffset {
        let mut next = offset;
        while let Some(stretch) = self.at_source(next) {
            next = SourceOffset(stretch.until);
        }
        next
    }

    /// The stretch of the target that contains `offset`.
    pub fn at_target(&self, offset: TargetOffset) -> Option<&Stretch> {
        self.holding(false, offset.get())
    }

    /// The offset of a side below which stretches may have been forgotten: there, missing records can't be distinguished
    /// from offsets without an image. 0 if nothing was forgotten.
    pub fn forgotten_below(&self, on_source: bool) -> i64 {
        let of_side = self
            .stretches
            .iter()
            .filter(|it| it.kind.is_on_source() == on_source);
        let remembered: i64 = of_side.clone().map(Stretch::records).sum();
        let Totals {
            lost,
            skipped,
            adopted,
            target_only,
        } = self.totals;
        let total = if on_source {
            lost + skipped
        } else {
            adopted + target_only
        };
        let is_full = self.stretches.len() == STRETCHES_LIMIT;
        if is_full && u64::try_from(remembered).unwrap_or(0) < total {
            of_side.map(|it| it.from).min().unwrap_or(i64::MAX)
        } else {
            0
        }
    }

    fn holding(&self, on_source: bool, offset: i64) -> Option<&Stretch> {
        self.stretches.iter().rev().find(|it| {
            it.kind.is_on_source() == on_source && it.from <= offset && offset < it.until
        })
    }
}

#[cfg(test)]
mod tests;
