//! A mirror topic that holds records which exist nowhere else is created anew only if their number was named.

use serde_json::{Value, json};

use super::told::{content, is_mapped, resolve};
use crate::hazards::sight::{caught_up, stands_still};
use crate::hazards::{between, spec, write_batches};
use crate::setting::{CATCH_UP, Setting};
use crate::support::farshore::Farshore;
use crate::support::topics;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

/// Asks for a reseed, with more members of the request. Returns the status and the answer.
async fn reseed(farshore: &Farshore, topic: &str, more: Value) -> (u16, Value) {
    let mut request = json!({ "topic": topic, "with": "reseed" });
    let members = request.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    let path = "/v1/links/paris-oslo/resolve";
    let answer = farshore.post_json(path, request).await.expect("an answer");
    (answer.status, answer.body)
}

/// The number of records that `farshore resolve --with reseed` of a topic has to name, as a dry run tells it.
pub(crate) async fn to_discard(farshore: &Farshore, topic: &str) -> String {
    let (status, shown) = reseed(farshore, topic, json!({ "dry_run": true })).await;
    assert_eq!(status, 200, "{shown}");
    let number = shown["recreates"]["only_there"].as_u64();
    number.unwrap_or_else(|| panic!("{shown}")).to_string()
}

async fn write_foreign(setting: &Setting, topic: &str, partition: i32, count: usize) {
    let stranger = Writer::new(&setting.oslo.bootstrap(), topic, &[]);
    let records = (0..count).map(move |n| Record::new(partition, format!("foreign{n}"), "v"));
    stranger.write(records).await;
}

/// Ten records of a partition are gone from the source, three were written to the mirror of another one, and two to one that
/// the source doesn't have.
async fn holds_more_than_its_source(setting: &mut Setting) {
    setting.topic("t", 2, &[]).await;
    for partition in 0..2 {
        write_batches(setting, "t", partition, [0..10, 10..20], 20).await;
    }
    setting.farshore.start().await;
    for partition in 0..2 {
        caught_up(&setting.farshore, ("t", partition), 20).await;
    }
    setting.commits("g", ("t", 0), 15).await;
    eventually(CATCH_UP, "the group is carried over", async || {
        let shown = setting
            .farshore
            .get_json("/v1/links/paris-oslo/groups/g")
            .await?;
        let is_there = shown["partitions"][0]["target_offset"] == 15;
        is_there.then_some(()).ok_or_else(|| shown.to_string())
    })
    .await;
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    topics::delete_records(&paris, "t", 0, 10).await;
    write_foreign(setting, "t", 1, 3).await;
    topics::grow(&oslo, "t", 3).await;
    write_foreign(setting, "t", 2, 2).await;
    write_batches(setting, "t", 1, [20..25], 20).await;
    let (_, reason) = stands_still(&setting.farshore, ("t", 1)).await;
    assert_eq!(reason.code, "foreign_write");
}

/// A dry run tells what would be deleted, partition by partition.
async fn everything_is_told(farshore: &Farshore) {
    let (status, shown) = reseed(farshore, "t", json!({ "dry_run": true })).await;
    assert_eq!(status, 200, "{shown}");
    let held = |partition: i32, end: i64, numbers: [u64; 3]| {
        let [records, only_there, of_others] = numbers;
        json!({
            "partition": partition, "log_start": 0, "end": end, "records": records,
            "only_there": only_there, "of_others": of_others, "at_most": false
        })
    };
    // In partition 1 the source's next five records landed behind those of the other writer.
    let wanted = json!({
        "mirror_topic": "t", "exists": true, "records": 50, "only_there": 15, "of_others": 5,
        "at_most": false,
        "partitions": [
            held(0, 20, [20, 10, 0]), held(1, 28, [28, 3, 3]), held(2, 2, [2, 2, 2]),
        ],
        "groups": [{ "group": "g", "offsets": 1, "lost": 0 }]
    });
    assert_eq!(shown["recreates"], wanted);
    let line = [
        "resolve",
        "--link",
        "paris-oslo",
        "--topic",
        "t",
        "--with",
        "reseed",
        "--dry-run",
    ];
    let told = String::from_utf8(farshore.cli(&line).await.stdout).expect("text");
    assert!(told.trim_end().ends_with("--discard 15"), "{told}");
}

