//! Records of all shapes and codecs arrive once, in order, unchanged.

use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;
use crate::support::compare;
use crate::support::seed;
use crate::support::write::{Writer, mixed};

const PARTITIONS: i32 = 8;
const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

#[tokio::test]
async fn records_of_every_codec_are_equal() {
    let mut setting = Setting::start(KafkaVersion::V4_1, "topics = [\"mixed\"]").await;
    setting.topic("mixed", PARTITIONS, &[]).await;
    let mut count = 0;
    for codec in CODECS {
        let settings = [("compression.type", codec), ("batch.size", "16384")];
        let writer = Writer::new(&setting.paris.bootstrap(), "mixed", &settings);
        writer.write(mixed(seed::rng(), PARTITIONS, 2_000)).await;
        count += 2_000;
    }
    setting.farshore.launch();
    setting.wait_for("mixed", PARTITIONS, count).await;
    let (source, target) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    let compared = compare::topics((&source, "mixed"), (&target, "mixed"), PARTITIONS).await;
    assert_eq!(compared.records, count.unsigned_abs());
}
