//! The sequences of events that lose, double or mistranslate records where a mirror is built naively, and what farshore
//! does instead. Each test brings its events about on real brokers and fails when the rule against them is taken out.
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

/// One broker with the bed's settings.
pub(crate) fn spec() -> Spec {
    Spec::new(KafkaVersion::V4_1)
}

/// Starts both clusters at once; farshore is configured with these lines of its link and not started.
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

/// Records of a partition whose values tell their number and fill `size` bytes, with the time of writing.
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

/// A value that no codec makes smaller: librdkafka compresses whatever can be.
pub(crate) fn noise(size: usize) -> Vec<u8> {
    std::iter::repeat_with(|| fastrand::u8(..))
        .take(size)
        .collect()
}

/// Writes each range of numbers as a batch of its own.
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

/// Ends farshore in order and starts it again.
pub(crate) async fn restart(farshore: &mut Farshore) {
    farshore.sigterm().await;
    farshore.start().await;
}
