//! A marker that meets a broker without memory of its producer creates a state that accepts only sequence 0 (H23).

use super::{ends, is_the_same, says};
use crate::hazards::broker::producers;
use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::wait::eventually;
use crate::support::write::{Outcome, Record, Writer};

#[tokio::test]
async fn records_behind_a_gap_follow_what_the_broker_remembers() {
    const OLD: i64 = 1_700_000_000_000;
    let plain = Spec::new(KafkaVersion::V4_1);
    let oslo = plain
        .clone()
        .property("producer.id.expiration.ms", "600000")
        .property("producer.id.expiration.check.interval.ms", "200");
    let link = "topics = [\"t\"]\noffsets = \"preserve\"";
    let mut setting = Setting::between(plain, oslo, link).await;
    setting.topic("t", 1, &[]).await;
    let old = |numbers: std::ops::Range<usize>| {
        numbers.map(|number| Record {
            timestamp: Some(OLD),
            ..Record::new(0, format!("k{number}"), "v")
        })
    };
    let settings = [("transactional.id", "one")];
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &settings);
    writer.init_transactions().await;
    writer.transaction(old(0..100), Outcome::Abort).await;
    let plain = Writer::new(&setting.paris.bootstrap(), "t", &[]);
    plain.write(old(100..200)).await;
    setting.farshore.start().await;
    is_the_same(&setting, "t", 1).await;
    let oslo = setting.oslo.bootstrap();
    eventually(
        CATCH_UP,
        "the producer is forgotten",
        async || match producers(&oslo, "t", 0).await? {
            0 => Ok(()),
            count => Err(format!("{count} producers")),
        },
    )
    .await;
    writer.transaction(old(200..300), Outcome::Abort).await;
    plain.write(old(300..400)).await;
    assert_eq!(is_the_same(&setting, "t", 1).await, 200);
    let (source, target) = ends(&setting, "t", 0).await;
    assert_eq!(source, target);
    let status = says(&setting, ("t", 0), "is live", |it| it["state"] == "live").await;
    assert_eq!(status["resyncs"], 1, "no batch was refused");
}
