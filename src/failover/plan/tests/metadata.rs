//! Metadata of commits that is longer than the target takes.

use super::*;

/// A commit with metadata of this length.
fn noted(length: usize) -> CommitSituation {
    let mut noted = mapped();
    // Two bytes, and one unit of what brokers count.
    noted.commit.metadata = Some("\u{e9}".repeat(length));
    noted
}

#[test]
fn metadata_that_the_target_refuses_blocks_a_move() {
    for kind in [MoveKind::Failover, MoveKind::Switchover] {
        let plan = planned(&situation(kind, noted(9_000)));
        let [blocker] = &plan.blockers[..] else {
            panic!("{:?}", plan.blockers);
        };
        assert_eq!(blocker.code, BlockerCode::MetadataTooLarge);
        assert_eq!(blocker.partition, Some(partition().partition));
        let figures = "9000 bytes of metadata, and the target takes at most 4096";
        assert!(blocker.message.contains(figures), "{blocker}");
        assert_eq!(codes(&situation(kind, noted(4_096))), []);
    }
    let mut moved = noted(9_000);
    moved.progress = Some(TargetOffset(47));
    let alone = codes(&failover(moved));
    assert_eq!(alone, [BlockerCode::NothingToMove], "it isn't committed");
}

#[test]
fn an_unknown_limit_of_metadata_is_a_warning() {
    let warned = |length| {
        let mut situation = failover(noted(length));
        situation.metadata_limit = None;
        let plan = planned(&situation);
        assert_eq!(plan.blockers, []);
        plan.warnings.iter().any(|it| it.contains("9000 bytes"))
    };
    assert!(warned(9_000));
    assert!(!warned(4_096));
}
