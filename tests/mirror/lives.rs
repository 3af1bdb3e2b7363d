//! A stopped partition: nothing moves it while its topic is paused, and an operator can release it in any life of its
//! worker.

use rustix::process::Signal;
use serde_json::json;

use crate::hazards::sight::{Sight, caught_up, stands_still, until};
use crate::hazards::{between, broker, noise, spec};
use crate::histories::told::resolve;
use crate::setting::{CATCH_UP, Setting, farshore};
use crate::support::farshore::Farshore;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

const LOW: [(&str, &str); 2] = [("max.message.bytes", "20000"), ("retention.ms", "-1")];
const RAISED: [(&str, &str); 2] = [("max.message.bytes", "100000"), ("retention.ms", "-1")];
const LINK: &str = "topics = [\"first\", \"second\"]";

/// A topic with a record that its mirror refuses, between others.
async fn too_strict(setting: &Setting, topic: &str) {
    setting.topic(topic, 1, &[]).await;
    let writer = Writer::new(&setting.paris.bootstrap(), topic, &[]);
    for (key, size) in [("small", 10), ("huge", 30_000), ("behind", 10)] {
        writer.write([Record::new(0, key, noise(size))]).await;
    }
    broker::configure(&setting.paris.bootstrap(), topic, &LOW).await;
    topics::create(&setting.oslo.bootstrap(), topic, 1, 1, &LOW).await;
}

/// The recheck of a halted partition resumes it if its cause is gone: once the second topic resumes, the first one's
/// recheck is over.
#[tokio::test]
async fn a_paused_partition_is_not_moved_by_the_recheck_of_what_it_stood_still_for() {
    let mut setting = between(spec(), spec(), LINK).await;
    for topic in ["first", "second"] {
        too_strict(&setting, topic).await;
    }
    setting.farshore.start().await;
    stands_still(&setting.farshore, ("first", 0)).await;
    stands_still(&setting.farshore, ("second", 0)).await;
    let pause = json!({"topics": ["first"]});
    let answer = setting
        .farshore
        .post_json("/v1/links/paris-oslo/pause", pause.clone());
    assert_eq!(answer.await.expect("an answer").status, 200);
    let is_paused = |it: &Sight| it.state == "paused";
    until(&setting.farshore, ("first", 0), "paused", is_paused).await;
    for topic in ["first", "second"] {
        broker::configure(&setting.oslo.bootstrap(), topic, &RAISED).await;
    }
    caught_up(&setting.farshore, ("second", 0), 3).await;
    let seen = until(&setting.farshore, ("first", 0), "paused", is_paused).await;
    assert_eq!(seen.position, 1);
    setting.holds("first", 0, 0..1).await;
    let answer = setting
        .farshore
        .post_json("/v1/links/paris-oslo/resume", pause);
    assert_eq!(answer.await.expect("an answer").status, 200);
    caught_up(&setting.farshore, ("first", 0), 3).await;
    assert_eq!(setting.compare("first", 1).await, 3);
}

#[tokio::test]
async fn a_partition_is_released_in_the_second_life_of_its_worker() {
    let mut setting = between(spec(), spec(), "topics = [\"first\"]").await;
    too_strict(&setting, "first").await;
    let mut other = farshore(&setting.paris, &setting.oslo, "topics = [\"first\"]");
    setting.farshore.start().await;
    stands_still(&setting.farshore, ("first", 0)).await;
    other.start().await;
    is(&other, "standby").await;
    // The owner is silent for longer than its lease, and owns the link again when the other one gives it up.
    setting.farshore.process().signal(Signal::STOP);
    is(&other, "stalled").await;
    setting.farshore.process().signal(Signal::CONT);
    is(&setting.farshore, "standby").await;
    other.sigterm().await;
    stands_still(&setting.farshore, ("first", 0)).await;
    let code = resolve(&setting.farshore, "first", &["skip_with_receipt"]).await;
    assert_eq!(code, Some(0), "{}", setting.farshore.process().stderr());
    caught_up(&setting.farshore, ("first", 0), 3).await;
    assert_eq!(setting.shown("first", 1).await, Ok(2));
}

/// Waits until a process shows the link in a state.
async fn is(farshore: &Farshore, state: &str) {
    let what = format!("the link is {state}");
    eventually(CATCH_UP, &what, async || {
        let shown = farshore.get_json("/v1/links/paris-oslo").await?;
        let is_so = shown["state"] == state;
        is_so.then_some(()).ok_or(shown.to_string())
    })
    .await;
}
