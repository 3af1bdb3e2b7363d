//! Translates a committed source offset to the target offset at which the group reads on as it would have on the source.
//! Pure.

use crate::model::{SourceOffset, TargetOffset, Translation, Untranslatable};

use super::commit::{PlannedCommit, SourceCommit};

/// The target offset for a committed source offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetPosition {
    pub offset: TargetOffset,
    /// The source offset that `offset` represents: the committed one, or the frontier while the commit is beyond it.
    pub stands_for: SourceOffset,
    pub fit: Fit,
}

/// How well a target offset represents a source offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// A consumer that resumes there neither skips nor repeats anything.
    Exact,
    /// The group has read `records` offsets beyond the frontier; it is held at the frontier and advances later.
    Held {
        /// The first source offset that isn't mirrored.
        frontier: SourceOffset,
        /// How far beyond the frontier the group is.
        records: i64,
    },
    /// The `records` offsets from the group's place on are not on the target: the group gets the first one that is (H18).
    Clamped {
        /// How many offsets the group skips.
        records: i64,
    },
    /// Not exact, for this reason.
    Near(String),
}

impl Fit {
    /// Whether a consumer neither skips nor repeats anything.
    pub fn is_exact(&self) -> bool {
        *self == Self::Exact
    }

    /// The explanation of a fit that isn't exact.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Exact => None,
            Self::Held { frontier, records } => Some(format!(
                "the group is {records} offsets beyond the frontier {frontier}; it advances when they are mirrored"
            )),
            Self::Clamped { records } => Some(format!(
                "{records} offsets from the group's place on are not on the target; it resumes at the first that is"
            )),
            Self::Near(why) => Some(why.clone()),
        }
    }
}

impl TargetPosition {
    /// The commit that puts a group here, with the application's metadata.
    pub fn intent(&self, commit: &SourceCommit) -> PlannedCommit {
        PlannedCommit {
            offset: self.offset,
            stands_for: self.stands_for,
            metadata: commit.metadata.clone(),
        }
    }
}

/// The place of a committed offset, given its translation and the log start of the mirror partition. Errors:
/// `UnknownPartition` and `NotReady`.
pub fn place(
    committed: SourceOffset,
    translation: Result<Translation, Untranslatable>,
    target_log_start: TargetOffset,
) -> Result<TargetPosition, Untranslatable> {
    let (offset, stands_for, fit) = match translation {
        Ok(found) if found.exact => (found.target_offset, committed, Fit::Exact),
        Ok(found) => {
            let fit = Fit::Near(found.reason.unwrap_or_default());
            (found.target_offset, committed, fit)
        }
        Err(Untranslatable::BeyondFrontier {
            frontier,
            target_end,
        }) => {
            let records = committed.since(frontier);
            (target_end, frontier, Fit::Held { frontier, records })
        }
        Err(Untranslatable::BeforeMap { source, target }) => {
            let records = source.since(committed);
            (target, committed, Fit::Clamped { records })
        }
        Err(why @ (Untranslatable::UnknownPartition | Untranslatable::NotReady(_))) => {
            return Err(why);
        }
    };
    let below = target_log_start.since(offset);
    if below <= 0 {
        return Ok(TargetPosition {
            offset,
            stands_for,
            fit,
        });
    }
    let before = match fit {
        Fit::Clamped { records } => records,
        Fit::Exact | Fit::Held { .. } | Fit::Near(_) => 0,
    };
    Ok(TargetPosition {
        offset: target_log_start,
        stands_for,
        fit: Fit::Clamped {
            records: before + below,
        },
    })
}

#[cfg(test)]
mod tests;
