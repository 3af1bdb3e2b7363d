//! Source brokers that don't assign topic ids: a different topic of the same name is recognized by other evidence.

use super::told::{content, decisions, has_no_image, is_mapped};
use crate::hazards::sight::{caught_up, stands_still};
use crate::hazards::{between, spec, write_batches};
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::topics;
use crate::support::wait::eventually;

/// The number of former records of each topic, and of those in the topic that replaces it.
const FORMER: usize = 10;
const TOPICS: [(&str, usize); 4] = [("empty", 0), ("shorter", 4), ("longer", 20), ("halted", 20)];

async fn create_again(setting: &Setting, topic: &str, records: usize) {
    let paris = setting.paris.bootstrap();
    topics::delete(&paris, topic).await;
    topics::create(&paris, topic, 1, 1, &[("retention.ms", "-1")]).await;
    if records > 0 {
        write_batches(setting, topic, 0, [100..100 + records], 20).await;
    }
}

async fn is_decided(setting: &Setting, topic: &str) {
    eventually(CATCH_UP, &format!("{topic} is decided"), async || {
        let decided = decisions(&setting.farshore, topic).await;
        (!decided.is_empty())
            .then_some(())
            .ok_or_else(|| "nothing is".to_owned())
    })
    .await;
}

#[tokio::test]
async fn another_topic_of_the_same_name_is_told_by_what_it_holds() {
    let link = "topics = [\".*\"]\nrefresh_interval = \"1s\"\non_recreate = \"follow\"\n\
        [[links.paris-oslo.overrides]]\ntopics = [\"halted\"]\non_recreate = \"halt\"";
    // Before 2.8 topics had no ids.
    let paris = Spec::new(KafkaVersion::V2_8).property("inter.broker.protocol.version", "2.7");
    let mut setting = between(paris, spec(), link).await;
    for (topic, _) in TOPICS {
        let configs = [("retention.ms", "-1")];
        topics::create(&setting.paris.bootstrap(), topic, 1, 1, &configs).await;
        write_batches(&setting, topic, 0, [0..FORMER], 20).await;
    }
    setting.farshore.start().await;
    for (topic, _) in TOPICS {
        caught_up(&setting.farshore, (topic, 0), FORMER as i64).await;
    }
    // One while farshore runs, the others while it doesn't.
    create_again(&setting, "shorter", 4).await;
    is_decided(&setting, "shorter").await;
    setting.farshore.kill9();
    for (topic, records) in TOPICS {
        if topic != "shorter" {
            create_again(&setting, topic, records).await;
        }
    }
    setting.farshore.start().await;
    let (state, reason) = stands_still(&setting.farshore, ("halted", 0)).await;
    assert_eq!(
        (state.as_str(), reason.code.as_str()),
        ("halted", "source_recreated")
    );
    for (topic, records) in TOPICS {
        if topic == "halted" {
            continue;
        }
        write_batches(&setting, topic, 0, [300..305], 20).await;
        let present = records + 5;
        is_decided(&setting, topic).await;
        caught_up(&setting.farshore, (topic, 0), present as i64).await;
        let on_target = content(&setting.oslo.bootstrap(), topic, 0).await;
        assert_eq!(on_target.len(), FORMER + present, "{topic}");
        assert_eq!(is_mapped(&setting, topic, 0, &[]).await, present, "{topic}");
        has_no_image(&setting, (topic, 0), 0..FORMER as i64).await;
        let decided = decisions(&setting.farshore, topic).await;
        assert_eq!(decided.len(), 1, "{topic}: {decided:?}");
        assert_eq!(decided[0].code, "source_recreated", "{topic}");
    }
}