#[tokio::test]
async fn records_that_exist_only_in_the_mirror_are_deleted_only_by_their_number() {
    let link = "topics = [\"t\"]\nrefresh_interval = \"500ms\"\npath = \"raw\"";
    let mut setting = between(spec(), spec(), link).await;
    holds_more_than_its_source(&mut setting).await;
    let farshore = &setting.farshore;
    everything_is_told(farshore).await;

    for more in [
        json!({}),
        json!({ "discard": 14 }),
        json!({ "discard": 45 }),
    ] {
        let (status, refused) = reseed(farshore, "t", more).await;
        assert_eq!(status, 409, "{refused}");
        assert_eq!(refused["type"], "urn:farshore:problem:discards");
        assert_eq!(refused["discards"]["only_there"], 15, "{refused}");
    }
    // The other writer goes on, and what was agreed to is no longer true.
    write_foreign(&setting, "t", 2, 1).await;
    let (status, refused) = reseed(farshore, "t", json!({ "discard": 15 })).await;
    assert_eq!(
        (status, &refused["discards"]["only_there"]),
        (409, &json!(16))
    );
    assert_eq!(
        resolve(farshore, "t", &["reseed", "--discard", "15"]).await,
        Some(3)
    );
    assert_eq!(content(&setting.oslo.bootstrap(), "t", 0).await.len(), 20);

    assert_eq!(
        resolve(farshore, "t", &["reseed", "--discard", "16"]).await,
        Some(0)
    );
    for (partition, records) in [(0, 10), (1, 25)] {
        caught_up(
            farshore,
            ("t", partition),
            if partition == 0 { 20 } else { 25 },
        )
        .await;
        assert_eq!(is_mapped(&setting, "t", partition, &[]).await, records);
    }
    assert_eq!(setting.compare("t", 2).await, 35);
    let audit = farshore
        .get_json("/v1/audit?limit=1000")
        .await
        .expect("the audit log");
    let told = "discards 16 records that exist only there, 6 of them written by others";
    assert!(audit.to_string().contains(told), "{audit}");
    assert!(audit.to_string().contains("\"discard\":16"), "{audit}");
}

/// A policy consents to what it is about, not to the deletion of what others wrote.
#[tokio::test]
async fn no_policy_discards_records_of_others() {
    let link = "topics = [\"mine\", \"shared\"]\nrefresh_interval = \"500ms\"\npath = \"raw\"\n\
        on_foreign_write = \"adopt\"\non_recreate = \"reseed\"";
    let mut setting = between(spec(), spec(), link).await;
    for topic in ["mine", "shared"] {
        setting.topic(topic, 1, &[]).await;
        write_batches(&setting, topic, 0, [0..10], 20).await;
    }
    setting.farshore.start().await;
    for topic in ["mine", "shared"] {
        caught_up(&setting.farshore, (topic, 0), 10).await;
    }
    write_foreign(&setting, "shared", 0, 2).await;
    write_batches(&setting, "shared", 0, [10..15], 20).await;
    caught_up(&setting.farshore, ("shared", 0), 15).await;

    let paris = setting.paris.bootstrap();
    for topic in ["mine", "shared"] {
        topics::delete(&paris, topic).await;
        setting.topic(topic, 1, &[]).await;
        write_batches(&setting, topic, 0, [100..120], 20).await;
    }
    caught_up(&setting.farshore, ("mine", 0), 20).await;
    assert_eq!(setting.compare("mine", 1).await, 20);
    let (_, reason) = stands_still(&setting.farshore, ("shared", 0)).await;
    assert_eq!(reason.code, "source_recreated");
    let told = "the policy reseed doesn't discard 17 records that exist only there, 2 of them written by others";
    assert!(reason.message.contains(told), "{}", reason.message);
    assert_eq!(
        content(&setting.oslo.bootstrap(), "shared", 0).await.len(),
        17
    );
    let number = to_discard(&setting.farshore, "shared").await;
    assert_eq!(number, "17");
    let rest = ["reseed", "--discard", &number];
    assert_eq!(resolve(&setting.farshore, "shared", &rest).await, Some(0));
    caught_up(&setting.farshore, ("shared", 0), 20).await;
    assert_eq!(setting.compare("shared", 1).await, 20);
}
