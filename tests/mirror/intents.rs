//! Everything that writes to the target obeys the intents of the link and its topics, and they survive whatever happens.

use std::time::Duration;

use serde_json::{Value, json};

use crate::setting::{CATCH_UP, Setting, farshore};
use crate::support::brokers::KafkaVersion;
use crate::support::farshore::{Answer, Farshore};
use crate::support::operator::Carried;
use crate::support::wait::{eventually, pass};
use crate::support::{configs, groups, topics};

const LINK: &str = r#"
topics = ["t.*"]
refresh_interval = "200ms"
group_sync_interval = "200ms"
request_timeout = "2s"
"#;
/// The time of many rounds of topic discovery and group sync.
const ROUNDS: Duration = Duration::from_secs(3);
const T: (&str, i32) = ("t", 0);

async fn asks(farshore: &Farshore, verb: &str, body: Value) -> Answer {
    let path = format!("/v1/links/paris-oslo/{verb}");
    farshore.post_json(&path, body).await.expect("an answer")
}

/// Waits until the link satisfies the condition.
async fn link_is(farshore: &Farshore, what: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
    eventually(CATCH_UP, what, async || {
        let shown = farshore.get_json("/v1/links/paris-oslo").await?;
        if is_wanted(&shown) {
            Ok(shown)
        } else {
            Err(shown.to_string())
        }
    })
    .await
}

/// A link whose topic `t` is mirrored, with a group at 50.
async fn mirroring() -> Setting {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    setting.commits("clerks", T, 50).await;
    setting.farshore.carries_exactly("clerks", T, 50).await;
    setting
}

/// Everything on the target that the link may write to, except for its journal.
async fn target(setting: &Setting) -> impl PartialEq + std::fmt::Debug + use<> {
    let oslo = setting.oslo.bootstrap();
    let all = configs::topics(&oslo).await.expect("the topics");
    let settings = configs::of_topic(&oslo, "t").await.expect("the settings");
    let end = topics::watermarks(&oslo, "t", 0).await;
    let offsets = groups::committed(&oslo, "clerks", &[T]).await;
    (all, settings, end, offsets)
}

#[tokio::test]
async fn a_paused_link_writes_nothing_to_the_target_until_it_is_resumed() {
    let mut setting = mirroring().await;
    let answer = asks(&setting.farshore, "pause", json!({})).await;
    assert_eq!(
        (answer.status, &answer.body["state"]),
        (200, &json!("paused"))
    );
    assert_eq!(answer.body["intent"]["pending"], false);
    let before = target(&setting).await;
    // One pending write of each kind.
    setting.write("t", 0, 100..200).await;
    setting.topic("t2", 2, &[]).await;
    topics::grow(&setting.paris.bootstrap(), "t", 3).await;
    topics::configure(
        &setting.paris.bootstrap(),
        "t",
        &[("retention.ms", "31536000000000")],
    )
    .await;
    setting.commits("clerks", T, 80).await;
    let is_held = |c: &Carried| c.state == "paused" && c.source_offset == Some(80);
    let carried = setting.farshore.carries("clerks", T, "held", is_held).await;
    assert_eq!(carried.target_offset, Some(50));
    assert!(carried.expires_at.is_some_and(|at| at.starts_with("20")));
    pass(ROUNDS).await;
    assert_eq!(target(&setting).await, before);
    setting.farshore.kill9();
    setting.farshore.start().await;
    let paused = |link: &Value| link["state"] == "paused";
    link_is(&setting.farshore, "paused after a restart", paused).await;
    setting.farshore.carries("clerks", T, "held", is_held).await;
    pass(ROUNDS).await;
    assert_eq!(target(&setting).await, before);
    let plan = setting.farshore.clear_plan("failover", "clerks").await;
    let tells = |warning: &String| warning.contains("not kept from expiring");
    assert!(plan.warnings.iter().any(tells), "{plan:?}");

    let answer = asks(&setting.farshore, "resume", json!({})).await;
    assert_eq!(answer.status, 200);
    setting.arrives("t", 3, 200).await;
    assert_eq!(setting.compare("t", 3).await, 200);
    setting.farshore.carries_exactly("clerks", T, 80).await;
    eventually(CATCH_UP, "the new topic is mirrored", async || {
        let all = configs::topics(&setting.oslo.bootstrap()).await?;
        let is_there = all.contains(&("t2".to_owned(), 2));
        is_there.then_some(()).ok_or(format!("{all:?}"))
    })
    .await;
}

