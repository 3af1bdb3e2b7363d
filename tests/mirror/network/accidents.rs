//! Bytes that change in transit, and connections that end in the middle of something (F8, F24).

use std::time::Duration;

use super::Distant;
use crate::support::line::{Accident, Line, Way};
use crate::support::wait::eventually;

const ACCIDENTS: [Accident; 3] = [Accident::Noise, Accident::Reset, Accident::HalfClose];

async fn happened(line: &Line, times: usize) {
    eventually(
        Duration::from_secs(60),
        "the accident happens",
        async || match line.accidents() {
            count if count == times => Ok(()),
            count => Err(format!("{count} of {times}")),
        },
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_damaged_or_in_part_is_asked_for_and_sent_again() {
    let mut distant = Distant::start(1, "topics = [\"orders\"]\nrequest_timeout = \"5s\"").await;
    let setting = &mut distant.setting;
    setting.topic("orders", 2, &[]).await;
    setting.farshore.start().await;
    let lines = [
        (&distant.to_paris[0], Way::Back),
        (&distant.to_oslo[0], Way::There),
    ];
    let mut written = 0;
    for (line, way) in lines {
        for accident in ACCIDENTS {
            let before = line.accidents();
            line.happen(accident, way);
            for partition in 0..2 {
                setting
                    .write("orders", partition, written..written + 2_000)
                    .await;
            }
            written += 2_000;
            happened(line, before + 1).await;
            setting.mirrored("orders", 2).await;
        }
    }
    let records = setting.compare("orders", 2).await;
    assert_eq!(records, 2 * written.unsigned_abs());
}
