//! What must hold once all brokers are back and nothing is being written.

use serde_json::{Value, json};

use super::TOPICS;
use crate::setting::{CATCH_UP, Setting};
use crate::support::pairs::Pairs;
use crate::support::read::{Isolation, Partition, Seen};
use crate::support::wait::eventually;

/// The number of translated offsets per partition.
const SAMPLES: usize = 100;

fn link_of(topic: &str) -> &'static str {
    if topic == "kept" {
        "kept"
    } else {
        "paris-oslo"
    }
}

/// Checks that every partition is live again without help, that every record is present once, in order, and that every
/// offset is translated exactly.
pub(super) async fn all_hold(setting: &Setting, rng: &mut fastrand::Rng) {
    for (topic, partitions) in TOPICS {
        for number in 0..partitions {
            is_live(setting, (topic, number)).await;
            if topic == "kept" {
                keeps_its_offsets(setting, topic, number).await;
            }
            is_translated(setting, (topic, number), rng).await;
        }
    }
}

/// Waits until a partition has everything that the source has now.
pub(super) async fn passes_the_end(setting: &Setting, (topic, number): (&str, i32)) {
    let path = format!("/v1/links/{}/topics/{topic}", link_of(topic));
    let paris = setting.paris.bootstrap();
    let (_, end) = crate::support::topics::watermarks(&paris, topic, number).await;
    let what = format!("{topic}-{number} has arrived up to {end}");
    eventually(CATCH_UP, &what, async || {
        let shown = setting.farshore.get_json(&path).await?;
        let found = &shown["partitions"][usize::try_from(number).expect("small")];
        let is_there = found["position"].as_i64() >= Some(end);
        is_there.then_some(()).ok_or_else(|| shown.to_string())
    })
    .await;
}

/// Waits until a partition is live and nothing of the source is missing.
async fn is_live(setting: &Setting, (topic, number): (&str, i32)) {
    let path = format!("/v1/links/{}/topics/{topic}", link_of(topic));
    let what = format!("{topic}-{number} is live");
    eventually(CATCH_UP, &what, async || {
        let (_, end) =
            crate::support::topics::try_watermarks(&setting.paris.bootstrap(), topic, number)
                .await?;
        let shown = setting.farshore.get_json(&path).await?;
        let found = &shown["partitions"][usize::try_from(number).expect("small")];
        let is_there = found["state"] == "live"
            && found["lag_records"] == 0
            && found["position"].as_i64() >= Some(end);
        is_there
            .then_some(())
            .ok_or_else(|| format!("{end}: {shown}"))
    })
    .await;
}

/// Checks that each record has its source offset.
async fn keeps_its_offsets(setting: &Setting, topic: &str, number: i32) {
    let read = async |bootstrap: String, isolation| -> Vec<Seen> {
        Partition::new(&bootstrap, topic, number)
            .read(isolation)
            .await
    };
    let source = read(setting.paris.bootstrap(), Isolation::Committed).await;
    for isolation in [Isolation::Committed, Isolation::Uncommitted] {
        let target = read(setting.oslo.bootstrap(), isolation).await;
        let difference = source.iter().zip(&target).find(|(one, other)| one != other);
        assert!(difference.is_none(), "{topic}-{number}: {difference:?}");
        assert_eq!(
            source.len(),
            target.len(),
            "{topic}-{number}: one side ends earlier"
        );
    }
}

/// Checks that sampled offsets, including those in gaps, are translated to their records and back.
async fn is_translated(setting: &Setting, (topic, number): (&str, i32), rng: &mut fastrand::Rng) {
    let (source, target) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    // Reading the pairs compares them.
    let isolation = match link_of(topic) {
        "paris-oslo" => setting.path.isolation(),
        _ => Isolation::Uncommitted,
    };
    let pairs = Pairs::read(&source, &target, topic, number, isolation).await;
    assert!(!pairs.by_source.is_empty(), "{topic}-{number} is empty");
    let records: Vec<(i64, i64)> = pairs.by_source.iter().map(|(s, t)| (*s, *t)).collect();
    for _ in 0..SAMPLES {
        let offset = rng.i64(0..=pairs.source_end);
        let there = translate(setting, (topic, number), offset, false).await;
        assert_eq!(there["exact"], true, "{topic}-{number} {offset}: {there}");
        let image = there["target_offset"].as_i64().expect("an offset");
        if topic == "kept" {
            assert_eq!(image, offset, "{topic}-{number}");
        } else {
            assert_eq!(image, pairs.on_target(offset), "{topic}-{number} {offset}");
        }
        let (source, target) = records[rng.usize(0..records.len())];
        let back = translate(setting, (topic, number), target, true).await;
        assert_eq!(
            back["source_offset"], source,
            "{topic}-{number} {target}: {back}"
        );
    }
}

async fn translate(
    setting: &Setting,
    (topic, number): (&str, i32),
    offset: i64,
    reverse: bool,
) -> Value {
    let question = json!({
        "link": link_of(topic), "topic": topic, "partition": number, "offset": offset, "reverse": reverse
    });
    let answer = setting.farshore.post_json("/v1/translate", question).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "offset {offset}: {}", answer.body);
    answer.body
}
