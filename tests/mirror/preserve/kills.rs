//! Killed without warning at any moment of filling and mirroring, farshore goes on to the same offsets.

use std::time::Duration;

use super::{ends, is_the_same, preserving, status};
use crate::histories::write_transactions;
use crate::setting::{CATCH_UP, Setting};
use crate::support::seed;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

/// Set to a number to have that many kills.
const KILLS: &str = "FARSHORE_PRESERVE_KILLS";
const USUAL: usize = 12;

/// Prefix, transactions, and holes that many: four partitions of which each needs something else.
async fn write_history(setting: &Setting) {
    setting.topic("t", 1, &[]).await;
    write_transactions(setting, "t", 60).await;
    topics::delete_records(&setting.paris.bootstrap(), "t", 0, 30).await;
    setting.topic("late", 2, &[]).await;
    let writer = Writer::new(&setting.paris.bootstrap(), "late", &[]);
    let records = |numbers: std::ops::Range<usize>| {
        numbers.map(|n| Record::new(i32::from(n % 2 == 1), format!("k{n}"), vec![b'x'; 20]))
    };
    writer.write(records(0..700_000)).await;
    topics::delete_records(&setting.paris.bootstrap(), "late", 0, 345_000).await;
    topics::delete_records(&setting.paris.bootstrap(), "late", 1, 120_000).await;
}

/// Waits until the target has grown by a random part of what is missing, or a moment.
async fn some_progress(setting: &Setting, rng: &mut fastrand::Rng) {
    let pause = Duration::from_millis(rng.u64(5..900));
    let _ = tokio::time::timeout(pause, std::future::pending::<()>()).await;
    let _ = status(setting, "t", 0).await;
}

#[tokio::test]
async fn kills_at_any_step_change_no_offset() {
    let kills = std::env::var(KILLS).ok().and_then(|it| it.parse().ok());
    let kills = kills.unwrap_or(USUAL);
    let mut setting = preserving("topics = [\".*\"]").await;
    write_history(&setting).await;
    let mut rng = seed::rng();
    for kill in 0..kills {
        setting.farshore.launch();
        some_progress(&setting, &mut rng).await;
        setting.farshore.kill9();
        if kill % 4 == 3 {
            write_transactions(&setting, "t", 3).await;
        }
    }
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
    is_the_same(&setting, "late", 2).await;
    eventually(CATCH_UP, "the ends are the same", async || {
        let (source, target) = ends(&setting, "t", 0).await;
        (source == target)
            .then_some(())
            .ok_or_else(|| format!("{source} and {target}"))
    })
    .await;
    let (start, _) = topics::watermarks(&setting.oslo.bootstrap(), "late", 0).await;
    assert_eq!(start, 345_000);
}
