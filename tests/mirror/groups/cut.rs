//! Group offsets arrive together with everything that existed when they were committed (H19).

use rustix::process::Signal;

use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::operator::Carried;
use crate::support::topics;

const PARTITIONS: i32 = 4;
/// The broker that stops answering.
const FROZEN: i32 = 2;
const OUTPUT_RECORDS: i64 = 10;

/// The input and output partitions of an application.
struct App {
    input: i32,
    output: i32,
    /// The group's offset on the target while it is held back.
    stands: i64,
}

impl App {
    /// Creates two mirrored topics, and a group at offset 5 in a partition of the first. In the cluster of two brokers the
    /// output partition is led by the one that will freeze, the input by the other.
    async fn start(brokers: [i32; 2]) -> (Setting, Self) {
        let link = "topics = [\".*\"]\ngroup_sync_interval = \"200ms\"\nrequest_timeout = \"2s\"";
        let [paris, oslo] = brokers.map(|count| Spec::new(KafkaVersion::V4_1).brokers(count));
        let mut setting = Setting::between(paris, oslo, link).await;
        for topic in ["input", "output"] {
            setting.topic(topic, PARTITIONS, &[]).await;
        }
        setting.farshore.start().await;
        for topic in ["input", "output"] {
            topics::wait_led(&setting.oslo.bootstrap(), topic, PARTITIONS).await;
        }
        let two = [&setting.paris, &setting.oslo][usize::from(brokers[0] == 1)];
        let mut app = Self {
            input: led_by(&two.bootstrap(), "input", 1).await,
            output: led_by(&two.bootstrap(), "output", FROZEN).await,
            stands: 5,
        };
        setting.write("input", app.input, 0..20).await;
        setting.commits("app", app.group(), 5).await;
        let farshore = &setting.farshore;
        farshore.carries_exactly("app", app.group(), 5).await;
        app.stands = setting.image(app.group(), 5, 5).await;
        (setting, app)
    }

    /// The partition that the group reads.
    fn group(&self) -> (&'static str, i32) {
        ("input", self.input)
    }

    async fn writes(&self, setting: &Setting) {
        setting
            .write("output", self.output, 0..OUTPUT_RECORDS)
            .await;
    }

    /// Waits until the group is seen at an offset on the source, and checks that it hasn't moved on the target.
    async fn is_held_back(&self, setting: &Setting, offset: i64, why: &str) {
        let waits = |c: &Carried| {
            c.state == "pending" && c.source_offset == Some(offset) && c.detail.contains(why)
        };
        let what = format!("pending at {offset}, {why}");
        let carried = setting.farshore.carries("app", self.group(), &what, waits);
        let carried = carried.await;
        assert_eq!(carried.target_offset, Some(self.stands), "{carried:?}");
    }

    /// Waits until the group is at an offset on the target too, with its output there before it.
    async fn arrives(&self, setting: &Setting, offset: i64) {
        let farshore = &setting.farshore;
        farshore.carries_exactly("app", self.group(), offset).await;
        setting
            .holds("output", self.output, 0..OUTPUT_RECORDS)
            .await;
    }
}

/// A partition of a topic that is led by a given broker.
async fn led_by(bootstrap: &str, topic: &str, broker: i32) -> i32 {
    for partition in 0..PARTITIONS {
        if topics::leader(bootstrap, topic, partition).await == broker {
            return partition;
        }
    }
    panic!("broker {broker} leads no partition of {topic}")
}

#[tokio::test]
async fn h19_the_input_of_an_application_does_not_run_ahead_of_its_output() {
    let (setting, app) = App::start([1, 2]).await;
    setting.oslo.pause(FROZEN);
    app.writes(&setting).await;
    for offset in [10, 11, 12] {
        setting.commits("app", app.group(), offset).await;
        let why = format!("output-{} has to reach", app.output);
        app.is_held_back(&setting, offset, &why).await;
    }
    assert_eq!(setting.committed("app", app.group()).await, app.stands);
    setting.oslo.resume(FROZEN);
    app.arrives(&setting, 12).await;
}

#[tokio::test]
async fn h19_nothing_runs_ahead_of_a_partition_whose_end_the_source_does_not_tell() {
    let (setting, app) = App::start([2, 1]).await;
    // It finds the output's broker frozen at its first look after the application has written.
    setting.farshore.process().signal(Signal::STOP);
    app.writes(&setting).await;
    setting.commits("app", app.group(), 10).await;
    setting.paris.pause(FROZEN);
    setting.farshore.process().signal(Signal::CONT);
    app.is_held_back(&setting, 10, "waits for the source to report")
        .await;
    assert_eq!(setting.committed("app", app.group()).await, app.stands);
    let path = "/v1/links/paris-oslo/readiness";
    let told = setting.farshore.get_json(path).await.expect("readiness");
    let checks = told["checks"].as_array().expect("checks");
    let groups = checks.iter().find(|it| it["name"] == "groups");
    let groups = groups.expect("a check of groups");
    assert_eq!(groups["outcome"], "warn", "{told}");
    let detail = groups["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("doesn't report the log ends"), "{told}");
    setting.paris.resume(FROZEN);
    app.arrives(&setting, 10).await;
}
