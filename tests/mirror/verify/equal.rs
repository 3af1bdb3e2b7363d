//! Equal mirrors: whatever the source's history and the path of the records, the hash is the same; an interruption loses
//! nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

use super::{of, order, verification, verified};
use crate::hazards::{between, spec};
use crate::histories::{write_compacted, write_transactions};
use crate::setting::{CATCH_UP, Setting, paris_oslo};
use crate::support::farshore::Farshore;
use crate::support::wait::eventually;
use crate::support::write::{Writer, mixed};
use crate::support::{seed, topics};

/// Further links to the same target: one preserves offsets, one writes through librdkafka in transactions.
const OTHERS: &str = r#"
[links.exact]
source = "paris"
target = "oslo"
naming = "prefix"
offsets = "preserve"
topics = ["txn", "stamped", "mixed"]

[links.record]
source = "paris"
target = "oslo"
naming = "prefix"
path = "record"
topics = ["copied"]
"#;

const TOPICS: &str = "topics = [\"txn\", \"stamped\", \"mixed\", \"compacted\", \"copied\"]\nrefresh_interval = \"500ms\"\n";

fn configure(setting: &Setting, lines: &str) {
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    let link = format!("{TOPICS}{lines}\n{OTHERS}");
    setting
        .farshore
        .configure(&paris_oslo(&paris, &oslo, &link));
}

/// Waits until every partition of a link is live.
async fn is_live(farshore: &Farshore, link: &str, partitions: usize) {
    let path = format!("/v1/links/{link}");
    eventually(CATCH_UP, &format!("{link} is live"), async || {
        let answer = farshore.get_json(&path).await?;
        let live = &answer["partitions_by_state"]["live"];
        if *live == partitions && answer["lag_records"] == 0 {
            Ok(())
        } else {
            Err(answer.to_string())
        }
    })
    .await;
}

/// Writes topics of all kinds. Returns the number of visible records of `txn`.
async fn fill(setting: &Setting) -> u64 {
    let paris = setting.paris.bootstrap();
    setting.topic("txn", 1, &[]).await;
    let visible = write_transactions(setting, "txn", 20).await;
    let log_append_time = [("message.timestamp.type", "LogAppendTime")];
    setting.topic("stamped", 1, &log_append_time).await;
    setting.topic("copied", 1, &[]).await;
    setting.topic("mixed", 3, &[]).await;
    let writer = Writer::new(&paris, "mixed", &[("compression.type", "zstd")]);
    for (topic, partitions, count) in [("mixed", 3, 3_000), ("stamped", 1, 500), ("copied", 1, 500)]
    {
        let records = mixed(seed::rng(), partitions, count);
        writer.on(topic).write(records).await;
    }
    write_compacted(setting, "compacted").await;
    visible
}

/// Checks that two verifications have the same hash and number of records for a partition.
fn hash_the_same(one: &Value, other: &Value, (topic, partition): (&str, i64)) {
    let (one, other) = (of(one, topic, partition), of(other, topic, partition));
    let place = format!("{topic}-{partition}");
    assert_eq!(one["source_hash"], other["target_hash"], "{place}");
    assert_eq!(one["records"], other["records"], "{place}");
    assert_ne!(one["records"], 0, "{place}");
}

