//! Mirrors that differ from their sources: the first difference is reported with its offsets, and doesn't stop anything.

use serde_json::{Value, json};

use super::segment::Segment;
use super::{of, verified};
use crate::hazards::sight::caught_up;
use crate::hazards::{between, spec, write_batches};
use crate::setting::{CATCH_UP, Setting};
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Outcome, Writer, numbered};

/// The partitions of `t`, named for what happens to them.
const INTACT: i32 = 0;
const CHANGED: i32 = 1;
const MISSING: i32 = 2;
const DOUBLED: i32 = 3;
const SWAPPED: i32 = 4;
const ROTTEN: i32 = 5;
const LENGTHENED: i32 = 6;
const PARTITIONS: i32 = 7;

/// The number of source offsets before the first mirrored record: an aborted record and its marker.
const SHIFT: i64 = 2;

/// The value of a record.
fn value(number: usize) -> String {
    format!("{number:0200}")
}

async fn fill(setting: &Setting) {
    setting.topic("t", PARTITIONS, &[]).await;
    // A gap at the beginning, so that the offsets of both sides differ.
    let paris = setting.paris.bootstrap();
    let writer = Writer::new(&paris, "t", &[("transactional.id", "writer")]);
    writer.init_transactions().await;
    let aborted = (0..PARTITIONS).flat_map(|partition| numbered(partition, 0..1));
    writer.transaction(aborted, Outcome::Abort).await;
    for partition in 0..PARTITIONS {
        eventually(
            CATCH_UP,
            "the marker is written",
            async || match topics::watermarks(&paris, "t", partition).await {
                (_, SHIFT) => Ok(()),
                other => Err(format!("{other:?}")),
            },
        )
        .await;
        let batches = [0..30, 30..60, 60..90];
        write_batches(setting, "t", partition, batches, 200).await;
    }
}

/// Damages the mirror while its broker is down.
async fn damage(setting: &mut Setting) {
    setting.oslo.stop(1).await;
    let data = setting.oslo.data_dir(1);
    let segment = |partition| Segment::of(&data, "t", partition);
    let changed = value(17).replace("17", "1x");
    segment(CHANGED).replace(&value(17), &changed).store();
    segment(MISSING).without(17).store();
    segment(DOUBLED)
        .replace("key18", "key17")
        .replace(&value(18), &value(17))
        .store();
    let aside = value(18).replace("18", "xx");
    segment(SWAPPED)
        .replace(&value(18), &aside)
        .replace(&value(17), &value(18))
        .replace(&aside, &value(17))
        .store();
    segment(ROTTEN)
        .replace(&value(17), &changed)
        .store_as_it_is();
    setting.oslo.restart(1).await;
    topics::wait_led(&setting.oslo.bootstrap(), "t", PARTITIONS).await;
}

fn first(kind: &str, number: i64, first_of_batch: bool) -> Value {
    let target = if first_of_batch { 0 } else { number };
    json!({ "kind": kind, "source_offset": target + SHIFT, "target_offset": target })
}

#[tokio::test]
async fn damage_is_found_and_located_to_the_record() {
    // The damage is done to batches as the source's writers built them.
    let link = "path = \"raw\"\ntopics = [\"t\"]\nproduce_connections = 1";
    let mut setting = between(spec(), spec(), link).await;
    fill(&setting).await;
    setting.farshore.start().await;
    for partition in 0..PARTITIONS {
        caught_up(&setting.farshore, ("t", partition), SHIFT + 90).await;
    }
    let (code, answer) = verified(&setting.farshore, "paris-oslo").await;
    assert_eq!(code, Some(0), "{answer:#}");
    for partition in 0..PARTITIONS {
        assert_eq!(of(&answer, "t", partition.into())["records"], 90);
    }

    damage(&mut setting).await;
    for partition in 0..PARTITIONS {
        caught_up(&setting.farshore, ("t", partition), SHIFT + 90).await;
    }
    let writer = Writer::new(&setting.oslo.bootstrap(), "t", &[]);
    writer.write(numbered(LENGTHENED, 0..1)).await;
    let (code, answer) = verified(&setting.farshore, "paris-oslo").await;
    assert_eq!(code, Some(4), "{answer:#}");
    assert_eq!(answer["outcome"], "different");
    let intact = of(&answer, "t", INTACT.into());
    assert_eq!(
        (&intact["outcome"], &intact["differences"]),
        (&json!("equal"), &json!(0))
    );
    for (partition, expected, differences) in [
        (CHANGED, first("content", 17, false), 1),
        (MISSING, first("missing", 17, false), 1),
        (DOUBLED, first("content", 18, false), 1),
        (SWAPPED, first("content", 17, false), 2),
        (ROTTEN, first("unreadable", 0, true), 31),
        (
            LENGTHENED,
            json!({ "kind": "surplus", "source_offset": SHIFT + 89, "target_offset": 90 }),
            1,
        ),
    ] {
        let examined = of(&answer, "t", partition.into());
        assert_eq!(examined["outcome"], "different", "{examined:#}");
        assert_eq!(examined["first_difference"], expected, "{examined:#}");
        assert_eq!(examined["differences"], differences, "{examined:#}");
    }
    is_shown(&setting).await;
    // A difference doesn't stop the partition.
    write_batches(&setting, "t", CHANGED, [90..95], 200).await;
    caught_up(&setting.farshore, ("t", CHANGED), SHIFT + 95).await;
}

/// Checks that differences are shown in `status`, in the metrics and in the answer for the topic.
async fn is_shown(setting: &Setting) {
    let farshore = &setting.farshore;
    let status = farshore.cli(&["status"]).await;
    assert_eq!(status.status.code(), Some(4));
    let page = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(
        page.contains("paris-oslo t-1 differs from its source: 1 differences"),
        "{page}"
    );
    let topic = farshore.get_json("/v1/links/paris-oslo/topics/t").await;
    let verified = &topic.expect("an answer")["partitions"][1]["verified"];
    assert_eq!(verified["first_difference"], first("content", 17, false));
    assert_eq!(verified["verified_until"], SHIFT + 90);
    let metrics = farshore.metrics().await.expect("the metrics");
    let line = r#"farshore_partition_differences{link="paris-oslo",topic="t",partition="4"} 2"#;
    assert!(metrics.contains(line), "{metrics}");
}
