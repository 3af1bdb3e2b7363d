//! Topics that begin with the source's own name are mirrored only if they are named and aren't mirrors themselves.

use super::*;
use crate::model::{ClusterName, Reason};
use crate::task::testing::passes;

fn bench() -> Bench {
    let mut bench = Bench::new();
    let [paris, oslo] = ["paris", "oslo"].map(ClusterName::new);
    let topics = TopicFilter::new(&[".*", "paris\\.named", "paris\\.copied"], &["paris\\.out"]);
    let topics = topics
        .unwrap()
        .without_copies(&paris, &oslo, [&paris, &oslo]);
    bench.discovery.config.topics = topics;
    for topic in [
        "paris.named",
        "paris.copied",
        "paris.any",
        "paris.copy",
        "paris.out",
        "sales.oslo.t",
    ] {
        bench.source.put(topic, 2);
    }
    bench.source.set(|inner| {
        inner.mirrors = ["paris.copied", "paris.copy"].map(TopicName::new).into();
    });
    bench
}

fn reason(bench: &Bench, topic: &str) -> Reason {
    match bench.obstacle(topic) {
        Some(Obstacle::Refused(reason)) => reason,
        other => panic!("{topic}: {other:?}"),
    }
}

fn reads(bench: &Bench) -> usize {
    bench.source.set(|inner| inner.read)
}

async fn pass(seconds: u64) {
    passes(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn each_has_a_row_with_the_reason_why_it_is_not_mirrored() {
    let mut bench = bench();
    let set = bench.round().await;
    let mirrored: Vec<&str> = set.topics.keys().map(TopicName::as_str).collect();
    assert_eq!(mirrored, ["paris.named", "sales.oslo.t"]);
    let told: Vec<&str> = set.unmirrored.keys().map(TopicName::as_str).collect();
    assert_eq!(told, ["paris.any", "paris.copied", "paris.copy"]);
    for (topic, text) in [
        ("paris.copied", "a farshore link wrote its newest batch"),
        ("paris.copy", "a farshore link wrote its newest batch"),
        ("paris.any", "no expression in topics is its literal name"),
    ] {
        let reason = reason(&bench, topic);
        assert_eq!(reason.code, HaltCode::Circle, "{topic}");
        assert!(reason.message.contains(text), "{}", reason.message);
        assert!(
            reason.remedy.contains("topics_exclude"),
            "{}",
            reason.remedy
        );
        assert_eq!(set.unmirrored[&TopicName::from(topic)].partitions, 0..2);
    }
    let created = bench.target.set(|inner| inner.topics.len());
    assert_eq!(created, 2);
}

#[tokio::test(start_paused = true)]
async fn the_newest_batch_is_not_read_at_every_look() {
    let mut bench = bench();
    bench.round().await;
    assert_eq!(reads(&bench), 4);
    for _ in 0..5 {
        bench.round().await;
        pass(60).await;
    }
    assert_eq!(reads(&bench), 4);
    // Whatever an application wrote to may become a mirror; a mirror stays one.
    pass(600).await;
    bench.round().await;
    assert_eq!(reads(&bench), 6);
    // Another topic of that name.
    bench.source.put("paris.copied", 2);
    bench.source.set(|inner| inner.mirrors.clear());
    bench.round().await;
    assert_eq!(reads(&bench), 7);
    assert_eq!(bench.obstacle("paris.copied"), None);
    assert!(
        bench
            .set()
            .topics
            .contains_key(&TopicName::from("paris.copied"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_named_topic_waits_until_its_newest_batch_is_known() {
    let mut bench = bench();
    bench.source.set(|inner| inner.read_refused = Some(29));
    bench.round().await;
    for topic in ["paris.named", "paris.copied"] {
        let Some(Obstacle::Awaited(why)) = bench.obstacle(topic) else {
            panic!("{topic}: {:?}", bench.obstacle(topic));
        };
        assert!(
            why.contains("newest batch") && why.contains("refused"),
            "{why}"
        );
    }
    assert_eq!(reason(&bench, "paris.any").code, HaltCode::Circle);
    bench.source.set(|inner| inner.read_refused = None);
    bench.round().await;
    assert_eq!(reads(&bench), 4);
    pass(30).await;
    bench.round().await;
    assert_eq!(bench.obstacle("paris.named"), None);
    assert_eq!(reason(&bench, "paris.copied").code, HaltCode::Circle);

    // What is mirrored already goes on meanwhile, also after a restart.
    pass(600).await;
    bench.source.set(|inner| inner.read_refused = Some(29));
    let set = bench.round().await;
    assert_eq!(set.topics[&TopicName::from("paris.named")].conflict, None);
}

#[tokio::test(start_paused = true)]
async fn an_empty_topic_is_looked_at_again_soon() {
    let mut bench = bench();
    let empty = ["paris.named", "paris.copy"].map(TopicName::new);
    bench.source.set(|inner| inner.empty = empty.into());
    bench.round().await;
    let is_unnamed = |bench: &Bench| {
        reason(bench, "paris.copy")
            .message
            .contains("no expression")
    };
    assert!(is_unnamed(&bench));
    assert_eq!(bench.obstacle("paris.named"), None);
    bench.source.set(|inner| inner.empty.clear());
    pass(30).await;
    bench.round().await;
    assert!(!is_unnamed(&bench));
    assert_eq!(reads(&bench), 6);
}

#[tokio::test(start_paused = true)]
async fn a_named_topic_that_becomes_a_mirror_stops() {
    let mut bench = bench();
    bench.round().await;
    bench
        .source
        .set(|inner| inner.mirrors.insert("paris.named".into()));
    pass(600).await;
    let set = bench.round().await;
    let conflict = set.topics[&TopicName::from("paris.named")].conflict.clone();
    assert_eq!(conflict.map(|it| it.code), Some(HaltCode::Circle));
}
