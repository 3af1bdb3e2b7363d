//! Only the owner changes topics of the target.

use rustix::process::Signal;

use super::shows;
use crate::setting::{Setting, farshore};
use crate::support::brokers::KafkaVersion;
use crate::support::topics;

/// The suspended process would mirror more topics, so that its changes are distinguishable from the other's.
const MORE: &str = "topics = [\"t\", \"more.*\"]\nrefresh_interval = \"200ms\"";
const LESS: &str = "topics = [\"t\"]\nrefresh_interval = \"200ms\"";

#[tokio::test]
async fn a_stopped_owner_that_wakes_and_a_standby_change_no_topics() {
    let setting = Setting::start(KafkaVersion::V4_1, MORE).await;
    let (mut first, mut second) = (
        farshore(&setting.paris, &setting.oslo, MORE),
        farshore(&setting.paris, &setting.oslo, LESS),
    );
    setting.topic("t", 1, &[]).await;
    first.start().await;
    setting.on_target("t", 1).await;
    second.start().await;
    shows(&second, "standby").await;
    for round in 1..=3 {
        first.process().signal(Signal::STOP);
        shows(&second, "running").await;
        let name = format!("more{round}");
        setting.topic(&name, 1, &[]).await;
        // Its look at the clusters is long overdue.
        first.process().signal(Signal::CONT);
        shows(&first, "standby").await;
        let standing_by = format!("more{round}b");
        setting.topic(&standing_by, 1, &[]).await;
        // By the time this is mirrored, the owner has looked at the clusters more than once.
        topics::grow(&setting.paris.bootstrap(), "t", round + 1).await;
        setting.on_target("t", round + 1).await;
        for topic in [name, standing_by] {
            let there = topics::try_watermarks(&setting.oslo.bootstrap(), &topic, 0).await;
            assert!(there.is_err(), "{topic} was created: {there:?}");
        }
        second.sigterm().await;
        shows(&first, "running").await;
        for topic in [format!("more{round}"), format!("more{round}b")] {
            topics::wait_led(&setting.oslo.bootstrap(), &topic, 1).await;
        }
        second.start().await;
        shows(&second, "standby").await;
    }
    setting.write("t", 3, 0..100).await;
    setting.arrives("t", 4, 100).await;
}
