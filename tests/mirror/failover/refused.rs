//! Moves that are refused: which plan, why, and with which exit code.

use farshore::checkpoint::documents::DocumentKind;
use farshore::checkpoint::{self, Store as _, Update};
use serde_json::{Value, json};

use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::groups::Member;
use crate::support::operator::{Blocker, Plan};
use crate::support::wait::eventually;
use crate::support::write::{Writer, numbered};

/// The exit code when a precondition fails.
const REFUSED: Option<i32> = Some(3);

async fn setting() -> Setting {
    let link = "topics = [\".*\"]\ngroup_sync_interval = \"200ms\"\nrequest_timeout = \"5s\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    for topic in ["orders", "spoiled"] {
        setting.topic(topic, 1, &[]).await;
        setting.write(topic, 0, 0..50).await;
    }
    setting.farshore.start().await;
    for (group, topic) in [
        ("clerks", "orders"),
        ("others", "orders"),
        ("spoiled", "spoiled"),
    ] {
        setting.mirrored(topic, 1).await;
        setting.commits(group, (topic, 0), 20).await;
        setting
            .farshore
            .carries_exactly(group, (topic, 0), 20)
            .await;
    }
    setting
}

fn codes(blockers: &[Blocker]) -> Vec<&str> {
    blockers.iter().map(|blocker| &*blocker.code).collect()
}

impl Setting {
    /// Checks that a plan has this one blocker, however it is asked for.
    async fn is_blocked(&self, kind: &str, groups: &str, code: &str) -> Blocker {
        let (exit, plan) = self.farshore.plan(kind, groups).await;
        assert_eq!(exit, REFUSED, "{plan:?}");
        assert_eq!(codes(&plan.blockers), [code], "{plan:?}");
        self.is_refused(&plan, code).await;
        plan.blockers[0].clone()
    }

    async fn is_refused(&self, plan: &Plan, code: &str) {
        let applied = self.farshore.apply_with(&plan.id, &plan.hash).await;
        assert_eq!(applied.status.code(), REFUSED, "{applied:?}");
        let answer = self.farshore.start_operation(plan).await;
        assert_eq!(answer.status, 412, "{}", answer.body);
        assert_eq!(answer.body["blockers"][0]["code"], code);
        let told = String::from_utf8_lossy(&applied.stderr).into_owned();
        let message = answer.body["blockers"][0]["message"]
            .as_str()
            .expect("a message");
        assert!(told.contains(message), "{told}");
    }

    async fn is_stale(&self, plan: &Plan, hash: &str, why: &str) {
        let applied = self.farshore.apply_with(&plan.id, hash).await;
        assert_eq!(applied.status.code(), REFUSED, "{applied:?}");
        let told = String::from_utf8_lossy(&applied.stderr).into_owned();
        assert!(told.contains("stale") && told.contains(why), "{told}");
        assert!(self.farshore.operation(&plan.id).await.is_err());
    }
}

#[tokio::test]
async fn what_stands_against_a_move_is_listed_and_refuses_it() {
    let mut setting = setting().await;
    setting
        .is_blocked("failover", "nobody", "unknown_group")
        .await;
    let plan = setting
        .farshore
        .plan_with_topics("switchover", "clerks", &["nowhere"])
        .await;
    assert_eq!(codes(&plan.blockers), ["unknown_topic"]);
    assert_eq!(plan.blockers[0].topic.as_deref(), Some("nowhere"));

    // The plan had no blockers when it was made.
    let plan = setting.farshore.clear_plan("failover", "clerks").await;
    let member = Member::join(&setting.oslo.bootstrap(), "clerks", "orders").await;
    setting.is_refused(&plan, "group_active").await;
    let blocker = setting
        .is_blocked("failover", "clerks", "group_active")
        .await;
    assert_eq!(blocker.group.as_deref(), Some("clerks"));
    drop(member);

    spoil(&setting).await;
    let blocker = setting
        .is_blocked("failover", "spoiled", "partition_diverged")
        .await;
    assert_eq!(
        (blocker.topic.as_deref(), blocker.partition),
        (Some("spoiled"), Some(0))
    );

    setting.farshore.set_paused(true).await;
    setting
        .is_blocked("switchover", "others", "partition_stands_still")
        .await;
    setting.farshore.set_paused(false).await;

    setting.paris.kill(1);
    let (exit, plan) = setting.farshore.plan("switchover", "others").await;
    assert_eq!(exit, REFUSED);
    assert!(
        codes(&plan.blockers).contains(&"source_unreachable"),
        "{plan:?}"
    );
    let plan = setting.farshore.clear_plan("failover", "others").await;
    setting.farshore.moves(&plan).await;
}

/// Writes to a mirror partition as another client.
async fn spoil(setting: &Setting) {
    let writer = Writer::new(&setting.oslo.bootstrap(), "spoiled", &[]);
    writer.write(numbered(0, 0..1)).await;
    setting.write("spoiled", 0, 50..60).await;
    let path = "/v1/links/paris-oslo/topics/spoiled";
    eventually(
        crate::setting::CATCH_UP,
        "spoiled is diverged",
        async || {
            let topic = setting.farshore.get_json(path).await?;
            match topic["partitions"][0]["state"].as_str() {
                Some("diverged") => Ok(()),
                _ => Err(topic.to_string()),
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_plan_is_executed_only_as_it_was_read() {
    let mut setting = setting().await;
    let plan = setting.farshore.clear_plan("failover", "clerks").await;
    let other = setting.farshore.clear_plan("failover", "others").await;
    setting.is_stale(&plan, &other.hash, "hash").await;
    let unknown = setting.farshore.apply_with("nothing", &plan.hash).await;
    assert_eq!(unknown.status.code(), Some(2), "{unknown:?}");

    // The group advances, so that the offsets of the plan are no longer those of the source.
    setting.commits("clerks", ("orders", 0), 30).await;
    setting
        .farshore
        .carries_exactly("clerks", ("orders", 0), 30)
        .await;
    setting
        .is_stale(&plan, &plan.hash, "the situation has changed")
        .await;

    setting.farshore.sigterm().await;
    expire(&setting, &other).await;
    setting.farshore.start().await;
    setting.is_stale(&other, &other.hash, "expired").await;

    let image = setting.image(("orders", 0), 30, 30).await;
    assert_eq!(setting.committed("clerks", ("orders", 0)).await, image);
    setting
        .farshore
        .carries_exactly("clerks", ("orders", 0), 30)
        .await;
}

/// Backdates a plan, to avoid waiting until it expires.
async fn expire(setting: &Setting, plan: &Plan) {
    let store = checkpoint::open(&setting.farshore.checkpoint_path()).expect("the checkpoint DB");
    let name = DocumentKind::Plan
        .find(&*store, &plan.id)
        .expect("the plan is read");
    let name = name.expect("the plan is stored");
    let stored = name.load::<Value>(&*store).expect("the plan is read");
    let mut stored = stored.expect("the plan is stored");
    stored.head["expires_at"] = json!("2024-02-29T12:00:00Z");
    let mut update = Update::new();
    name.put(&mut update, &stored);
    store.commit(update).await.expect("the plan is changed");
}
