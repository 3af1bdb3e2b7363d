use crate::control::groups::commit::{TargetCommit, Written};
use crate::control::testing::partition;
use crate::model::{SourceOffset, TargetOffset};

use super::*;

/// A move of group `g` to target offset 45.
fn to_45() -> Move {
    Move {
        group: "g".into(),
        partition: partition(),
        source_offset: SourceOffset(50),
        target_offset: TargetOffset(45),
        stands_for: SourceOffset(50),
        exact: true,
        detail: None,
        unreachable_records: 0,
        at_most: false,
        metadata: None,
    }
}

/// Hazard H16: between the look before and the commit a consumer may have started on the target.
#[test]
fn a_move_is_committed_where_nobody_else_committed_since() {
    let planned = to_45();
    let missing = |found: Option<i64>, last: Option<i64>, intended: Option<i64>| {
        let found = found.map(|offset| TargetCommit {
            offset: TargetOffset(offset),
            metadata: None,
        });
        let written = Written {
            last: last.map(TargetOffset),
            intended: intended.map(TargetOffset),
            ..Written::default()
        };
        let present = Present::from([(partition(), (found, written))]);
        let writes = missing(&[&planned], present);
        writes
            .map(|writes| writes.len())
            .map_err(|blockers| blockers[0].code)
    };
    assert_eq!(missing(None, None, None), Ok(1));
    assert_eq!(missing(Some(40), Some(40), None), Ok(1));
    assert_eq!(missing(Some(40), Some(30), Some(40)), Ok(1));
    assert_eq!(missing(Some(45), None, None), Ok(0), "it is there already");
    let progress = Err(BlockerCode::ProgressOnTarget);
    for found in [41, 44, 46, 0] {
        assert_eq!(missing(Some(found), Some(40), None), progress);
        assert_eq!(missing(Some(found), None, None), progress);
    }
}
