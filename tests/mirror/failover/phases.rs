//! An operation whose process is killed in any phase resumes by itself, and ends as if nothing had happened or reports what
//! has.

use std::collections::BTreeSet;

use crate::setting::{Path, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::groups;
use crate::support::operator::{Operation, PHASES};
use crate::support::topics;

const ORDERS: (&str, i32) = ("orders", 0);
/// How much smaller target offsets are than source offsets on the raw path.
const SHIFT: i64 = 100;
/// Enough groups that committing them takes a while.
const GROUPS: i64 = 40;
/// The number of attempts to catch a phase: the short ones may be over before they are seen.
const TRIES: usize = 3;

/// One set of groups, moved by an operation whose process was killed.
struct Round {
    /// The prefix of the groups' names.
    name: String,
    id: String,
    /// The phase in which it was killed.
    seen: String,
}

impl Round {
    fn group(&self, number: i64) -> String {
        format!("{}-{number}", self.name)
    }
}

async fn setting() -> Setting {
    // Group sync looks only once, at the start, so that only the move brings the groups of a round to the target.
    let link = "topics = [\"orders\"]\ngroup_sync_interval = \"1h\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..400).await;
    topics::delete_records(&setting.paris.bootstrap(), "orders", 0, SHIFT).await;
    setting.farshore.start().await;
    setting
}

/// Moves groups and kills farshore when a phase is seen, or the first one after it.
async fn killed_in(setting: &mut Setting, phase: &str, number: usize) -> Round {
    let name = format!("{phase}{number}");
    setting.mirrored("orders", 1).await;
    let at = |number: i64| (format!("{name}-{number}"), ("orders", 0, SHIFT + number));
    let commits: Vec<_> = (0..GROUPS).map(at).collect();
    groups::commit_each(&setting.paris.bootstrap(), &commits).await;
    let expression = format!("{name}-.*");
    let plan = setting.farshore.clear_plan("switchover", &expression).await;
    let answer = setting.farshore.start_operation(&plan).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let seen = setting.farshore.operation_enters(&plan.id, phase).await;
    setting.farshore.kill9();
    let id = plan.id;
    Round { name, id, seen }
}

/// Restarts farshore and waits for the end of the operation.
async fn resumed(setting: &mut Setting, round: &Round) -> Operation {
    setting.farshore.start().await;
    let is_over = |o: &Operation| o.phase == "done" || o.phase == "stopped";
    let operation = setting.farshore.operation_is(&round.id, "over", is_over);
    operation.await
}

#[tokio::test]
async fn an_operation_killed_in_any_phase_goes_on_to_what_it_fixed() {
    let mut setting = setting().await;
    let mut met = BTreeSet::new();
    for phase in PHASES.iter().take(6) {
        for number in 0..TRIES {
            if met.contains(*phase) {
                break;
            }
            let round = killed_in(&mut setting, phase, number).await;
            // A group that advances on the source meanwhile: its new offset counts only until the offsets are fixed.
            let later = SHIFT + 2 * GROUPS;
            setting.commits(&round.group(0), ORDERS, later).await;
            let operation = resumed(&mut setting, &round).await;
            assert_eq!(operation.phase, "done", "{operation:?}");
            equals_the_target(&setting, &operation, &round, later).await;
            met.insert(round.seen);
        }
    }
    println!("killed in {met:?}");
    for phase in ["draining", "committing", "verifying"] {
        assert!(met.contains(phase), "never killed in {phase}: {met:?}");
    }
}

async fn equals_the_target(setting: &Setting, operation: &Operation, round: &Round, later: i64) {
    let names: Vec<String> = (0..GROUPS).map(|number| round.group(number)).collect();
    let found = groups::committed_each(&setting.oslo.bootstrap(), &names, ORDERS).await;
    assert_eq!(
        (found.len(), operation.groups.len()),
        (names.len(), names.len())
    );
    let pairs = setting.pairs("orders", 0).await;
    let may_go_on = ["draining", "fixing"].contains(&&*round.seen);
    for (number, group) in (0..).zip(&names) {
        let mut planned = operation.groups.iter().filter(|p| p.group == *group);
        let planned = planned.next().expect("the group was moved");
        let went_on = number == 0 && may_go_on && planned.source_offset == later;
        assert!(
            planned.source_offset == SHIFT + number || went_on,
            "{planned:?}"
        );
        let image = pairs.on_target(planned.source_offset);
        assert_eq!(planned.target_offset, image, "{planned:?}");
        let shifted = planned.source_offset - SHIFT;
        assert!(setting.path == Path::Record || image == shifted);
        assert_eq!(found[group], planned.target_offset, "{planned:?}");
    }
}

/// Kills in a phase, with as many attempts as it takes, and commits as another client for the first group before farshore
/// is back.
async fn disturbed_in(phase: &str, code: &str) {
    let mut setting = setting().await;
    for number in 0..TRIES * 2 {
        let round = killed_in(&mut setting, phase, number).await;
        let group = round.group(0);
        if round.seen == phase {
            let theirs = [("orders", 0, 250)];
            groups::commit(&setting.oslo.bootstrap(), &group, &theirs).await;
        }
        let operation = resumed(&mut setting, &round).await;
        if round.seen == phase {
            let stopped = (operation.phase.as_str(), operation.at.as_deref());
            assert_eq!(stopped, ("stopped", Some(phase)), "{operation:?}");
            assert_eq!(operation.blockers.len(), 1, "{operation:?}");
            assert_eq!(operation.blockers[0].code, code);
            assert_eq!(operation.blockers[0].group, Some(group.clone()));
            assert_eq!(setting.committed(&group, ORDERS).await, 250);
            return;
        }
    }
    panic!("never killed in {phase}");
}

#[tokio::test]
async fn an_operation_stops_at_progress_that_others_made_while_it_was_down() {
    disturbed_in("committing", "progress_on_target").await;
}

#[tokio::test]
async fn offsets_read_back_otherwise_than_committed_stop_an_operation() {
    disturbed_in("verifying", "read_back_differs").await;
}
