//! Which topics get a mirror, with which properties, and that it follows its source.

use std::collections::BTreeSet;

use crate::journal::JOURNAL;
use crate::setting::{CATCH_UP, Setting, farshore};
use crate::support::brokers::KafkaVersion;
use crate::support::wait::eventually;
use crate::support::write::{Writer, mixed};
use crate::support::{compare, configs, seed, topics};

const LINK: &str = r#"
topics = ["orders.*", "payments\\..*", "__.*", "farshore-.*"]
topics_exclude = ["payments\\.secret"]
config_exclude = ["delete\\.retention\\..*"]
refresh_interval = "200ms"
"#;

async fn write(setting: &Setting, topic: &str, partitions: i32, count: usize) {
    let writer = Writer::new(&setting.paris.bootstrap(), topic, &[]);
    writer.write(mixed(seed::rng(), partitions, count)).await;
}

/// Waits until the target has exactly these topics with these partition counts, and the journal.
async fn target_has(setting: &Setting, wanted: &[(&str, usize)]) {
    let wanted: BTreeSet<(String, usize)> = wanted
        .iter()
        .chain(&[(JOURNAL, 1)])
        .map(|(name, partitions)| ((*name).to_owned(), *partitions))
        .collect();
    eventually(CATCH_UP, "the mirror topics", async || {
        let seen = configs::topics(&setting.oslo.bootstrap()).await?;
        (seen == wanted).then_some(()).ok_or(format!("{seen:?}"))
    })
    .await;
}

/// Waits until a mirror topic has these configs.
async fn target_keeps(setting: &Setting, topic: &str, wanted: &[(&str, &str)]) {
    eventually(CATCH_UP, "the mirror's settings", async || {
        let seen = configs::of_topic(&setting.oslo.bootstrap(), topic).await?;
        let differs = wanted
            .iter()
            .find(|(name, value)| seen.get(*name).map(String::as_str) != Some(value));
        match differs {
            Some((name, _)) => Err(format!("{name} is {:?}", seen.get(*name))),
            None => Ok(()),
        }
    })
    .await;
}

async fn is_mirrored(setting: &Setting, topic: &str, partitions: i32, count: usize) {
    let count = i64::try_from(count).expect("a small number");
    setting.arrives(topic, partitions, count).await;
    let compared = setting.compare(topic, partitions).await;
    assert_eq!(compared, count.unsigned_abs());
}

/// What is done with each setting is told, and no setting of the brokers is missing.
async fn settings_are_explained(setting: &Setting) {
    let path = "/v1/links/paris-oslo/explain/orders";
    let told = setting.farshore.get_json(path).await.expect("an answer");
    let settings = told["topic"]["settings"].as_array().expect("settings");
    let of = |name: &str| {
        let found = settings.iter().find(|it| it["name"] == name);
        let found = found.unwrap_or_else(|| panic!("no {name} in {told}"));
        ["treatment", "source", "mirror", "likeness"].map(|it| found[it].as_str().unwrap_or(""))
    };
    let retention = ["at_least", "31536000000000", "31536000000000", "same"];
    assert_eq!(of("retention.ms"), retention);
    let tombstones = ["excluded", "172800000", "86400000", "differs"];
    assert_eq!(of("delete.retention.ms"), tombstones);
    let timestamps = ["set", "9223372036854775807", "9223372036854775807", "same"];
    assert_eq!(of("message.timestamp.after.max.ms"), timestamps);
    assert_eq!(of("segment.bytes"), ["not_mirrored", "", "", ""]);
    for bootstrap in [setting.paris.bootstrap(), setting.oslo.bootstrap()] {
        let seen = configs::of_topic(&bootstrap, "orders").await;
        for name in seen.expect("the settings").into_keys() {
            of(&name);
        }
    }
}

#[tokio::test]
async fn mirrors_appear_and_follow_their_sources() {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    let large = [
        ("max.message.bytes", "2097152"),
        ("retention.ms", "31536000000000"),
        ("delete.retention.ms", "172800000"),
        ("min.compaction.lag.ms", "60000"),
    ];
    setting.topic("orders", 4, &large).await;
    for name in [
        "payments.eu",
        "payments.secret",
        "other",
        "__own",
        "farshore-x",
    ] {
        setting.topic(name, 1, &[]).await;
    }
    write(&setting, "orders", 4, 1_000).await;
    setting.farshore.launch();
    is_mirrored(&setting, "orders", 4, 1_000).await;
    target_has(&setting, &[("orders", 4), ("payments.eu", 1)]).await;
    let same = [
        ("cleanup.policy", "delete"),
        ("compression.type", "producer"),
        ("max.message.bytes", "2097152"),
        ("message.timestamp.type", "CreateTime"),
        ("retention.ms", "31536000000000"),
        ("min.compaction.lag.ms", "60000"),
        // Excluded, so it is the target's default.
        ("delete.retention.ms", "86400000"),
    ];
    target_keeps(&setting, "orders", &same).await;
    settings_are_explained(&setting).await;

    // Configs are read again only after a while; the other changes continue meanwhile.
    let changed = [
        ("cleanup.policy", "compact"),
        ("max.message.bytes", "3145728"),
        ("retention.ms", "-1"),
    ];
    configs::replace(&setting.paris.bootstrap(), "payments.eu", &changed).await;
    topics::grow(&setting.paris.bootstrap(), "orders", 6).await;
    setting.topic("orders.late", 2, &[]).await;
    write(&setting, "orders.late", 2, 500).await;
    write(&setting, "orders", 6, 1_000).await;
    is_mirrored(&setting, "orders.late", 2, 500).await;
    is_mirrored(&setting, "orders", 6, 2_000).await;
    target_keeps(&setting, "payments.eu", &changed).await;
    let all = [("orders", 6), ("orders.late", 2), ("payments.eu", 1)];
    target_has(&setting, &all).await;
    drop(setting.farshore);

    // The journal would reveal the link under its former naming.
    let link = "topics = [\"orders\"]\nnaming = \"prefix\"\njournal = false";
    setting.farshore = farshore(&setting.paris, &setting.oslo, link);
    setting.farshore.launch();
    setting.arrives("paris.orders", 6, 2_000).await;
    let (source, target) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    let (source, target) = ((&*source, "orders"), (&*target, "paris.orders"));
    let compared = compare::all(source, target, 6, setting.path.isolation()).await;
    assert_eq!(compared.records, 2_000);
}
