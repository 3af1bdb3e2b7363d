//! The checkpoint DB is lost and there is no journal: what both logs reveal is continued exactly, and the rest stops and
//! reports why.

use crate::asking::{lose_checkpoint, reaches_state};
use crate::hazards::sight::caught_up;
use crate::journal::stale::copy;
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::read::Partition;
use crate::support::topics;
use crate::support::write::{Outcome, Record, Writer, mixed};
use crate::support::{compare, seed};

const PARTITIONS: i32 = 4;
const COUNT: usize = 40_000;

/// One topic mirrored from the start, one with a trimmed beginning, and one with gaps; beside them a link that begins at
/// the end. On the raw path, whose batches show where they belong; those of a transaction don't (`record::lost`).
const LINKS: &str = r#"
path = "raw"
topics = ["whole", "trimmed", "gaps"]
journal = false
max_in_flight_bytes = "1MiB"
fetch_max_bytes = "256KiB"

[links.newest]
source = "paris"
target = "oslo"
topics = ["newest"]
journal = false
start = "latest"
"#;

fn numbered(first: usize, count: usize) -> impl Iterator<Item = Record> + Send + 'static {
    (first..first + count).map(|number| Record::new(0, format!("k{number}"), "value"))
}

fn writer(setting: &Setting, topic: &str) -> Writer {
    Writer::new(&setting.paris.bootstrap(), topic, &[])
}

#[tokio::test]
async fn what_has_no_gaps_goes_on_exactly_without_the_checkpoint() {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINKS).await;
    setting.topic("whole", PARTITIONS, &[]).await;
    for topic in ["trimmed", "gaps", "newest"] {
        setting.topic(topic, 1, &[]).await;
        writer(&setting, topic).write(numbered(0, 100)).await;
    }
    topics::delete_records(&setting.paris.bootstrap(), "trimmed", 0, 30).await;
    let transactional = Writer::new(
        &setting.paris.bootstrap(),
        "gaps",
        &[("transactional.id", "gaps")],
    );
    transactional.init_transactions().await;
    for outcome in [Outcome::Commit, Outcome::Abort, Outcome::Commit] {
        transactional.transaction(numbered(100, 10), outcome).await;
    }

    setting.farshore.start().await;
    let whole = setting.on_target("whole", PARTITIONS).await;
    setting
        .on_target("trimmed", 1)
        .await
        .reaches(70, CATCH_UP)
        .await;
    setting
        .on_target("gaps", 1)
        .await
        .reaches(120, CATCH_UP)
        .await;
    // Its mirror is still empty; everything from here on must be mirrored.
    setting.on_target("newest", 1).await;
    newest_is_live(&setting).await;
    writer(&setting, "newest").write(numbered(100, 50)).await;
    setting
        .on_target("newest", 1)
        .await
        .reaches(50, CATCH_UP)
        .await;

    // Lost while records flow, then again at rest.
    let flow = writer(&setting, "whole");
    let writing = flow.write(mixed(seed::rng(), PARTITIONS, COUNT));
    let losing = async {
        whole.reaches(1_000, CATCH_UP).await;
        setting.farshore.kill9();
        lose_checkpoint(&setting.farshore);
        setting.farshore.start().await;
    };
    tokio::join!(writing, losing);
    all_go_on(&setting, COUNT, 0).await;
    setting.farshore.sigterm().await;
    lose_checkpoint(&setting.farshore);
    setting.farshore.start().await;
    flow.write(mixed(seed::rng(), PARTITIONS, 1_000)).await;
    all_go_on(&setting, COUNT + 1_000, 100).await;

    let shown = reaches_state(&setting.farshore, "gaps", 0, "halted").await;
    assert_eq!(shown["reason"]["code"], "map_unknown", "{shown}");
    assert_eq!(shown["reason"]["target_offset"], 119, "{shown}");
    assert_eq!(setting.on_target("gaps", 1).await.count().await, Ok(120));
}

async fn newest_is_live(setting: &Setting) {
    let path = "/v1/links/newest/topics/newest";
    crate::support::wait::eventually(CATCH_UP, "newest is live", async || {
        let shown = setting.farshore.get_json(path).await?;
        let is_live = shown["partitions"][0]["state"] == "live";
        is_live.then_some(()).ok_or(shown.to_string())
    })
    .await;
}

/// Writes to the small topics and waits until everything is mirrored. `before` records were already written this way.
async fn all_go_on(setting: &Setting, whole: usize, before: i64) {
    let first = usize::try_from(150 + before).expect("a small number");
    for topic in ["trimmed", "newest"] {
        writer(setting, topic).write(numbered(first, 100)).await;
    }
    let count = i64::try_from(whole).expect("a small number");
    let (source, target) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    let mirror = setting.on_target("whole", PARTITIONS).await;
    mirror.reaches(count, CATCH_UP).await;
    assert_eq!(
        setting.compare("whole", PARTITIONS).await,
        count.unsigned_abs()
    );
    // Both begin at source offsets that differ from the target's.
    for (topic, written_from, written) in [("trimmed", 30, 70), ("newest", 100, 50)] {
        let wanted = written + before + 100;
        let mirror = setting.on_target(topic, 1).await;
        mirror.reaches(wanted, CATCH_UP).await;
        let source = Partition::new(&source, topic, 0).from(written_from);
        let target = Partition::new(&target, topic, 0);
        let compared = compare::partitions(&source, &target, |_, _| {}).await;
        assert_eq!(compared.map(|it| it.records), Ok(wanted.unsigned_abs()));
    }
}

/// What landed unseen may have a later leader epoch than any in the DB: the end of the known epoch says nothing about it.
#[tokio::test]
async fn a_restored_db_takes_no_new_leader_for_a_truncation() {
    // The record path doesn't recognize what landed unseen as its own.
    let link = "path = \"raw\"\ntopics = [\"t\"]\njournal = false";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("t", 0), 100).await;
    setting.farshore.sigterm().await;
    let path = setting.farshore.checkpoint_path();
    let old = path.with_extension("old");
    copy(&path, &old);
    setting.paris.kill(1);
    setting.paris.restart(1).await;
    topics::wait_led(&setting.paris.bootstrap(), "t", 1).await;
    setting.write("t", 0, 100..150).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("t", 0), 150).await;
    setting.farshore.sigterm().await;
    lose_checkpoint(&setting.farshore);
    copy(&old, &path);
    for _ in 0..2 {
        setting.farshore.start().await;
        caught_up(&setting.farshore, ("t", 0), 150).await;
        setting.farshore.sigterm().await;
    }
    setting.write("t", 0, 150..200).await;
    setting.farshore.start().await;
    caught_up(&setting.farshore, ("t", 0), 200).await;
    assert_eq!(setting.compare("t", 1).await, 200);
}
