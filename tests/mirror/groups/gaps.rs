//! Offsets over gaps: each translates to the same record, and groups at them are carried to it.

use std::collections::BTreeMap;

use crate::histories::{write_compacted, write_transactions};
use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::groups;
use crate::support::operator::{Carried, Pair};
use crate::support::pairs::Pairs;
use crate::support::seed;
use crate::support::topics;

const TOPICS: [&str; 3] = ["plain", "txn", "compacted"];
/// The first record of `plain` that the source still has when mirroring begins.
const PLAIN_START: i64 = 100;
/// The number of translations, each way and per topic.
const TRANSLATIONS: usize = 3_500;
const GROUPS: usize = 20;
/// The number of groups that are resumed on the target.
const RESUMED: usize = 3;

#[tokio::test]
async fn offsets_in_and_around_gaps_translate_and_are_carried_exactly() {
    let link = "topics = [\".*\"]\ngroup_sync_interval = \"200ms\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    write(&setting).await;
    setting.farshore.start().await;
    let mut pairs = BTreeMap::new();
    for topic in TOPICS {
        setting.mirrored(topic, 1).await;
        pairs.insert(topic, setting.pairs(topic, 0).await);
    }
    for (topic, pairs) in &pairs {
        translates_both_ways(&setting, topic, pairs).await;
    }
    carries_everywhere(&setting, &pairs).await;
    clamps_what_was_never_mirrored(&setting).await;
}

async fn write(setting: &Setting) {
    let paris = setting.paris.bootstrap();
    setting.topic("plain", 1, &[]).await;
    setting.write("plain", 0, 0..400).await;
    topics::delete_records(&paris, "plain", 0, PLAIN_START).await;
    setting.topic("txn", 1, &[]).await;
    write_transactions(setting, "txn", 40).await;
    write_compacted(setting, "compacted").await;
    // It has its holes; from now on the log must not change, or both sides could never be compared.
    let as_it_is = [("cleanup.policy", "delete"), ("retention.ms", "-1")];
    topics::configure(&paris, "compacted", &as_it_is).await;
}

async fn translates_both_ways(setting: &Setting, topic: &str, pairs: &Pairs) {
    let mut rng = seed::rng();
    let sources: Vec<i64> = std::iter::repeat_with(|| pairs.any(&mut rng))
        .take(TRANSLATIONS)
        .collect();
    let expected: Vec<Pair> = sources
        .iter()
        .map(|source| Pair {
            source_offset: *source,
            target_offset: pairs.on_target(*source),
            exact: true,
        })
        .collect();
    let translated = setting.farshore.translate(topic, sources, false).await;
    assert!(
        translated == expected,
        "{}",
        first_wrong(&translated, &expected)
    );

    let records: BTreeMap<i64, i64> = pairs.by_source.iter().map(|(s, t)| (*t, *s)).collect();
    let back = |pair: &Pair| Pair {
        source_offset: records
            .get(&pair.target_offset)
            .copied()
            .unwrap_or(pairs.source_end),
        ..*pair
    };
    let targets = expected.iter().map(|pair| pair.target_offset).collect();
    let expected: Vec<Pair> = expected.iter().map(back).collect();
    let translated = setting.farshore.translate(topic, targets, true).await;
    assert!(
        translated == expected,
        "{}",
        first_wrong(&translated, &expected)
    );
}

fn first_wrong(translated: &[Pair], expected: &[Pair]) -> String {
    let mut both = translated.iter().zip(expected);
    format!(
        "{:?}",
        both.find(|(translated, expected)| translated != expected)
    )
}

async fn carries_everywhere(setting: &Setting, pairs: &BTreeMap<&str, Pairs>) {
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    let mut rng = seed::rng();
    let mut commits = BTreeMap::new();
    for number in 0..GROUPS {
        // The first two are at the end, which in `txn` is behind a marker, and at the first record.
        let mut place = |topic: &'static str| {
            let pairs = &pairs[topic];
            let offset = match number {
                0 => pairs.source_end,
                1 => *pairs.by_source.keys().next().expect("a record"),
                _ => pairs.any(&mut rng),
            };
            (topic, 0, offset)
        };
        let offsets = TOPICS.map(&mut place);
        commits.insert(format!("group{number}"), offsets);
    }
    for (group, offsets) in &commits {
        let texts = [format!("état of {group}"), String::new(), "{}".to_owned()];
        groups::commit_with_texts(&paris, group, offsets, &texts.each_ref().map(|t| &**t)).await;
        let offsets = offsets.iter().zip(texts);
        let expected = offsets.map(|((topic, partition, offset), text)| {
            let target = pairs[topic].on_target(*offset);
            (((*topic).to_owned(), *partition), (target, text))
        });
        let expected: BTreeMap<_, _> = expected.collect();
        for (topic, partition, offset) in &commits[group] {
            let partition = (*topic, *partition);
            let carried = setting.farshore.carries_exactly(group, partition, *offset);
            let target = pairs[topic].on_target(*offset);
            assert_eq!(carried.await.target_offset, Some(target));
        }
        let partitions = TOPICS.map(|topic| (topic, 0));
        let found = groups::committed_with_texts(&oslo, group, &partitions).await;
        assert_eq!(found, expected, "{group}");
    }
    for (group, offsets) in commits.iter().take(RESUMED) {
        for (topic, partition, offset) in offsets {
            let wanted = setting.next_on_source(topic, *partition, *offset).await;
            let read = setting.next_on_target(group, topic, 1).await;
            assert_eq!(read, [wanted], "{group} in {topic} from {offset}");
        }
    }
}

/// Checks that a group from before the first mirrored record resumes at that record, and that the skipped ones are counted.
async fn clamps_what_was_never_mirrored(setting: &Setting) {
    setting.commits("early", ("plain", 0), 0).await;
    let is_clamped = |c: &Carried| c.state == "clamped";
    let carried = setting
        .farshore
        .carries("early", ("plain", 0), "clamped", is_clamped)
        .await;
    assert!(
        !carried.exact && carried.target_offset == Some(0),
        "{carried:?}"
    );
    assert!(
        carried.detail.starts_with(&PLAIN_START.to_string()),
        "{carried:?}"
    );
    assert_eq!(setting.committed("early", ("plain", 0)).await, 0);
}
