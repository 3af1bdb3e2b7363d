//! What must hold in the end, as seen by librdkafka.

use std::collections::BTreeMap;

use super::workload::{TOPICS, Workload};
use crate::hazards::sight::translate;
use crate::setting::{CATCH_UP, Setting};
use crate::support::pairs::Pairs;
use crate::support::read::{Isolation, Partition, Seen, contents};
use crate::support::seed;
use crate::support::topics;
use crate::support::wait::eventually;

/// The number of translated offsets per partition.
const SAMPLES: usize = 200;

/// Waits until everything written so far has arrived; nothing is written meanwhile.
pub(super) async fn everything_flows(setting: &Setting, workload: &Workload) {
    let between_rounds = workload.pause().await;
    for (topic, partitions) in TOPICS {
        if topic == "kept" {
            ends_meet(setting, topic).await;
        } else {
            setting.mirrored(topic, partitions).await;
        }
    }
    drop(between_rounds);
}

/// Checks that every record, every sampled offset and every group is where it should be.
pub(super) async fn all_hold(setting: &Setting, workload: &Workload) {
    everything_flows(setting, workload).await;
    let mut pairs = BTreeMap::new();
    for (topic, partition) in [("plain", 0), ("plain", 1), ("plain", 2), ("txn", 0)] {
        // Reading the pairs compares them.
        let read = setting.pairs(topic, partition).await;
        is_translated(setting, (topic, partition), &read).await;
        pairs.insert((topic, partition), read);
    }
    keeps_its_offsets(setting).await;
    newest_are_equal(setting).await;
    for (group, (topic, partition, offset)) in workload.committed().await {
        let at = (topic.as_str(), partition);
        let carried = setting.farshore.carries_exactly(&group, at, offset).await;
        let expected = match pairs.get(&at) {
            Some(pairs) => pairs.on_target(offset),
            // Both sides compact independently: the meaning of the offset there is taken from the map, which was compared.
            None => {
                translate(&setting.farshore, at, offset, false)
                    .await
                    .target_offset
            }
        };
        assert_eq!(
            carried.target_offset,
            Some(expected),
            "{group}: {carried:?}"
        );
        assert_eq!(setting.committed(&group, at).await, expected, "{group}");
    }
}

/// Checks that sampled offsets, including those in gaps, are translated to their records and back.
async fn is_translated(setting: &Setting, at: (&str, i32), pairs: &Pairs) {
    let mut rng = seed::rng();
    for _ in 0..SAMPLES {
        let offset = rng.i64(0..=pairs.source_end);
        let there = translate(&setting.farshore, at, offset, false).await;
        let found = (there.target_offset, there.exact);
        assert_eq!(found, (pairs.on_target(offset), true), "{at:?} {offset}");
    }
    let by_target: Vec<(i64, i64)> = pairs.by_source.iter().map(|(s, t)| (*t, *s)).collect();
    for _ in 0..SAMPLES.min(by_target.len()) {
        let (target, source) = by_target[rng.usize(0..by_target.len())];
        let back = translate(&setting.farshore, at, target, true).await;
        assert_eq!(
            (back.source_offset, back.exact),
            (source, true),
            "{at:?} {target}"
        );
    }
}

async fn ends_meet(setting: &Setting, topic: &str) {
    eventually(CATCH_UP, "both logs end at the same offset", async || {
        let (_, source) = topics::try_watermarks(&setting.paris.bootstrap(), topic, 0).await?;
        let (_, target) = topics::try_watermarks(&setting.oslo.bootstrap(), topic, 0).await?;
        let shown = setting
            .farshore
            .get_json("/v1/links/kept/topics/kept")
            .await?;
        (source == target)
            .then_some(())
            .ok_or(format!("{source} and {target}: {shown}"))
    })
    .await;
}

async fn read(bootstrap: &str, topic: &str) -> Vec<Seen> {
    let partition = Partition::new(bootstrap, topic, 0);
    partition.read(Isolation::Committed).await
}

/// Checks that each record of the preserved topic has its source offset.
async fn keeps_its_offsets(setting: &Setting) {
    let source = read(&setting.paris.bootstrap(), "kept").await;
    let target = read(&setting.oslo.bootstrap(), "kept").await;
    let difference = source.iter().zip(&target).find(|(one, other)| one != other);
    assert!(difference.is_none(), "{difference:?}");
    assert_eq!(source.len(), target.len());
}

/// Checks that the latest value of each key is the same, and that the compacted mirror is in order and without duplicates.
async fn newest_are_equal(setting: &Setting) {
    let source = contents(read(&setting.paris.bootstrap(), "keyed").await);
    let on_target = read(&setting.oslo.bootstrap(), "keyed").await;
    let mut rng = seed::rng();
    for _ in 0..SAMPLES {
        let seen = &on_target[rng.usize(0..on_target.len())];
        let back = translate(&setting.farshore, ("keyed", 0), seen.offset, true).await;
        let there = translate(&setting.farshore, ("keyed", 0), back.source_offset, false).await;
        assert!(back.exact && there.exact, "{back:?} {there:?}");
        assert_eq!(there.target_offset, seen.offset);
    }
    let target = contents(on_target);
    let number = |seen: &Seen| -> (u32, u32) {
        let value = String::from_utf8(seen.value.clone().expect("a value")).expect("text");
        let (round, number) = value.split_once('-').expect("two numbers");
        (
            round.parse().expect("a number"),
            number.parse().expect("a number"),
        )
    };
    assert!(target.is_sorted_by(|one, next| number(one) < number(next)));
    let newest = |records: Vec<Seen>| -> BTreeMap<_, _> {
        records.into_iter().map(|it| (it.key.clone(), it)).collect()
    };
    assert_eq!(newest(source), newest(target));
}
