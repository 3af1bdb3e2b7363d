//! Two processes of one link without a lease: each transactional id has one producer at a time, so each process that begins
//! fences the other, and neither takes the other's records for its own.

use super::setting;
use crate::hazards::numbered;
use crate::setting::{CATCH_UP, Path};
use crate::support::read::{Isolation, Partition, contents};
use crate::support::seed;
use crate::support::wait::eventually;
use crate::support::write::Writer;

#[tokio::test]
async fn what_two_processes_write_is_in_order_and_once() {
    const COUNT: usize = 40_000;
    const PARTITIONS: i32 = 4;
    const KILLS: usize = 6;
    let link = Path::Record.configured(
        "topics = [\"t\"]\njournal = false\nfetch_max_bytes = \"256KiB\"\npartition_max_bytes = \"64KiB\"",
    );
    let mut setting = setting(&link).await;
    let mut other = crate::setting::farshore(&setting.paris, &setting.oslo, &link);
    setting.topic("t", PARTITIONS, &[]).await;
    let each = COUNT / PARTITIONS as usize;
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &[("linger.ms", "10")]);
    let records =
        (0..each).flat_map(|n| (0..PARTITIONS).flat_map(move |p| numbered(p, n..n + 1, 100)));
    writer.write(records).await;

    let mut rng = seed::rng();
    setting.farshore.launch();
    other.launch();
    let target = setting.on_target("t", PARTITIONS).await;
    for kill in 1..=KILLS {
        let enough = i64::try_from(COUNT * kill / (KILLS + 1)).expect("a small number");
        // Where each has stopped before the other's records, no more will arrive.
        let _ = tokio::time::timeout(CATCH_UP / 20, target.reaches(enough, CATCH_UP)).await;
        let victim = if rng.bool() {
            &mut setting.farshore
        } else {
            &mut other
        };
        victim.kill9();
        victim.launch();
    }
    // Each partition is completed by a process that knows all of it, or is stopped in both.
    for partition in 0..PARTITIONS as usize {
        eventually(CATCH_UP, "it is mirrored or stands still", async || {
            let (one, two) = (
                crate::asking::partition(&setting.farshore, "t", partition).await?,
                crate::asking::partition(&other, "t", partition).await?,
            );
            let still =
                |it: &serde_json::Value| it["state"] == "halted" || it["state"] == "diverged";
            let live = |it: &serde_json::Value| it["state"] == "live" && it["lag_records"] == 0;
            (live(&one) || live(&two) || still(&one) && still(&two))
                .then_some(())
                .ok_or(format!("{one} {two}"))
        })
        .await;
    }
    begins_alike(&setting, PARTITIONS).await;
}

/// Checks that the target is a prefix of the source, without holes or repetition.
async fn begins_alike(setting: &crate::setting::Setting, partitions: i32) {
    let mut records = 0;
    for number in 0..partitions {
        let source = Partition::new(&setting.paris.bootstrap(), "t", number);
        let target = Partition::new(&setting.oslo.bootstrap(), "t", number);
        let source = contents(source.read(Isolation::Committed).await);
        let target = contents(target.read(Isolation::Committed).await);
        assert!(source.starts_with(&target), "partition {number} differs");
        records += target.len();
    }
    assert!(records > 0);
}