#[tokio::test]
async fn one_topic_is_paused_and_the_others_go_on() {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    for topic in ["t", "t2"] {
        setting.topic(topic, 1, &[]).await;
        setting.write(topic, 0, 0..100).await;
    }
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    setting.mirrored("t2", 1).await;
    let arguments = ["pause", "--link", "paris-oslo", "--topics", "t"];
    let paused = setting.farshore.cli(&arguments).await;
    assert!(paused.status.success(), "{paused:?}");
    let told = String::from_utf8_lossy(&paused.stdout);
    assert!(told.contains("paris-oslo t: intent paused"), "{told}");
    let before = topics::watermarks(&setting.oslo.bootstrap(), "t", 0).await;
    for topic in ["t", "t2"] {
        setting.write(topic, 0, 100..200).await;
    }
    setting.arrives("t2", 1, 200).await;
    pass(ROUNDS).await;
    let after = topics::watermarks(&setting.oslo.bootstrap(), "t", 0).await;
    assert_eq!(after, before);
    let arguments = ["resume", "--link", "paris-oslo", "--topics", "t.*"];
    let resumed = setting.farshore.cli(&arguments).await;
    assert!(resumed.status.success(), "{resumed:?}");
    setting.arrives("t", 1, 200).await;
    assert_eq!(setting.compare("t", 1).await, 200);
}

#[tokio::test]
async fn what_is_set_while_the_target_is_away_is_obeyed_and_taken_in_when_it_is_back() {
    let mut setting = mirroring().await;
    setting.farshore.sigterm().await;
    let before = topics::watermarks(&setting.oslo.bootstrap(), "t", 0).await;
    setting.oslo.pause(1);
    setting.farshore.start().await;
    let answer = asks(&setting.farshore, "pause", json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.body["intent"]["intent"], "paused");
    assert_eq!(answer.body["intent"]["pending"], true);
    // Durable without the target.
    setting.farshore.kill9();
    setting.farshore.start().await;
    let pending = |link: &Value| link["intent"]["pending"] == true;
    let shown = link_is(&setting.farshore, "pending after a restart", pending).await;
    assert_eq!(shown["intent"]["intent"], "paused");
    setting.write("t", 0, 100..200).await;
    setting.oslo.resume(1);
    let taken_in = |link: &Value| link["intent"]["pending"] == false && link["state"] == "paused";
    link_is(&setting.farshore, "taken in", taken_in).await;
    pass(ROUNDS).await;
    let after = topics::watermarks(&setting.oslo.bootstrap(), "t", 0).await;
    assert_eq!(after, before);
    let audit = setting
        .farshore
        .get_json("/v1/audit")
        .await
        .expect("the audit log");
    assert_eq!(audit[0]["entry"]["action"], "pause");
    assert_eq!(audit[0]["entry"]["from"], "127.0.0.1");

    // The journal holds it: a process with an empty checkpoint DB finds it there.
    setting.farshore.sigterm().await;
    setting.farshore = farshore(&setting.paris, &setting.oslo, LINK);
    setting.farshore.start().await;
    let paused = |link: &Value| link["state"] == "paused";
    let shown = link_is(&setting.farshore, "paused with a new DB", paused).await;
    assert_eq!(shown["intent"]["set_by"], "127.0.0.1");
    asks(&setting.farshore, "resume", json!({})).await;
    setting.arrives("t", 1, 200).await;
    assert_eq!(setting.compare("t", 1).await, 200);
}

#[tokio::test]
async fn a_standby_says_where_the_request_has_to_be_made() {
    let setting = mirroring().await;
    let mut standby = farshore(&setting.paris, &setting.oslo, LINK);
    standby.start().await;
    link_is(&standby, "standby", |link| link["state"] == "standby").await;
    for body in [json!({}), json!({ "topics": ["t"] })] {
        let refused = asks(&standby, "pause", body).await;
        assert_eq!(refused.status, 409);
        let detail = refused.body["detail"].to_string();
        let owner = format!("process {}", setting.farshore.process().pid());
        assert!(detail.contains(&owner), "{detail}");
        assert!(detail.contains(&setting.farshore.url()), "{detail}");
    }
    for line in [
        "plan failover --link paris-oslo",
        "groups --link paris-oslo",
    ] {
        let words: Vec<&str> = line.split(' ').collect();
        let told = standby.cli(&words).await;
        let text = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(!told.status.success(), "{text}");
        assert!(text.contains("this process is on standby"), "{text}");
        assert!(text.contains(&setting.farshore.url()), "{text}");
    }
    let shown = link_is(&standby, "not pending", |link| link["state"] == "standby").await;
    assert_eq!(
        shown["intent"],
        json!({ "intent": "mirror", "pending": false })
    );
}
