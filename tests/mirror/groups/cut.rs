//! Group offsets arrive with everything that was there when they were committed (H19).

use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::operator::Carried;
use crate::support::topics;

const PARTITIONS: i32 = 4;
/// The broker of the target that stops answering.
const FROZEN: i32 = 2;

/// A partition of a topic whose mirror a broker leads.
async fn led_by(setting: &Setting, topic: &str, broker: i32) -> i32 {
    let oslo = setting.oslo.bootstrap();
    for partition in 0..PARTITIONS {
        if topics::leader(&oslo, topic, partition).await == broker {
            return partition;
        }
    }
    panic!("broker {broker} leads no partition of {topic}")
}

#[tokio::test]
async fn h19_the_input_of_an_application_does_not_run_ahead_of_its_output() {
    let (one, two) = (
        Spec::new(KafkaVersion::V4_1),
        Spec::new(KafkaVersion::V4_1).brokers(2),
    );
    let link = "topics = [\".*\"]\ngroup_sync_interval = \"200ms\"\nrequest_timeout = \"2s\"";
    let mut setting = Setting::between(one, two, link).await;
    for topic in ["input", "output"] {
        setting.topic(topic, PARTITIONS, &[]).await;
    }
    setting.farshore.start().await;
    for topic in ["input", "output"] {
        topics::wait_led(&setting.oslo.bootstrap(), topic, PARTITIONS).await;
    }
    let input = led_by(&setting, "input", 1).await;
    let output = led_by(&setting, "output", FROZEN).await;
    setting.write("input", input, 0..20).await;
    setting.commits("app", ("input", input), 5).await;
    setting
        .farshore
        .carries_exactly("app", ("input", input), 5)
        .await;

    setting.oslo.pause(FROZEN);
    setting.write("output", output, 0..10).await;
    for offset in [10, 11, 12] {
        setting.commits("app", ("input", input), offset).await;
        let waits = |c: &Carried| c.state == "pending" && c.source_offset == Some(offset);
        let what = format!("pending at {offset}");
        let carried = setting
            .farshore
            .carries("app", ("input", input), &what, waits);
        let carried = carried.await;
        assert_eq!(carried.target_offset, Some(5), "{carried:?}");
        assert!(
            carried.detail.contains(&format!("output-{output}")),
            "{carried:?}"
        );
    }
    assert_eq!(setting.committed("app", ("input", input)).await, 5);

    setting.oslo.resume(FROZEN);
    setting
        .farshore
        .carries_exactly("app", ("input", input), 12)
        .await;
    let (_, end) = topics::watermarks(&setting.oslo.bootstrap(), "output", output).await;
    assert_eq!(end, 10, "the output came before the offset");
}
