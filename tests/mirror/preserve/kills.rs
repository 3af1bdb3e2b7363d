//! Killed at any moment of filling and mirroring, farshore continues at the same offsets.

use super::{ends_meet, is_the_same, preserving};
use crate::histories::write_transactions;
use crate::setting::{CATCH_UP, Setting};
use crate::support::seed;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

/// The environment variable that sets the number of kills.
const KILLS: &str = "FARSHORE_PRESERVE_KILLS";
const USUAL: usize = 12;

/// The partitions: one with transactions behind a short prefix, two behind long ones.
const PARTITIONS: [(&str, i32); 3] = [("t", 0), ("late", 0), ("late", 1)];

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

/// Waits until a partition of the target has grown by a random part of what is missing.
async fn some_progress(setting: &Setting, rng: &mut fastrand::Rng) {
    let (topic, number) = PARTITIONS[rng.usize(0..PARTITIONS.len())];
    let oslo = setting.oslo.bootstrap();
    let now = topics::try_watermarks(&oslo, topic, number).await;
    let now = now.map_or(0, |(_, end)| end);
    let (_, all) = topics::watermarks(&setting.paris.bootstrap(), topic, number).await;
    let wanted = now + rng.i64(0..=(all - now) / 3);
    let what = format!("{topic}-{number} reaches {wanted}");
    eventually(CATCH_UP, &what, async || {
        match topics::try_watermarks(&oslo, topic, number).await? {
            (_, end) if end >= wanted => Ok(()),
            (_, end) => Err(format!("{end}")),
        }
    })
    .await;
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
        if kill % 3 == 2 {
            write_transactions(&setting, "t", 15).await;
        }
    }
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
    is_the_same(&setting, "late", 2).await;
    ends_meet(&setting, "t", 0).await;
    let (start, _) = topics::watermarks(&setting.oslo.bootstrap(), "late", 0).await;
    assert_eq!(start, 345_000);
}
