//! A source log that was emptied: nothing is missing if all of it was mirrored, even where it ended in a marker (H9); what
//! was deleted before it was mirrored is reported exactly.

use super::sight::{caught_up, stands_still};
use super::{between, numbered, restart, spec, write_batches};
use crate::support::compare;
use crate::support::read::Partition;
use crate::support::topics;
use crate::support::write::{Outcome, Writer};

#[tokio::test]
async fn only_records_that_were_never_mirrored_are_a_gap() {
    let mut setting = between(spec(), spec(), "topics = [\"idle\", \"gap\"]").await;
    let paris = setting.paris.bootstrap();
    setting.topic("idle", 1, &[]).await;
    setting.topic("gap", 2, &[]).await;
    let writer = Writer::new(&paris, "idle", &[("transactional.id", "t")]);
    writer.init_transactions().await;
    let (ten, twenty, thirty) = (0..10, 10..20, 20..30);
    writer
        .transaction(numbered(0, ten, 20), Outcome::Commit)
        .await;
    write_batches(&setting, "gap", 0, [0..20], 20).await;
    setting.farshore.start().await;
    // The marker at offset 10 isn't a record, and nothing before 11 is missing.
    let sight = caught_up(&setting.farshore, ("idle", 0), 11).await;
    assert_eq!(sight.position, 11);
    setting.holds("idle", 0, 0..10).await;
    caught_up(&setting.farshore, ("gap", 0), 20).await;

    setting.farshore.sigterm().await;
    topics::delete_records(&paris, "idle", 0, 11).await;
    write_batches(&setting, "gap", 0, [20..50], 20).await;
    write_batches(&setting, "gap", 1, [0..5], 20).await;
    topics::delete_records(&paris, "gap", 0, 35).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("idle", 0), 11).await;
    writer
        .transaction(numbered(0, twenty, 20), Outcome::Abort)
        .await;
    writer
        .transaction(numbered(0, thirty, 20), Outcome::Commit)
        .await;
    caught_up(&setting.farshore, ("idle", 0), 33).await;
    restart(&mut setting.farshore).await;
    caught_up(&setting.farshore, ("idle", 0), 33).await;
    let source = Partition::new(&paris, "idle", 0).from(11);
    let target = Partition::new(&setting.oslo.bootstrap(), "idle", 0);
    let target = target.from(sight.target_end).seen(setting.path.isolation());
    let compared = compare::partitions(&source, &target, |_, _| {}).await;
    assert_eq!(compared.map(|it| it.records), Ok(10));

    let (state, reason) = stands_still(&setting.farshore, ("gap", 0)).await;
    assert_eq!(
        (state.as_str(), reason.code.as_str()),
        ("halted", "source_gap")
    );
    assert_eq!(reason.source_offset, Some(20));
    assert!(reason.message.contains("20 to 34"), "{reason:?}");
    setting.holds("gap", 0, 0..20).await;
    caught_up(&setting.farshore, ("gap", 1), 5).await;
}
