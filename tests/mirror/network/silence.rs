//! Networks that silently drop everything (F6, F7).

use std::time::Duration;

use serde_json::Value;

use super::Distant;
use crate::support::line::{Line, Weather};
use crate::support::topics;
use crate::support::wait::eventually;

const LINK: &str = "topics = [\"orders\"]\nrequest_timeout = \"2s\"";

pub(super) const THERE: Weather = Weather {
    delay: Duration::ZERO,
    bytes_per_second: None,
    slice: None,
    lost_there: true,
    lost_back: false,
};
const BACK: Weather = Weather {
    lost_there: false,
    lost_back: true,
    ..THERE
};

/// Waits until a figure of a partition has a value.
async fn shows(distant: &Distant, partition: usize, figure: &str, value: impl Into<Value>) {
    let value = value.into();
    let what = format!("partition {partition} has the {figure} {value}");
    eventually(Duration::from_secs(60), &what, async || {
        let topic = distant
            .setting
            .farshore
            .get_json("/v1/links/paris-oslo/topics/orders")
            .await?;
        match &topic["partitions"][partition][figure] {
            found if *found == value => Ok(()),
            other => Err(other.to_string()),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_line_is_noticed_and_what_is_missing_follows_when_it_speaks() {
    let mut distant = Distant::start(1, LINK).await;
    distant.setting.topic("orders", 1, &[]).await;
    distant.setting.farshore.start().await;
    distant.setting.write("orders", 0, 0..1_000).await;
    distant.setting.mirrored("orders", 1).await;
    let mut written = 1_000;
    for weather in [THERE, BACK] {
        for line in [&distant.to_paris[0], &distant.to_oslo[0]] {
            line.set(weather);
            distant
                .setting
                .write("orders", 0, written..written + 1_000)
                .await;
            written += 1_000;
            shows(&distant, 0, "state", "retrying").await;
            line.set(Weather::default());
            distant.setting.mirrored("orders", 1).await;
        }
    }
    let records = distant.setting.compare("orders", 1).await;
    assert_eq!(records, written.unsigned_abs());
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_of_a_broker_out_of_reach_hold_up_no_others() {
    let mut distant = Distant::start(2, LINK).await;
    let setting = &mut distant.setting;
    setting.topic("orders", 2, &[]).await;
    // One replica on each broker.
    let oslo = setting.oslo.bootstrap();
    topics::create_assigned(&oslo, "orders", &[&[1], &[2]]).await;
    setting.farshore.start().await;
    let write = async |setting: &crate::setting::Setting, numbers: std::ops::Range<i64>| {
        for partition in 0..2 {
            setting.write("orders", partition, numbers.clone()).await;
        }
    };
    write(setting, 0..1_000).await;
    setting.mirrored("orders", 2).await;
    let lost: &Line = &distant.to_oslo[1];
    lost.set(THERE);
    write(setting, 1_000..2_000).await;
    shows(&distant, 1, "state", "retrying").await;
    for begin in [2_000, 3_000] {
        write(&distant.setting, begin..begin + 1_000).await;
        shows(&distant, 0, "position", begin + 1_000).await;
    }
    distant.to_oslo[1].set(Weather::default());
    distant.setting.mirrored("orders", 2).await;
    assert_eq!(distant.setting.compare("orders", 2).await, 8_000);
}
