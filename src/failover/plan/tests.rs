mod fixing;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::control::groups::commit::{SourceCommit, TargetCommit, Written};
use crate::control::{MirroredPartition, TargetLog};
use crate::model::{
    HaltCode, PartitionState, Reason, SourceOffset, TargetOffset, TopicPartition, Translation,
    Untranslatable,
};

mod last_look;
mod limits;
mod metadata;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn partition() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

fn mirrored(state: PartitionState) -> MirroredPartition {
    MirroredPartition {
        partition: partition(),
        has_mirror: true,
        state,
        reason: state
            .needs_operator()
            .then(|| Reason::new(HaltCode::ForeignWrite, "somebody wrote")),
        frontier: Some(SourceOffset(100)),
        source_high_watermark: SourceOffset(100),
        at_risk_since_ms: Some(0),
        target_log_start: TargetOffset(0),
        target_end: TargetOffset(90),
        target_log: TargetLog::Whole,
        map_since_ms: 0,
    }
}

fn commit(source: i64, lookup: Result<Translation, Untranslatable>) -> CommitSituation {
    CommitSituation {
        commit: SourceCommit {
            offset: SourceOffset(source),
            metadata: Some("text".into()),
        },
        lookup,
        progress: None,
    }
}

fn mapped() -> CommitSituation {
    translated(50, 45, None)
}

/// A commit whose translation is exact unless there is a reason.
fn translated(source: i64, target: i64, reason: Option<&str>) -> CommitSituation {
    let translation = Translation {
        source_offset: SourceOffset(source),
        target_offset: TargetOffset(target),
        exact: reason.is_none(),
        reason: reason.map(str::to_owned),
    };
    commit(source, Ok(translation))
}

/// A commit 10 offsets beyond the frontier.
fn beyond() -> CommitSituation {
    let why = Untranslatable::BeyondFrontier {
        frontier: SourceOffset(100),
        target_end: TargetOffset(90),
    };
    commit(110, Err(why))
}

fn situation(kind: MoveKind, commit: CommitSituation) -> Situation {
    let group = GroupSituation {
        commits: BTreeMap::from([(partition(), commit)]),
        ..GroupSituation::default()
    };
    Situation {
        kind,
        link: "paris-oslo".into(),
        source_failure: (kind == MoveKind::Failover).then(|| "gone".to_owned()),
        offsets_as_of: None,
        groups: BTreeMap::from([("billing".into(), group)]),
        allow_loss: None,
        moved: BTreeMap::new(),
        asked_topics: BTreeSet::new(),
        partitions: BTreeMap::from([(partition(), mirrored(PartitionState::Live))]),
        expiring: None,
        metadata_limit: Some(4096),
        source_ends: BTreeMap::new(),
    }
}

fn failover(commit: CommitSituation) -> Situation {
    situation(MoveKind::Failover, commit)
}

fn planned(situation: &Situation) -> Plan {
    plan(situation, "p1".to_owned(), NOW)
}

fn codes(situation: &Situation) -> Vec<BlockerCode> {
    planned(situation).blockers.iter().map(|b| b.code).collect()
}

#[test]
fn a_mirrored_offset_moves_exactly_with_its_metadata() {
    let plan = planned(&failover(mapped()));
    let expected = Move {
        group: "billing".into(),
        partition: partition(),
        source_offset: SourceOffset(50),
        target_offset: TargetOffset(45),
        stands_for: SourceOffset(50),
        exact: true,
        detail: None,
        unreachable_records: 0,
        at_most: false,
        metadata: Some("text".into()),
    };
    assert_eq!(*plan.groups, [expected]);
    assert!(plan.blockers.is_empty() && plan.warnings.is_empty());
}

#[test]
fn records_known_on_the_source_that_never_arrived_are_counted() {
    let mut situation = failover(mapped());
    assert_eq!(planned(&situation).groups[0].unreachable_records, 0);
    situation.source_ends.insert(partition(), SourceOffset(120));
    assert_eq!(planned(&situation).groups[0].unreachable_records, 20);
    let mirrored = situation.partitions.get_mut(&partition()).unwrap();
    mirrored.source_high_watermark = SourceOffset(130);
    let plan = planned(&situation);
    assert_eq!(plan.groups[0].unreachable_records, 30);
    assert!(plan.groups[0].exact && plan.groups[0].at_most);
}

