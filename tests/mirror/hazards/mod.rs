//! The event sequences in which a naive mirror loses, duplicates or mistranslates records, and what farshore does instead.
//! Each test produces its events on real brokers, and fails when the rule against them is removed.
#![allow(
    clippy::single_range_in_vec_init,
    clippy::cast_possible_wrap,
    reason = "each range is the offsets of one batch, and numbers of records are small"
)]

pub(crate) mod broker;
mod foreign;
mod forgotten;
mod gaps;
pub(crate) mod late;
mod latest;
mod provisional;
mod racing;
mod refused;
pub(crate) mod sight;
pub(crate) mod truncated;
mod watermark;

use crate::setting::Setting;
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::farshore::Farshore;
use crate::support::write::{Record, Writer};

/// One broker with the test bed's settings.
pub(crate) fn spec() -> Spec {
    Spec::new(KafkaVersion::V4_1)
}

/// Starts both clusters concurrently. farshore is configured with these lines of its link, but not started.
pub(crate) async fn between(paris: Spec, oslo: Spec, link: &str) -> Setting {
    let (paris, oslo) = tokio::join!(Cluster::start(paris), Cluster::start(oslo));
    let farshore = crate::setting::farshore(&paris, &oslo, link);
    Setting {
        paris,
        oslo,
        farshore,
        path: crate::setting::Path::of(link),
    }
}

/// Records of a partition whose values contain their number and fill `size` bytes, with the time of writing.
pub(crate) fn numbered(
    partition: i32,
    numbers: std::ops::Range<usize>,
    size: usize,
) -> impl Iterator<Item = Record> + Send + 'static {
    numbers.map(move |number| {
        let value = format!("{number:0size$}");
        Record::new(partition, format!("key{number}"), value)
    })
}

/// An incompressible value: librdkafka compresses whatever can be compressed.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    std::iter::repeat_with(|| fastrand::u8(..))
        .take(size)
        .collect()
}

/// Writes each range of numbers as a separate batch.
pub(crate) async fn write_batches(
    setting: &Setting,
    topic: &str,
    partition: i32,
    batches: impl IntoIterator<Item = std::ops::Range<usize>>,
    size: usize,
) {
    let writer = Writer::new(&setting.paris.bootstrap(), topic, &[]);
    for numbers in batches {
        writer.write(numbered(partition, numbers, size)).await;
    }
}

/// Stops farshore cleanly and starts it again.
pub(crate) async fn restart(farshore: &mut Farshore) {
    farshore.sigterm().await;
    farshore.start().await;
}
