//! A killed process leaves a transaction open that would outlast the test; its successor ends it by beginning with the same
//! transactional id.
#![allow(
    clippy::single_range_in_vec_init,
    reason = "each range is the offsets of one batch"
)]

use farshore::model::LinkIdentity;

use super::setting;
use crate::hazards::sight::caught_up;
use crate::hazards::{numbered, write_batches};
use crate::ownership::fence::wire;
use crate::support::write::Writer;

#[tokio::test]
async fn what_a_former_process_left_open_is_ended_by_the_next_one() {
    let mut setting = setting("topics = [\"t\"]").await;
    setting.topic("t", 1, &[]).await;
    write_batches(&setting, "t", 0, [0..10], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("t", 0), 10).await;
    setting.farshore.kill9();
    // As if it had been killed before it could commit these records.
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    let identity = LinkIdentity {
        link: "paris-oslo".into(),
        source_cluster_id: wire(&paris).cluster_id().await.expect("an id"),
        target_cluster_id: wire(&oslo).cluster_id().await.expect("an id"),
    };
    // The partition is written with the first of the link's four transactional ids.
    let id = format!("farshore.paris-oslo.{:016x}.0", identity.producer_id(0).0);
    let settings = [
        ("transactional.id", id.as_str()),
        ("transaction.timeout.ms", "600000"),
    ];
    let former = Writer::new(&oslo, "t", &settings);
    former.init_transactions().await;
    former.begin();
    former.write(numbered(0, 10..13, 20)).await;

    write_batches(&setting, "t", 0, [10..20], 20).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("t", 0), 20).await;
    assert_eq!(setting.compare("t", 1).await, 20);
}
