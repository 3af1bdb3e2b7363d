//! Long and narrow lines (F9), and lines that pass one byte at a time (F8).

use std::time::Duration;

use super::Distant;
use crate::support::line::Weather;

async fn mirrors_under(weather: Weather, records: i64) {
    let mut distant = Distant::start(1, "topics = [\"orders\"]").await;
    for line in distant.to_paris.iter().chain(&distant.to_oslo) {
        line.set(weather);
    }
    let setting = &mut distant.setting;
    setting.topic("orders", 2, &[]).await;
    setting.farshore.start().await;
    for partition in 0..2 {
        setting.write("orders", partition, 0..records).await;
    }
    setting.mirrored("orders", 2).await;
    let compared = setting.compare("orders", 2).await;
    assert_eq!(compared, 2 * records.unsigned_abs());
    let topic = setting
        .farshore
        .get_json("/v1/links/paris-oslo/topics/orders")
        .await;
    let topic = topic.expect("the topic's partitions");
    for partition in 0..2 {
        // A slow line causes no new settling.
        assert_eq!(topic["partitions"][partition]["resyncs"], 1, "{topic}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_and_narrow_line_takes_time_and_nothing_else() {
    let weather = Weather {
        delay: Duration::from_millis(200),
        bytes_per_second: Some(1_000_000),
        ..Weather::default()
    };
    mirrors_under(weather, 10_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_may_come_one_by_one() {
    let weather = Weather {
        slice: Some(1),
        ..Weather::default()
    };
    mirrors_under(weather, 500).await;
}
