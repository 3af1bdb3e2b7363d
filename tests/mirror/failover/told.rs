//! What is told before a move and after the source is lost: offsets that the target would refuse, and how old what is known
//! of the source is.

use crate::setting::{Setting, farshore};
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::farshore::Farshore;
use crate::support::groups;
use crate::support::operator::{Carried, LINK};

const ORDERS: (&str, i32) = ("orders", 0);
/// More than the target takes with a commit, which is Kafka's default.
const METADATA: usize = 9_000;

#[tokio::test]
async fn metadata_blocks_a_move_and_without_the_source_groups_tell_what_the_target_has() {
    let link = "topics = [\".*\"]\ngroup_sync_interval = \"200ms\"\nrequest_timeout = \"5s\"";
    let paris = Spec::new(KafkaVersion::V4_1).property("offset.metadata.max.bytes", "16384");
    let oslo = Spec::new(KafkaVersion::V4_1);
    let mut setting = Setting::between(paris, oslo, link).await;
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..50).await;
    let checked = setting.farshore.cli(&["check"]).await;
    let told = String::from_utf8_lossy(&checked.stdout).into_owned();
    let limits = "offset.metadata.max.bytes is 4096 on oslo and 16384 on paris";
    assert!(told.contains(limits), "{told}");
    setting.farshore.start().await;
    setting.mirrored("orders", 1).await;
    let text = "x".repeat(METADATA);
    let bootstrap = setting.paris.bootstrap();
    groups::commit_with_texts(&bootstrap, "clerks", &[("orders", 0, 30)], &[&text]).await;
    setting.commits("others", ORDERS, 20).await;
    setting.farshore.carries_exactly("others", ORDERS, 20).await;
    let is_waiting = |c: &Carried| c.state == "waiting" && c.source_offset == Some(30);
    setting
        .farshore
        .carries("clerks", ORDERS, "refused", is_waiting)
        .await;
    for kind in ["switchover", "failover"] {
        let (exit, plan) = setting.farshore.plan(kind, "clerks").await;
        assert_eq!(exit, Some(3), "{plan:?}");
        let [blocker] = &plan.blockers[..] else {
            panic!("{plan:?}");
        };
        assert_eq!(blocker.code, "metadata_too_large");
        let figures = "9000 bytes of metadata, and the target takes at most 4096";
        assert!(blocker.message.contains(figures), "{blocker:?}");
    }
    without_the_source(&mut setting).await;
}

/// The source is lost, and farshore starts again without it.
async fn without_the_source(setting: &mut Setting) {
    setting.farshore.kill9();
    setting.paris.kill(1);
    setting.farshore.start().await;
    let is_known =
        |c: &Carried| c.source_offset == Some(20) && c.target_offset == Some(20) && c.exact;
    setting
        .farshore
        .carries("others", ORDERS, "shown without the source", is_known)
        .await;
    let is_absent = |c: &Carried| c.source_offset == Some(30) && c.target_offset.is_none();
    setting
        .farshore
        .carries("clerks", ORDERS, "not on the target", is_absent)
        .await;
    let shown = setting.farshore.cli(&["groups", "--link", LINK]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("\nThe groups of the source can't be read ("),
        "{shown}"
    );
    assert!(shown.contains("Source offsets are as of 20"), "{shown}");

    let line = ["plan", "failover", "--link", LINK, "--groups", "others"];
    let shown = setting.farshore.cli(&line).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(" before this plan: "), "{shown}");
    let plan = setting.farshore.clear_plan("failover", "others").await;
    let operation = setting.farshore.moves(&plan).await;
    is_moved(&setting.farshore, "others", &operation.id, 20).await;
}

/// Waits until a group is shown as moved by an operation, at this offset on the target.
async fn is_moved(farshore: &Farshore, group: &str, by: &str, offset: i64) {
    let what = format!("moved by {by}, at {offset}");
    let is_there = |c: &Carried| {
        let is_told = c.moved_by.as_deref() == Some(by) && c.detail.contains(by);
        c.state == "moved" && is_told && c.target_offset == Some(offset)
    };
    farshore.carries(group, ORDERS, &what, is_there).await;
}

#[tokio::test]
async fn a_moved_group_is_told_with_its_operation_also_by_the_process_that_takes_over() {
    let link = "topics = [\"orders\"]\ngroup_sync_interval = \"200ms\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..50).await;
    setting.farshore.start().await;
    setting.mirrored("orders", 1).await;
    for group in ["clerks", "idlers"] {
        setting.commits(group, ORDERS, 20).await;
        setting.farshore.carries_exactly(group, ORDERS, 20).await;
    }
    let plan = setting.farshore.clear_plan("switchover", ".*").await;
    let first = setting.farshore.moves(&plan).await.id;
    for group in ["clerks", "idlers"] {
        is_moved(&setting.farshore, group, &first, 20).await;
    }
    let (code, empty) = setting.farshore.plan("failover", ".*").await;
    assert_eq!(code, Some(3), "both were moved");
    assert_eq!(empty.blockers[0].code, "nothing_to_move", "{empty:?}");
    // One goes on on the target. The other went on on the source and is moved again, by another operation.
    let oslo = setting.oslo.bootstrap();
    groups::commit(&oslo, "clerks", &[("orders", 0, 33)]).await;
    setting.commits("idlers", ORDERS, 30).await;
    let plan = setting.farshore.clear_plan("switchover", "idlers").await;
    let second = setting.farshore.moves(&plan).await.id;
    assert_ne!(first, second);
    let are_told = async |farshore: &Farshore, offset: i64| {
        is_moved(farshore, "clerks", &first, offset).await;
        is_moved(farshore, "idlers", &second, 30).await;
    };
    are_told(&setting.farshore, 33).await;
    setting.farshore.kill9();
    setting.farshore.start().await;
    are_told(&setting.farshore, 33).await;

    // The standby has a DB of its own, and learns it from the journal.
    let mut standby = farshore(&setting.paris, &setting.oslo, link);
    standby.start().await;
    setting.farshore.kill9();
    groups::commit(&oslo, "clerks", &[("orders", 0, 37)]).await;
    setting.commits("clerks", ORDERS, 45).await;
    are_told(&standby, 37).await;
    setting.commits("witness", ORDERS, 45).await;
    standby.carries_exactly("witness", ORDERS, 45).await;
    are_told(&standby, 37).await;
    assert_eq!(setting.committed("clerks", ORDERS).await, 37);

    // Returned to group sync; what was committed on the target stays nevertheless.
    let give_back = ["groups", "--link", LINK, "--return", "clerks|idlers"];
    let returned = standby.cli(&give_back).await;
    assert_eq!(returned.status.code(), Some(0), "{returned:?}");
    setting.commits("idlers", ORDERS, 40).await;
    standby.carries_exactly("idlers", ORDERS, 40).await;
    let is_left_alone = |c: &Carried| c.state == "released" && c.target_offset == Some(37);
    standby
        .carries("clerks", ORDERS, "left alone", is_left_alone)
        .await;
    assert_eq!(setting.committed("clerks", ORDERS).await, 37);
}
