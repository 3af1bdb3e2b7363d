//! Runs stored ahead of their data that may never have come true, or data that arrived while its runs were lost (H8): the
//! map is right in both directions, or the partition stops.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::sight::{caught_up, stands_still, translate};
use super::{between, numbered, spec, write_batches};
use crate::setting::{CATCH_UP, Path as DataPath, Setting};
use crate::support::compare;
use crate::support::read::Partition;
use crate::support::seed;
use crate::support::topics;
use crate::support::write::{Outcome, Record, Writer};

/// Fetches are small, so that most of them open new runs.
const SMALL_STEPS: &str =
    "topics = [\"t\"]\npartition_max_bytes = \"1KiB\"\nfetch_max_bytes = \"64KiB\"";

/// Writes many small interleaved transactions of four producers; some are aborted.
async fn write_transactions(setting: &Setting, topic: &str, each: usize) {
    let bootstrap = setting.paris.bootstrap();
    let mut rng = seed::rng();
    let producers: Vec<(usize, fastrand::Rng)> = (0..4).map(|id| (id, rng.fork())).collect();
    let writing = producers.into_iter().map(|(id, mut rng)| {
        let name = format!("writer{id}");
        let settings = [("transactional.id", name.as_str()), ("linger.ms", "0")];
        let writer = Writer::new(&bootstrap, topic, &settings);
        async move {
            writer.init_transactions().await;
            for _ in 0..each {
                let records: Vec<Record> = (0..rng.usize(1..5))
                    .map(|_| {
                        Record::new(0, format!("{}", rng.u64(..)), vec![b'v'; rng.usize(0..80)])
                    })
                    .collect();
                let aborts = rng.u8(0..8) == 0;
                let outcome = if aborts {
                    Outcome::Abort
                } else {
                    Outcome::Commit
                };
                writer.transaction(records, outcome).await;
            }
        }
    });
    futures_util::future::join_all(writing).await;
}

#[tokio::test]
async fn translation_is_exact_after_kills_at_any_moment() {
    const TRANSACTIONS_EACH: usize = 150;
    const KILLS: usize = 12;
    const SAMPLES: usize = 2_000;
    let mut setting = between(spec(), spec(), SMALL_STEPS).await;
    setting.topic("t", 1, &[]).await;
    write_transactions(&setting, "t", TRANSACTIONS_EACH).await;
    let (_, end) = topics::watermarks(&setting.paris.bootstrap(), "t", 0).await;
    let mut rng = seed::rng();
    // At least every eighth transaction is left out, as is every marker.
    let mut kills: Vec<i64> = (0..KILLS).map(|_| rng.i64(0..end / 2)).collect();
    kills.sort_unstable();

    setting.farshore.launch();
    let target = setting.on_target("t", 1).await;
    for at in kills {
        target.reaches(at, CATCH_UP).await;
        setting.farshore.kill9();
        setting.farshore.launch();
    }
    caught_up(&setting.farshore, ("t", 0), end).await;
    let pairs = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&pairs);
    let source = Partition::new(&setting.paris.bootstrap(), "t", 0);
    let mirror = Partition::new(&setting.oslo.bootstrap(), "t", 0).seen(setting.path.isolation());
    let compared = compare::partitions(&source, &mirror, move |source, target| {
        seen.lock().push((source, target));
    });
    compared.await.expect("both are equal");
    let pairs = std::mem::take(&mut *pairs.lock());
    for _ in 0..SAMPLES {
        let (source, target) = pairs[rng.usize(..pairs.len())];
        let (offset, reverse) = if rng.bool() {
            (source, false)
        } else {
            (target, true)
        };
        let found = translate(&setting.farshore, ("t", 0), offset, reverse).await;
        let expected = (source, target, true);
        assert_eq!(
            (found.source_offset, found.target_offset, found.exact),
            expected
        );
    }
}

/// Copies a directory with all files and subdirectories.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).expect("a copy");
        }
    }
}

#[tokio::test]
async fn a_checkpoint_put_back_from_a_copy_is_not_believed_beyond_its_time() {
    let mut setting = between(
        spec(),
        spec(),
        "topics = [\"gaps\", \"plain\"]\njournal = false",
    )
    .await;
    setting.topic("gaps", 1, &[]).await;
    setting.topic("plain", 1, &[]).await;
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    for round in 0..2 {
        write_transactions(&setting, "gaps", 10).await;
        write_batches(&setting, "plain", 0, [round * 100..round * 100 + 100], 20).await;
        setting.farshore.start().await;
        let (_, end) = topics::watermarks(&paris, "gaps", 0).await;
        caught_up(&setting.farshore, ("gaps", 0), end).await;
        let plain = i64::try_from(round * 100 + 100).expect("a small number");
        caught_up(&setting.farshore, ("plain", 0), plain).await;
        setting.farshore.sigterm().await;
        let checkpoint = setting.farshore.checkpoint_path();
        let kept = checkpoint.with_extension("copy");
        if round == 0 {
            copy(&checkpoint, &kept);
        } else {
            fs::remove_dir_all(&checkpoint).expect("the checkpoint DB is there");
            copy(&kept, &checkpoint);
        }
    }
    let before = topics::watermarks(&oslo, "gaps", 0).await;
    let more = Writer::new(&paris, "gaps", &[]);
    more.write(numbered(0, 0..10, 20)).await;
    write_batches(&setting, "plain", 0, [200..300], 20).await;
    setting.farshore.start().await;
    let (_, reason) = stands_still(&setting.farshore, ("gaps", 0)).await;
    let code = match setting.path {
        DataPath::Raw => "map_unknown",
        DataPath::Record => "foreign_write",
    };
    assert_eq!(reason.code, code, "{reason:?}");
    assert_eq!(topics::watermarks(&oslo, "gaps", 0).await, before);
    if setting.path == DataPath::Record {
        // Its batches don't show where they belong, so there is a doubt even without gaps.
        let (_, reason) = stands_still(&setting.farshore, ("plain", 0)).await;
        assert_eq!(reason.code, code, "{reason:?}");
        return;
    }
    caught_up(&setting.farshore, ("plain", 0), 300).await;
    assert_eq!(setting.compare("plain", 1).await, 300);
}
