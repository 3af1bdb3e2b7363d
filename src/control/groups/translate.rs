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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn placed(
        committed: i64,
        found: Result<Translation, Untranslatable>,
        log_start: i64,
    ) -> (i64, i64, Fit) {
        let place = place(SourceOffset(committed), found, TargetOffset(log_start)).unwrap();
        (place.offset.get(), place.stands_for.get(), place.fit)
    }

    fn exact(source: i64, target: i64) -> Translation {
        Translation {
            source_offset: SourceOffset(source),
            target_offset: TargetOffset(target),
            exact: true,
            reason: None,
        }
    }

    #[test]
    fn a_mapped_offset_is_exact() {
        let mapped = Ok(exact(10, 7));
        assert_eq!(placed(10, mapped, 7), (7, 10, Fit::Exact));
    }

    #[test]
    fn an_offset_beyond_the_frontier_is_held_there() {
        let beyond = Err(Untranslatable::BeyondFrontier {
            frontier: SourceOffset(80),
            target_end: TargetOffset(75),
        });
        let held = Fit::Held {
            frontier: SourceOffset(80),
            records: 20,
        };
        assert_eq!(placed(100, beyond, 0), (75, 80, held));
    }

    #[test]
    fn an_offset_below_the_targets_log_start_is_clamped_and_counted() {
        let mapped = Ok(exact(10, 7));
        let clamped = Fit::Clamped { records: 13 };
        assert_eq!(placed(10, mapped, 20), (20, 10, clamped));
    }

    #[test]
    fn an_offset_before_the_map_counts_what_was_never_mirrored_and_what_is_gone_since() {
        let before = || {
            Err(Untranslatable::BeforeMap {
                source: SourceOffset(50),
                target: TargetOffset(0),
            })
        };
        assert_eq!(
            placed(10, before(), 0),
            (0, 10, Fit::Clamped { records: 40 })
        );
        assert_eq!(
            placed(10, before(), 5),
            (5, 10, Fit::Clamped { records: 45 })
        );
    }

    #[test]
    fn there_is_no_place_where_nothing_is_mirrored_or_known() {
        for why in [
            Untranslatable::UnknownPartition,
            Untranslatable::NotReady("loading".into()),
        ] {
            let place = place(SourceOffset(1), Err(why.clone()), TargetOffset(0));
            assert_eq!(place.unwrap_err(), why);
        }
    }

    proptest! {
        #[test]
        fn a_place_is_never_below_the_log_start_and_exact_only_where_the_map_says(
            committed in 0..100_i64, target in 0..100_i64, log_start in 0..100_i64,
        ) {
            let (offset, stands_for, fit) = placed(committed, Ok(exact(committed, target)), log_start);
            prop_assert!(offset >= log_start);
            prop_assert_eq!(stands_for, committed);
            prop_assert_eq!(fit.is_exact(), offset == target);
        }
    }
}
