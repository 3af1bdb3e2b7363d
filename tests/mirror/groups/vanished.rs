//! Groups that the source no longer has, and offsets that the target no longer has.

use crate::hazards::sight::stands_still;
use crate::histories::told::resolve;
use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::groups;
use crate::support::java::{Tool, run};
use crate::support::operator::{Carried, LINK};
use crate::support::topics;
use crate::support::wait::eventually;

const ORDERS: (&str, i32) = ("orders", 0);

async fn setting(link: &str) -> Setting {
    let link = format!("topics = [\"orders\"]\ngroup_sync_interval = \"200ms\"\n{link}");
    let mut setting = Setting::start(KafkaVersion::V4_1, &link).await;
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..50).await;
    setting.farshore.start().await;
    setting.mirrored("orders", 1).await;
    setting
}

async fn has_vanished(setting: &Setting, group: &str, on_target: i64) {
    let is_there = |c: &Carried| {
        c.state == "vanished" && c.source_offset.is_none() && c.target_offset == Some(on_target)
    };
    let shown = setting
        .farshore
        .carries(group, ORDERS, "vanished", is_there);
    assert!(!shown.await.exact);
}

#[tokio::test]
async fn groups_that_were_deleted_or_reset_on_the_source_are_shown_with_what_the_target_has() {
    let mut setting = setting("").await;
    let image = setting.image(ORDERS, 40, 40).await;
    for group in ["deleted", "emptied", "reset"] {
        setting.commits(group, ORDERS, 40).await;
        setting.farshore.carries_exactly(group, ORDERS, 40).await;
    }
    let paris = setting.paris.bootstrap();
    groups::delete(&paris, "deleted").await;
    let line = ["--bootstrap-server", &paris, "--delete-offsets"];
    let line = [&line[..], &["--group", "emptied", "--topic", "orders"]].concat();
    run(KafkaVersion::V4_1, Tool::ConsumerGroups, &line).await;
    setting.commits("reset", ORDERS, 10).await;
    setting.farshore.carries_exactly("reset", ORDERS, 10).await;
    for is_restarted in [false, true] {
        if is_restarted {
            setting.farshore.kill9();
            setting.farshore.start().await;
        }
        for group in ["deleted", "emptied"] {
            has_vanished(&setting, group, image).await;
            assert_eq!(setting.committed(group, ORDERS).await, image);
        }
    }
    let shown = setting.farshore.cli(&["groups", "--link", LINK]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert_eq!(shown.matches("vanished").count(), 2, "{shown}");

    // What comes back is followed, and what is gone on both sides isn't shown.
    setting.commits("deleted", ORDERS, 45).await;
    setting
        .farshore
        .carries_exactly("deleted", ORDERS, 45)
        .await;
    groups::delete(&setting.oslo.bootstrap(), "emptied").await;
    eventually(crate::setting::CATCH_UP, "it is forgotten", async || {
        let all = setting
            .farshore
            .get_json("/v1/links/paris-oslo/groups")
            .await?;
        let all = all.as_array().ok_or("no groups")?;
        let mut left = all.iter().filter(|it| it["group"] == "emptied");
        if left.all(|it| it["partitions"].as_array().is_some_and(Vec::is_empty)) {
            Ok(())
        } else {
            Err(format!("{all:?}"))
        }
    })
    .await;
}

#[tokio::test]
async fn after_a_reseed_a_released_group_is_carried_again() {
    let mut setting = setting("refresh_interval = \"500ms\"").await;
    let oslo = setting.oslo.bootstrap();
    for group in ["clerks", "others"] {
        setting.commits(group, ORDERS, 20).await;
        setting.farshore.carries_exactly(group, ORDERS, 20).await;
    }
    groups::commit(&oslo, "clerks", &[("orders", 0, 25)]).await;
    let is_released = |c: &Carried| c.state == "released" && c.target_offset == Some(25);
    let released = setting
        .farshore
        .carries("clerks", ORDERS, "released", is_released);
    released.await;
    setting.farshore.kill9();
    setting.farshore.start().await;
    setting.commits("clerks", ORDERS, 30).await;
    setting.commits("others", ORDERS, 30).await;
    setting.farshore.carries_exactly("others", ORDERS, 30).await;
    let released = setting
        .farshore
        .carries("clerks", ORDERS, "released", is_released);
    released.await;

    // A broker forgets the offsets in a topic that is deleted.
    topics::delete(&oslo, "orders").await;
    let (_, reason) = stands_still(&setting.farshore, ORDERS).await;
    assert_eq!(reason.code, "target_topic_missing");
    assert_eq!(
        resolve(&setting.farshore, "orders", &["reseed"]).await,
        Some(0)
    );
    setting.mirrored("orders", 1).await;
    for group in ["clerks", "others"] {
        setting.farshore.carries_exactly(group, ORDERS, 30).await;
    }
    setting.commits("clerks", ORDERS, 35).await;
    setting.farshore.carries_exactly("clerks", ORDERS, 35).await;
    let image = setting.image(ORDERS, 35, 35).await;
    assert_eq!(setting.committed("clerks", ORDERS).await, image);
    assert_eq!(setting.compare("orders", 1).await, 50);
}
