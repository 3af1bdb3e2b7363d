//! Offsets of groups that are idle on the source don't expire on the target (H17).

use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::groups::{self, Commits};
use crate::support::wait::eventually;

const ORDERS: (&str, i32) = ("orders", 0);

#[tokio::test]
async fn h17_offsets_of_an_idle_group_do_not_expire_on_the_target() {
    let forgetful = Spec::new(KafkaVersion::V4_1)
        .property("offsets.retention.minutes", "1")
        .property("offsets.retention.check.interval.ms", "500");
    // Long enough between two rounds to observe an expired offset before it is written again.
    let link = "topics = [\"orders\"]\ngroup_sync_interval = \"4s\"";
    let mut setting = Setting::between(Spec::new(KafkaVersion::V4_1), forgetful, link).await;
    setting.topic("orders", 1, &[]).await;
    setting.write("orders", 0, 0..100).await;
    groups::commit(&setting.paris.bootstrap(), "idle", &[("orders", 0, 40)]).await;
    setting.farshore.start().await;
    setting.farshore.carries_exactly("idle", ORDERS, 40).await;

    // Committed later than the link's own offsets, so that it expires later.
    let oslo = setting.oslo.bootstrap();
    groups::commit(&oslo, "unattended", &[("orders", 0, 40)]).await;
    let idle = Commits::of(&oslo, "idle");
    let unattended = Commits::of(&oslo, "unattended");
    eventually(
        CATCH_UP,
        "the offset nobody attends to expires",
        async || {
            assert_eq!(
                idle.read(&[ORDERS]).await.len(),
                1,
                "the idle group's offset expired"
            );
            match unattended.read(&[ORDERS]).await.len() {
                0 => Ok(()),
                _ => Err("it is there".to_owned()),
            }
        },
    )
    .await;
    let found = idle.read(&[ORDERS]).await;
    assert_eq!(found[&("orders".to_owned(), 0)].0, 40);
}
