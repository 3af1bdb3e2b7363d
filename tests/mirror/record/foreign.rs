//! Another client writes to a mirror of the record path.

use super::setting;
use crate::asking::reaches_state;
use crate::setting::CATCH_UP;
use crate::support::read::{Isolation, Partition};
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Outcome, Writer};

#[tokio::test]
async fn what_others_commit_stands_still_and_what_they_abort_does_not() {
    let mut setting = setting("topics = [\"t\"]").await;
    setting.topic("t", 2, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.write("t", 1, 0..100).await;
    setting.farshore.start().await;
    setting.mirrored("t", 2).await;

    let settings = [("transactional.id", "somebody")];
    let somebody = Writer::new(&setting.oslo.bootstrap(), "t", &settings);
    somebody.init_transactions().await;
    let records = |partition| crate::support::write::numbered(partition, 0..3);
    somebody.transaction(records(0), Outcome::Abort).await;
    setting.write("t", 0, 100..200).await;
    setting.mirrored("t", 2).await;
    somebody.transaction(records(0), Outcome::Commit).await;
    setting.write("t", 0, 200..300).await;
    let shown = reaches_state(&setting.farshore, "t", 0, "diverged").await;
    assert_eq!(shown["reason"]["code"], "foreign_write", "{shown}");
    assert_eq!(shown["reason"]["source_offset"], 200, "{shown}");
    assert_eq!(shown["path"], "record", "{shown}");

    // The other partition continues, a restart heals nothing, and nothing was committed behind the foreign records.
    setting.write("t", 1, 100..200).await;
    setting.farshore.kill9();
    setting.farshore.start().await;
    reaches_state(&setting.farshore, "t", 0, "diverged").await;
    setting.farshore.mirrors_one("t", 1, 200).await;
    let oslo = setting.oslo.bootstrap();
    let (_, end) = topics::watermarks(&oslo, "t", 0).await;
    eventually(CATCH_UP, "the end stands still", async || {
        let (_, again) = topics::watermarks(&oslo, "t", 0).await;
        (again == end).then_some(()).ok_or(again.to_string())
    })
    .await;
    let shown = Partition::new(&oslo, "t", 0)
        .read(Isolation::Committed)
        .await;
    assert_eq!(shown.len(), 203);
}