#[tokio::test]
async fn a_mirror_of_any_history_is_proven_equal_and_hashes_the_same_however_it_was_made() {
    let mut setting = between(spec(), spec(), TOPICS).await;
    let visible = fill(&setting).await;
    configure(&setting, "");
    setting.farshore.start().await;
    for (link, partitions) in [("paris-oslo", 7), ("exact", 5), ("record", 1)] {
        is_live(&setting.farshore, link, partitions).await;
    }
    // What retention removed on one side isn't verified.
    topics::delete_records(&setting.paris.bootstrap(), "mixed", 1, 100).await;

    let (code, translated) = verified(&setting.farshore, "paris-oslo").await;
    assert_eq!(code, Some(0), "{translated:#}");
    assert_eq!(translated["outcome"], "equal");
    assert_eq!(of(&translated, "txn", 0)["records"], visible);
    assert_eq!(of(&translated, "stamped", 0)["records"], 500);
    assert_eq!(of(&translated, "mixed", 1)["from"], 100);
    let (code, preserved) = verified(&setting.farshore, "exact").await;
    assert_eq!(code, Some(0), "{preserved:#}");
    for place in [
        ("txn", 0),
        ("stamped", 0),
        ("mixed", 0),
        ("mixed", 1),
        ("mixed", 2),
    ] {
        hash_the_same(&translated, &preserved, place);
    }
    let (code, copied) = verified(&setting.farshore, "record").await;
    assert_eq!(code, Some(0), "{copied:#}");
    hash_the_same(&translated, &copied, ("copied", 0));
    goes_on_after_a_kill(&mut setting).await;
    proves_in_the_background(&setting).await;
}

/// A verification slow enough to be killed on its way; completed parts aren't repeated.
async fn goes_on_after_a_kill(setting: &mut Setting) {
    let slow = "verify_max_bytes_per_second = \"512KiB\"\nverify_interval = \"500ms\"";
    configure(setting, slow);
    setting.farshore.sigterm().await;
    setting.farshore.start().await;
    is_live(&setting.farshore, "paris-oslo", 7).await;
    let id = order(&setting.farshore).await;
    let refused = setting
        .farshore
        .post_json(
            "/v1/verifications",
            serde_json::json!({ "link": "paris-oslo" }),
        )
        .await;
    assert_eq!(refused.expect("an answer").status, 409);
    let done = |answer: &Value| answer["partitions_done"].as_u64().unwrap_or_default();
    let before = verification(&setting.farshore, &id, "is under way", |it| done(it) >= 2).await;
    assert_eq!(before["state"], "running", "{before:#}");
    setting.farshore.kill9();
    setting.farshore.start().await;
    let is_done = |it: &Value| it["state"] == "done";
    let after = verification(&setting.farshore, &id, "is done", is_done).await;
    assert_eq!(after["outcome"], "equal", "{after:#}");
    for examined in before["partitions"].as_array().expect("partitions") {
        if examined["outcome"].is_string() {
            let (topic, partition) = (&examined["topic"], &examined["partition"]);
            let now = of(
                &after,
                topic.as_str().expect("a name"),
                partition.as_i64().expect("a number"),
            );
            assert_eq!(now, examined, "it isn't verified again");
        }
    }
}

/// What is mirrored after a verification is verified without a request, and nothing else is read for it.
async fn proves_in_the_background(setting: &Setting) {
    let farshore = &setting.farshore;
    let verified_until = async |partition: usize| {
        let answer = farshore
            .get_json("/v1/links/paris-oslo/topics/mixed")
            .await?;
        let verified = &answer["partitions"][partition]["verified"];
        if verified["outcome"] == "equal" {
            Ok::<_, String>(verified["verified_until"].as_u64().unwrap_or_default())
        } else {
            Err(answer.to_string())
        }
    };
    let before = AtomicU64::new(0);
    eventually(CATCH_UP, "mixed-0 is verified", async || {
        before.store(verified_until(0).await?, Ordering::Relaxed);
        Ok(())
    })
    .await;
    setting.write("mixed", 0, 0..50).await;
    let wanted = before.into_inner() + 50;
    eventually(CATCH_UP, "what came is verified", async || {
        let until = verified_until(0).await?;
        if until == wanted {
            Ok(())
        } else {
            Err(format!("{until} of {wanted}"))
        }
    })
    .await;
    let page = farshore.cli(&["status"]).await;
    let page = String::from_utf8_lossy(&page.stdout).into_owned();
    assert!(
        page.contains("VERIFIED") && page.contains(&wanted.to_string()),
        "{page}"
    );
}