#[test]
fn an_offset_beyond_the_frontier_goes_to_the_end_of_the_target_and_says_so() {
    let plan = planned(&failover(beyond()));
    let planned = &plan.groups[0];
    assert_eq!(planned.target_offset, TargetOffset(90));
    assert_eq!((planned.exact, planned.unreachable_records), (false, 10));
    assert!(planned.detail.as_ref().unwrap().contains("10 offsets"));
}

#[test]
fn a_switchover_counts_nothing_lost_since_it_waits_for_what_is_missing() {
    let plan = planned(&situation(MoveKind::Switchover, beyond()));
    assert_eq!(
        (plan.groups[0].exact, plan.groups[0].unreachable_records),
        (true, 0)
    );
}

#[test]
fn h18_what_retention_took_from_the_target_is_counted_in_the_plan() {
    let mut situation = failover(mapped());
    let mirrored = situation.partitions.get_mut(&partition()).unwrap();
    mirrored.target_log_start = TargetOffset(60);
    let planned = &planned(&situation).groups[0];
    assert_eq!(
        (planned.target_offset, planned.exact),
        (TargetOffset(60), false)
    );
    assert!(planned.detail.as_ref().unwrap().contains("15 offsets"));
}

#[test]
fn h16_a_group_that_went_on_the_target_by_itself_is_left_there() {
    let found = TargetCommit {
        offset: TargetOffset(47),
        metadata: None,
    };
    let theirs = |written: &Written| {
        let CommitSituation { commit, lookup, .. } = mapped();
        failover(CommitSituation::new(commit, lookup, Some(&found), written))
    };
    let plan = planned(&theirs(&Written::default()));
    assert_eq!(plan.groups.len(), 0);
    assert_eq!(plan.blockers[0].code, BlockerCode::NothingToMove);
    assert!(plan.warnings[0].contains("47"), "{:?}", plan.warnings);

    let written = Written {
        last: Some(TargetOffset(47)),
        released: true,
        ..Written::default()
    };
    assert_eq!(planned(&theirs(&written)).groups.len(), 1);
}

#[test]
fn every_blocker_is_found() {
    let with = |change: &dyn Fn(&mut Situation)| {
        let mut situation = failover(mapped());
        change(&mut situation);
        codes(&situation)
    };
    assert_eq!(with(&|_| {}), []);
    let members = with(&|s| {
        for group in s.groups.values_mut() {
            group.active_on_target = true;
        }
    });
    assert_eq!(members, [BlockerCode::GroupActive]);
    let diverged = with(&|s| {
        s.partitions
            .insert(partition(), mirrored(PartitionState::Diverged));
    });
    assert_eq!(diverged, [BlockerCode::PartitionDiverged]);
    let topic = with(&|s| {
        s.asked_topics.insert("other".into());
    });
    assert_eq!(topic, [BlockerCode::UnknownTopic]);
    assert_eq!(with(&|s| s.groups.clear()), [BlockerCode::UnknownGroup]);
    let empty = with(&|s| {
        for group in s.groups.values_mut() {
            group.commits.clear();
        }
    });
    assert_eq!(empty, [BlockerCode::UnknownGroup]);
    assert_eq!(
        codes(&failover(commit(1, Err(Untranslatable::UnknownPartition)))),
        [BlockerCode::UnknownTopic]
    );
    let loading = commit(1, Err(Untranslatable::NotReady("loading".into())));
    assert_eq!(codes(&failover(loading)), [BlockerCode::NotReady]);
}

#[test]
fn a_switchover_needs_the_source_and_partitions_that_move() {
    let mut switchover = situation(MoveKind::Switchover, mapped());
    assert_eq!(codes(&switchover), []);
    switchover.source_failure = Some("gone".to_owned());
    assert_eq!(codes(&switchover), [BlockerCode::SourceUnreachable]);
    for (state, kind, expected) in [
        (
            PartitionState::Halted,
            MoveKind::Switchover,
            Some(BlockerCode::PartitionStandsStill),
        ),
        (
            PartitionState::Paused,
            MoveKind::Switchover,
            Some(BlockerCode::PartitionStandsStill),
        ),
        (
            PartitionState::Diverged,
            MoveKind::Switchover,
            Some(BlockerCode::PartitionDiverged),
        ),
        (PartitionState::Halted, MoveKind::Failover, None),
        (PartitionState::Paused, MoveKind::Failover, None),
    ] {
        let mut situation = situation(kind, mapped());
        situation.partitions.insert(partition(), mirrored(state));
        assert_eq!(
            codes(&situation),
            Vec::from_iter(expected),
            "{state} {kind:?}"
        );
    }
}

