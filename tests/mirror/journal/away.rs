//! The DB is lost and the journal can't be read yet: nothing begins with a guess.

use super::Gaps;
use crate::asking::{lose_checkpoint, readiness};

#[tokio::test]
async fn without_db_the_link_waits_for_its_journal() {
    let mut gaps = Gaps::start().await;
    gaps.setting.farshore.launch();
    gaps.all_mirrored().await;
    gaps.setting.farshore.sigterm().await;
    lose_checkpoint(&gaps.setting.farshore);
    gaps.setting.oslo.kill(1);
    gaps.setting.farshore.start().await;
    let reasons = readiness(&gaps.setting.farshore, 503).await;
    assert!(
        reasons.contains("the journal on the target can't be read"),
        "{reasons}"
    );
    gaps.setting.oslo.restart(1).await;
    gaps.goes_on().await;
}
