//! A source whose logs contain messages of the formats v0 and v1, which brokers up to 3.x may still have from long ago.

use std::collections::BTreeMap;

use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::java::{self, Tool};
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};
use crate::support::{configs, seed};

const CODECS: [&str; 4] = ["none", "gzip", "snappy", "lz4"];
/// The number of records in one partition and one format.
const COUNT: usize = 5_000;
/// On the raw path: librdkafka returns nothing from such logs once one of them has been compacted, so the record path would
/// stop.
const LINK: &str = "path = \"raw\"\ntopics = [\"v0\", \"v1\", \"compacted\"]\nmax_in_flight_bytes = \"1MiB\"\nfetch_max_bytes = \"128KiB\"";

fn keep(format: &str) -> [(&str, &str); 2] {
    [("retention.ms", "-1"), ("message.format.version", format)]
}

/// A producer within the limits of the old formats: no headers, not idempotent, no zstd.
fn writer(setting: &Setting, topic: &str, codec: &str) -> Writer {
    let old = [("enable.idempotence", "false"), ("compression.type", codec)];
    Writer::new(&setting.paris.bootstrap(), topic, &old)
}

/// Writes to each partition with its own compression; some records have no key or no value.
async fn write(setting: &Setting, topic: &str) {
    for (codec, partition) in CODECS.iter().zip(0..) {
        let mut rng = seed::rng();
        let records = (0..COUNT).map(move |number| {
            let mut record = Record::new(
                partition,
                format!("k{number}"),
                vec![b'v'; rng.usize(0..200)],
            );
            record.key = record.key.filter(|_| number % 7 > 0);
            record.value = record.value.filter(|_| number % 11 > 0);
            record
        });
        writer(setting, topic, codec).write(records).await;
    }
}

#[tokio::test]
async fn messages_of_old_formats_are_mirrored_like_any_others() {
    let spec = Spec::new(KafkaVersion::V2_8);
    let mut setting = Setting::between(spec, Spec::new(KafkaVersion::V4_1), LINK).await;
    let paris = setting.paris.bootstrap();
    for (topic, format) in [("v0", "0.9.0"), ("v1", "0.10.2")] {
        topics::create(&paris, topic, 4, 1, &keep(format)).await;
        write(&setting, topic).await;
    }
    write_compacted(&setting).await;
    setting.farshore.start().await;
    let target = setting.on_target("v1", 4).await;
    target
        .reaches(i64::try_from(COUNT).expect("small"), CATCH_UP)
        .await;
    setting.farshore.kill9();
    // The log continues in the current format.
    configs::replace(&paris, "v1", &[("retention.ms", "-1")]).await;
    write(&setting, "v1").await;
    setting.farshore.start().await;
    setting.mirrored("v0", 4).await;
    setting.mirrored("v1", 4).await;
    setting.mirrored("compacted", 1).await;
    for (topic, count) in [("v0", 4 * COUNT), ("v1", 8 * COUNT)] {
        let (source, target) = read_both(&setting, topic).await;
        assert_eq!(source.len(), count);
        assert!(source == target, "{topic} differs");
    }
    translates_by_content(&setting).await;
}

/// Records as printed by Kafka's own consumer: time, key and value.
type Printed = BTreeMap<(i32, i64), String>;

async fn read_both(setting: &Setting, topic: &str) -> (Printed, Printed) {
    tokio::join!(print(&setting.paris, topic), print(&setting.oslo, topic))
}

/// Reads with Kafka's own consumer, because librdkafka fails on old formats.
async fn print(cluster: &Cluster, topic: &str) -> Printed {
    let bootstrap = cluster.bootstrap();
    let mut arguments = vec!["--bootstrap-server", &bootstrap, "--topic", topic];
    arguments.extend(["--from-beginning", "--timeout-ms", "5000"]);
    let shown = ["timestamp", "partition", "offset", "key"].map(|it| format!("print.{it}=true"));
    for property in &shown {
        arguments.extend(["--property", property]);
    }
    let printed = java::run(KafkaVersion::V4_1, Tool::ConsoleConsumer, &arguments).await;
    printed.lines().map(parsed).collect()
}

fn parsed(line: &str) -> ((i32, i64), String) {
    let mut fields = line.splitn(4, '\t');
    let mut next = || fields.next().unwrap_or_else(|| panic!("{line}"));
    let time = next().replace("NO_TIMESTAMP", "CreateTime:-1");
    let mut number = |name: &str| {
        let number = next()
            .strip_prefix(name)
            .and_then(|it| it.parse::<i64>().ok());
        number.unwrap_or_else(|| panic!("{line}"))
    };
    let (partition, offset) = (number("Partition:"), number("Offset:"));
    let partition = i32::try_from(partition).expect("a partition");
    ((partition, offset), format!("{time} {}", next()))
}

/// Writes a few keys repeatedly until the cleaner has run.
async fn write_compacted(setting: &Setting) {
    let paris = setting.paris.bootstrap();
    let mut settings = vec![
        ("cleanup.policy", "compact"),
        ("segment.ms", "500"),
        ("min.cleanable.dirty.ratio", "0.01"),
    ];
    settings.extend(keep("0.10.2"));
    topics::create(&paris, "compacted", 1, 1, &settings).await;
    let writer = writer(setting, "compacted", "gzip");
    let mut rng = seed::rng();
    let cleaned = setting.paris.data_dir(1).join("cleaner-offset-checkpoint");
    eventually(CATCH_UP, "the cleaner was there", async || {
        let records: Vec<Record> = (0..500)
            .map(|_| Record::new(0, format!("k{}", rng.u8(..)), vec![b'v'; 50]))
            .collect();
        writer.write(records).await;
        let points = std::fs::read_to_string(&cleaned).unwrap_or_default();
        let is_cleaned = |line: &str| line.starts_with("compacted 0 ") && !line.ends_with(" 0");
        if points.lines().any(is_cleaned) {
            Ok(())
        } else {
            Err(points)
        }
    })
    .await;
}

/// Checks that every record of the compacted topic still on the source is where translation says.
async fn translates_by_content(setting: &Setting) {
    let (source, target) = read_both(setting, "compacted").await;
    let offsets: Vec<i64> = source.keys().map(|(_, offset)| *offset).collect();
    let holes = offsets.windows(2).filter(|two| two[1] > two[0] + 1).count();
    assert!(holes > 10, "{holes} holes");
    let there = setting
        .farshore
        .translate("compacted", offsets, false)
        .await;
    for (record, pair) in source.values().zip(there) {
        assert_eq!(
            target.get(&(0, pair.target_offset)),
            Some(record),
            "{pair:?}"
        );
    }
}