#[test]
fn a_partition_of_topics_outside_the_move_blocks_nothing() {
    let mut situation = failover(mapped());
    let mut other = mirrored(PartitionState::Diverged);
    other.partition = TopicPartition::new("unrelated", 0);
    situation.partitions.insert(other.partition.clone(), other);
    assert_eq!(codes(&situation), []);
}

#[test]
fn h19_what_the_target_lacks_in_topics_outside_the_move_is_a_warning() {
    let mut situation = failover(mapped());
    let output = MirroredPartition {
        partition: TopicPartition::new("output", 3),
        ..mirrored(PartitionState::Live)
    };
    let end = output.frontier.unwrap();
    let partition = output.partition.clone();
    situation.partitions.insert(partition.clone(), output);
    situation.source_ends.insert(partition.clone(), end);
    assert_eq!(planned(&situation).warnings, Vec::<String>::new());
    situation
        .source_ends
        .insert(partition, SourceOffset(end.get() + 1));
    let warnings = planned(&situation).warnings;
    assert!(warnings[0].contains("output-3"), "{warnings:?}");
}

#[test]
fn equal_content_has_an_equal_hash_whenever_it_was_planned() {
    let one = planned(&failover(mapped()));
    let later = plan(&failover(mapped()), "p2".to_owned(), NOW + VALID_FOR);
    assert_eq!(one.hash, later.hash);
    assert_eq!(one.hash.len(), HASH_DIGITS);
    assert!(!one.is_expired(NOW) && one.is_expired(later.created_at));
}

#[test]
fn the_hash_of_a_failover_covers_offsets_and_that_of_a_switchover_does_not() {
    let moved = || translated(51, 46, None);
    let hash = |kind, commit| planned(&situation(kind, commit)).hash;
    assert_ne!(
        hash(MoveKind::Failover, mapped()),
        hash(MoveKind::Failover, moved())
    );
    assert_eq!(
        hash(MoveKind::Switchover, mapped()),
        hash(MoveKind::Switchover, moved())
    );

    let mut answering = failover(mapped());
    answering.source_failure = None;
    assert_eq!(hash(MoveKind::Failover, mapped()), planned(&answering).hash);
    assert_ne!(
        planned(&answering).warnings,
        planned(&failover(mapped())).warnings
    );

    let mut blocked = situation(MoveKind::Switchover, mapped());
    blocked.source_failure = Some("gone".to_owned());
    assert_ne!(hash(MoveKind::Switchover, mapped()), planned(&blocked).hash);
}

#[test]
fn a_plan_survives_the_checkpoint_db_and_reads_as_the_api_names_it() {
    let plan = planned(&failover(mapped()));
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let first = &json["groups"][0];
    assert_eq!(
        (&first["topic"], &first["partition"]),
        (&"orders".into(), &0.into())
    );
    assert_eq!(
        (&json["kind"], &first["target_offset"]),
        (&"failover".into(), &45.into())
    );
}

#[test]
fn the_final_moves_of_a_switchover_must_be_as_exact_as_its_plan() {
    let promised = planned(&situation(MoveKind::Switchover, mapped())).groups;
    let drained = situation(MoveKind::Switchover, translated(60, 55, None));
    let fixed = final_moves(&promised, &drained).unwrap();
    assert_eq!(fixed[0].target_offset, TargetOffset(55));

    let worse = situation(MoveKind::Switchover, translated(60, 55, Some("why")));
    let blockers = final_moves(&promised, &worse).unwrap_err();
    assert_eq!(
        (blockers[0].code, blockers.len()),
        (BlockerCode::NotExact, 1)
    );
    let promised_worse = planned(&worse).groups;
    assert_eq!(final_moves(&promised_worse, &worse).unwrap().len(), 1);
}
