//! Records that the target removes although the source still has them.

use std::time::UNIX_EPOCH;

use serde_json::Value;

use super::told::is_mapped;
use crate::hazards::sight::caught_up;
use crate::hazards::{between, numbered, spec, write_batches};
use crate::setting::{CATCH_UP, Setting};
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::Writer;

const HOUR_MS: i64 = 60 * 60 * 1000;

async fn status(setting: &Setting) -> Result<Value, String> {
    let topic = setting
        .farshore
        .get_json("/v1/links/paris-oslo/topics/t")
        .await;
    topic.map(|mut it| it["partitions"][0].take())
}

/// The source keeps records beyond its retention because it rarely looks; a target that looks often removes them
/// immediately.
#[tokio::test]
async fn what_the_target_removes_early_is_foretold_and_counted() {
    const BEGIN: &str = "log.initial.task.delay.ms";
    let often = spec().property("log.retention.check.interval.ms", "300");
    let (seldom, often) = (
        spec().property(BEGIN, "600000"),
        often.property(BEGIN, "300"),
    );
    // A transaction's marker has the time at which it was written, and keeps its segment from expiring.
    let link = "path = \"raw\"\ntopics = [\"t\"]";
    let mut setting = between(seldom, often, link).await;
    let retention = HOUR_MS.to_string();
    let configs = [("retention.ms", &*retention)];
    topics::create(&setting.paris.bootstrap(), "t", 1, 1, &configs).await;
    let now = UNIX_EPOCH.elapsed().expect("a time after 1970").as_millis();
    let old = i64::try_from(now).expect("a small number") - 2 * HOUR_MS;
    let writer = Writer::new(&setting.paris.bootstrap(), "t", &[]);
    let records = numbered(0, 0..100, 20).map(move |mut record| {
        record.timestamp = Some(old);
        record
    });
    writer.write(records).await;
    let told = setting.farshore.cli(&["check", "--output", "json"]).await;
    let told: Value = serde_json::from_slice(&told.stdout).expect("findings");
    let findings = told["findings"].as_array().expect("findings");
    let foretold = findings.iter().filter_map(|it| it["what"].as_str());
    let foretold: Vec<&str> = foretold.filter(|it| it.contains("retention.ms")).collect();
    assert!(
        foretold
            .iter()
            .any(|it| it.starts_with("100 offsets of t are older")),
        "{told}"
    );

    setting.farshore.start().await;
    caught_up(&setting.farshore, ("t", 0), 100).await;
    eventually(CATCH_UP, "they are counted", async || {
        let status = status(&setting).await?;
        (status["expired_on_target"] == 100)
            .then_some(())
            .ok_or_else(|| status.to_string())
    })
    .await;
    write_batches(&setting, "t", 0, std::iter::once(100..110), 20).await;
    caught_up(&setting.farshore, ("t", 0), 110).await;
    setting.holds("t", 0, 100..110).await;
    setting.farshore.kill9();
    setting.farshore.start().await;
    write_batches(&setting, "t", 0, std::iter::once(110..120), 20).await;
    caught_up(&setting.farshore, ("t", 0), 120).await;
    topics::delete_records(&setting.paris.bootstrap(), "t", 0, 100).await;
    assert_eq!(is_mapped(&setting, "t", 0, &[]).await, 20);
}
