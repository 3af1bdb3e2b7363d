//! Mirror topics that are created anew, by policy or by an operator.

use super::told::{decisions, is_mapped, resolve};
use crate::hazards::sight::{caught_up, stands_still};
use crate::hazards::truncated::cut;
use crate::hazards::{between, spec, write_batches};
use crate::setting::{CATCH_UP, Setting};
use crate::support::farshore::Farshore;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

const TOPICS: [(&str, i32); 4] = [("again", 2), ("short", 1), ("foreign", 2), ("gone", 1)];

/// Waits until each mirror holds exactly what its source holds.
async fn are_equal(setting: &Setting, ends: [i64; 4]) {
    for ((topic, partitions), end) in TOPICS.into_iter().zip(ends) {
        for partition in 0..partitions {
            caught_up(&setting.farshore, (topic, partition), end).await;
            let mapped = is_mapped(setting, topic, partition, &[]).await;
            assert_eq!(mapped as i64, end, "{topic}-{partition}");
        }
        let records = setting.compare(topic, partitions).await;
        assert_eq!(
            records,
            u64::try_from(end * i64::from(partitions)).expect("a count"),
            "{topic}"
        );
    }
}

#[tokio::test]
async fn a_reseeded_mirror_is_equal_to_its_source_from_the_first_record_on() {
    let link = "topics = [\".*\"]\nstart = \"latest\"\nrefresh_interval = \"500ms\"\n\
        on_recreate = \"reseed\"\non_truncate = \"reseed\"";
    let mut setting = between(spec(), spec(), link).await;
    for (topic, partitions) in TOPICS {
        setting.topic(topic, partitions, &[]).await;
        for partition in 0..partitions {
            write_batches(&setting, topic, partition, [0..10], 20).await;
        }
    }
    setting.farshore.start().await;
    for (topic, partitions) in TOPICS {
        for partition in 0..partitions {
            caught_up(&setting.farshore, (topic, partition), 10).await;
            write_batches(&setting, topic, partition, [10..17], 20).await;
        }
    }
    for (topic, partitions) in TOPICS {
        for partition in 0..partitions {
            caught_up(&setting.farshore, (topic, partition), 17).await;
            setting.holds(topic, partition, 0..7).await;
        }
    }
    setting.farshore.sigterm().await;
    everything_breaks(&mut setting).await;

    // Killed right after the decision, it is completed nonetheless.
    setting.farshore.start().await;
    eventually(CATCH_UP, "both are decided", async || {
        for topic in ["again", "short"] {
            if decisions(&setting.farshore, topic).await.is_empty() {
                return Err(topic.to_owned());
            }
        }
        Ok(())
    })
    .await;
    setting.farshore.kill9();
    setting.farshore.start().await;
    for (topic, partition, code) in [
        ("foreign", 1, "foreign_write"),
        ("gone", 0, "target_topic_missing"),
    ] {
        let (_, reason) = stands_still(&setting.farshore, (topic, partition)).await;
        assert_eq!(reason.code, code);
    }
    let before = errors(&setting.farshore);
    // One record of somebody else, and a mirror that is gone.
    for (topic, number) in [("foreign", "1"), ("gone", "0")] {
        let rest = ["reseed", "--discard", number];
        assert_eq!(resolve(&setting.farshore, topic, &rest).await, Some(0));
    }
    write_batches(&setting, "foreign", 0, [17..20], 20).await;
    are_equal(&setting, [30, 10, 20, 17]).await;
    // What was ordered is no error.
    assert_eq!(errors(&setting.farshore), before);
    setting.farshore.kill9();
    for (topic, partitions) in TOPICS {
        for partition in 0..partitions {
            write_batches(&setting, topic, partition, [200..205], 20).await;
        }
    }
    setting.farshore.start().await;
    are_equal(&setting, [35, 15, 25, 22]).await;
}

/// The errors in the log of the process.
fn errors(farshore: &Farshore) -> Vec<String> {
    let log = farshore.process().stderr();
    let errors = log.lines().filter(|line| line.contains(" ERROR "));
    errors.map(str::to_owned).collect()
}

/// One source topic is created again, one loses its tail, one mirror topic is written to, one deleted.
async fn everything_breaks(setting: &mut Setting) {
    setting.paris.kill(1);
    cut(&setting.paris.data_dir(1), "short", 10);
    setting.paris.restart(1).await;
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    topics::wait_led(&paris, "short", 1).await;
    topics::delete(&paris, "again").await;
    setting.topic("again", 2, &[]).await;
    for partition in 0..2 {
        write_batches(setting, "again", partition, [100..130], 20).await;
    }
    topics::delete(&oslo, "gone").await;
    let stranger = Writer::new(&oslo, "foreign", &[]);
    stranger.write([Record::new(1, "foreign", "v")]).await;
    write_batches(setting, "foreign", 1, [17..20], 20).await;
}
