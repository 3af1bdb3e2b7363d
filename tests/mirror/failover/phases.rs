//! An operation whose process is killed in any phase goes on by itself and ends as if nothing had happened.

use std::collections::BTreeSet;

use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::groups;
use crate::support::operator::{Operation, PHASES};
use crate::support::topics;

const ORDERS: (&str, i32) = ("orders", 0);
/// Target offsets are smaller than source offsets by this.
const SHIFT: i64 = 100;
/// So many that committing them takes a while.
const GROUPS: i64 = 40;
/// How often a phase is tried to be met: the short ones may be over before they are seen.
const TRIES: usize = 3;

#[tokio::test]
async fn an_operation_killed_in_any_phase_goes_on_to_what_it_fixed() {
    // Group sync looks once, at the start: the groups of a round are on the target only when they are moved there.
    let link = "topics = [\"orders\"]\ngroup_sync_interval = \"1h\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..400).await;
    topics::delete_records(&setting.paris.bootstrap(), "orders", 0, SHIFT).await;
    setting.farshore.start().await;
    let mut met = BTreeSet::new();
    for phase in PHASES.iter().take(6) {
        for round in 0..TRIES {
            if met.contains(*phase) {
                break;
            }
            let round = format!("{phase}{round}");
            met.insert(killed_and_resumed(&mut setting, phase, &round).await);
        }
    }
    println!("killed in {met:?}");
    for phase in ["draining", "committing", "verifying"] {
        assert!(met.contains(phase), "never killed in {phase}: {met:?}");
    }
}

/// Moves groups of its own and kills farshore when the phase is seen; gives the phase it was killed in.
async fn killed_and_resumed(setting: &mut Setting, phase: &str, round: &str) -> String {
    let paris = setting.paris.bootstrap();
    setting.mirrored("orders", 1).await;
    let group = |number: i64| format!("{round}-{number}");
    let at = |number: i64| (group(number), ("orders", 0, SHIFT + number));
    let commits: Vec<_> = (0..GROUPS).map(at).collect();
    groups::commit_each(&paris, &commits).await;
    let plan = setting
        .farshore
        .clear_plan("switchover", &format!("{round}-.*"))
        .await;
    let answer = setting.farshore.start_operation(&plan).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let seen = setting.farshore.operation_enters(&plan.id, phase).await;
    setting.farshore.kill9();

    // A group that goes on on the source meanwhile: its new offset counts only before the offsets were fixed.
    let later = SHIFT + 2 * GROUPS;
    groups::commit(&paris, &group(0), &[("orders", 0, later)]).await;
    setting.farshore.start().await;
    let is_over = |o: &Operation| o.phase == "done" || o.phase == "stopped";
    let operation = setting
        .farshore
        .operation_is(&plan.id, "over", is_over)
        .await;
    assert_eq!(operation.phase, "done", "{operation:?}");
    equals_the_target(setting, &operation, later).await;
    seen
}

async fn equals_the_target(setting: &Setting, operation: &Operation, later: i64) {
    let groups: Vec<String> = operation.groups.iter().map(|p| p.group.clone()).collect();
    assert_eq!(groups.len(), usize::try_from(GROUPS).expect("a number"));
    let found = groups::committed_each(&setting.oslo.bootstrap(), &groups, ORDERS).await;
    for planned in &operation.groups {
        let number = planned.group.rsplit('-').next().expect("a number");
        let fixed = SHIFT + number.parse::<i64>().expect("a number");
        let went_on = number == "0" && planned.source_offset == later;
        assert!(planned.source_offset == fixed || went_on, "{planned:?}");
        assert_eq!(planned.target_offset, planned.source_offset - SHIFT);
        assert_eq!(found.get(&planned.group), Some(&planned.target_offset));
    }
}
