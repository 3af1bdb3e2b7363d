//! Records of all shapes and codecs arrive once, in order and unchanged, whatever is killed on the way.

use crate::setting::{CATCH_UP, Path, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::seed;
use crate::support::write::{Writer, mixed};

const PARTITIONS: i32 = 8;
const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// Writes records with every codec, the same number with each.
async fn write_mixed(setting: &Setting, topic: &str, count: i64) {
    let of_each = usize::try_from(count).expect("a number of records") / CODECS.len();
    setting.topic(topic, PARTITIONS, &[]).await;
    for codec in CODECS {
        let settings = [("compression.type", codec), ("batch.size", "16384")];
        let writer = Writer::new(&setting.paris.bootstrap(), topic, &settings);
        writer.write(mixed(seed::rng(), PARTITIONS, of_each)).await;
    }
}

#[tokio::test]
async fn a_million_records_of_every_codec_are_equal() {
    const COUNT: i64 = 1_000_000;
    let mut setting = Setting::start(KafkaVersion::V4_1, "topics = [\"mixed\"]").await;
    write_mixed(&setting, "mixed", COUNT).await;
    setting.farshore.launch();
    let target = setting.on_target("mixed", PARTITIONS).await;
    target.reaches(COUNT, CATCH_UP).await;
    setting.mirrored("mixed", PARTITIONS).await;
    assert_eq!(
        setting.compare("mixed", PARTITIONS).await,
        COUNT.unsigned_abs()
    );
}

/// What is killed once the target holds a given number of records.
enum Victim {
    Farshore,
    Target,
    Source,
}

#[tokio::test]
async fn a_million_records_are_equal_after_kills_of_everybody() {
    survives_kills(Path::Raw, 1_000_000, 20).await;
}

#[tokio::test]
async fn records_are_equal_after_kills_of_everybody_on_the_record_path() {
    survives_kills(Path::Record, 300_000, 10).await;
}

/// Mirrors `count` records while farshore is killed `farshore_kills` times, and each cluster twice.
async fn survives_kills(path: Path, count: i64, farshore_kills: usize) {
    let link = "topics = [\"mixed\"]\nmax_in_flight_bytes = \"2MiB\"\nfetch_max_bytes = \"1MiB\"\npartition_max_bytes = \"128KiB\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, &path.configured(link)).await;
    write_mixed(&setting, "mixed", count).await;
    let mut rng = seed::rng();
    let mut kills: Vec<(i64, Victim)> = Vec::new();
    let mut moment = || rng.i64(0..count * 9 / 10);
    kills.extend((0..farshore_kills).map(|_| (moment(), Victim::Farshore)));
    kills.extend((0..2).map(|_| (moment(), Victim::Target)));
    kills.extend((0..2).map(|_| (moment(), Victim::Source)));
    kills.sort_by_key(|(at, _)| *at);

    setting.farshore.launch();
    let target = setting.on_target("mixed", PARTITIONS).await;
    for (at, victim) in kills {
        target.reaches(at, CATCH_UP).await;
        match victim {
            Victim::Farshore => {
                setting.farshore.kill9();
                setting.farshore.launch();
            }
            Victim::Target => {
                setting.oslo.kill(1);
                setting.oslo.restart(1).await;
            }
            Victim::Source => {
                setting.paris.kill(1);
                setting.paris.restart(1).await;
            }
        }
    }
    setting.mirrored("mixed", PARTITIONS).await;
    assert_eq!(
        setting.compare("mixed", PARTITIONS).await,
        count.unsigned_abs()
    );
}
