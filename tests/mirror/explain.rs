//! Which rule includes or excludes a name: `farshore explain` and `farshore check` tell, and the link does just that.

use serde_json::{Value, json};

use crate::setting::{CATCH_UP, Setting};
use crate::support::brokers::KafkaVersion;
use crate::support::wait::eventually;

const LINK: &str = r#"
topics = ["t", "eu\\..*", "__consumer_offsets"]
topics_exclude = ["eu\\.test.*"]
groups_exclude = ["console.*"]
refresh_interval = "200ms"
group_sync_interval = "200ms"
"#;
const T: (&str, i32) = ("t", 0);
/// A consumer group, and the same in a URL.
const NIGHTLY: (&str, &str) = ("night\nly\u{1b}[2J", "night%0Aly%1B%5B2J");

/// What a verb prints; it has to succeed.
async fn printed(setting: &Setting, arguments: &[&str]) -> String {
    let output = setting.farshore.cli(arguments).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    String::from_utf8(output.stdout).expect("text")
}

async fn explain(setting: &Setting, name: &str) -> Value {
    let arguments = ["explain", "--link", "paris-oslo", name, "--output", "json"];
    serde_json::from_str(&printed(setting, &arguments).await).expect("JSON")
}

/// Whether a topic or a group is included, and the rules that say so.
fn rules(told: &Value) -> (bool, Vec<&str>) {
    let rules = told["rules"].as_array().expect("rules").iter();
    let kinds = rules.map(|rule| rule["rule"].as_str().expect("a rule"));
    (told["included"] == true, kinds.collect())
}

#[tokio::test]
async fn what_is_mirrored_and_what_is_not_is_explained_by_its_rules() {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    for topic in ["t", "eu.test1", "other"] {
        setting.topic(topic, 1, &[]).await;
    }
    setting.write("t", 0, 0..100).await;
    setting.commits(NIGHTLY.0, T, 50).await;
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    // A line break in its name doesn't hide a group from `.*`.
    setting.farshore.carries_exactly(NIGHTLY.1, T, 50).await;
    let image = setting.image(T, 50, 50).await;
    assert_eq!(setting.committed(NIGHTLY.0, T).await, image);
    names_are_explained(&setting).await;
    rows_are_lines(&setting).await;
    check_names_the_rules(&setting).await;
}

async fn names_are_explained(setting: &Setting) {
    let live = eventually(CATCH_UP, "t is live", async || {
        let told = explain(setting, "t").await;
        let state = &told["topic"]["partitions"][0]["state"];
        (state == "live")
            .then(|| told.clone())
            .ok_or(told.to_string())
    })
    .await;
    assert_eq!(rules(&live["topic"]), (true, vec!["included"]));
    assert_eq!(live["topic"]["mirror_topic"], "t", "{live}");
    assert_eq!(live["topic"]["intent"], "mirror", "{live}");
    assert_eq!(live["state"], "running", "{live}");
    for (name, is_there, kinds) in [
        ("eu.test1", "present", &["excluded", "included"][..]),
        ("eu.none", "absent", &["included"]),
        ("other", "present", &["not_included"]),
        (
            "__consumer_offsets",
            "present",
            &["internal_topic", "included"],
        ),
        (
            "__farshore.paris-oslo",
            "absent",
            &["journal_topic", "not_included"],
        ),
    ] {
        let told = explain(setting, name).await;
        let topic = &told["topic"];
        let is_included = kinds[0] == "included";
        assert_eq!(rules(topic), (is_included, kinds.to_vec()), "{told}");
        assert_eq!(topic["on_source"], is_there, "{told}");
        assert_eq!(topic["partitions"], json!([]), "{told}");
    }
    let told = explain(setting, NIGHTLY.0).await;
    assert_eq!(told["name"], NIGHTLY.0);
    assert_eq!(rules(&told["group"]), (true, vec!["included"]));
    let offset = &told["group"]["status"]["partitions"][0];
    assert_eq!(offset["source_offset"], 50, "{told}");
    let console = explain(setting, "console-1").await;
    assert_eq!(
        rules(&console["group"]),
        (false, vec!["excluded", "included"])
    );
}

/// Whatever a group is called, it can't break a line or control a terminal.
async fn rows_are_lines(setting: &Setting) {
    let shown = printed(setting, &["groups", "--link", "paris-oslo"]).await;
    assert_eq!(shown.lines().count(), 2, "{shown:?}");
    let text = printed(setting, &["explain", "--link", "paris-oslo", NIGHTLY.0]).await;
    let begin =
        "group night\\nly\\u{1b}[2J: carried over\n  decided by: \".*\" in groups matches\n";
    assert!(text.contains(begin), "{text:?}");
    let metrics = setting.farshore.metrics().await.expect("metrics");
    let is_whole = |line: &str| line.starts_with("farshore_") || line.starts_with('#');
    assert!(metrics.lines().all(is_whole), "{metrics}");
    let log = setting.farshore.process().stderr();
    assert!(!log.contains(NIGHTLY.0), "{log}");
}

async fn check_names_the_rules(setting: &Setting) {
    let output = setting.farshore.cli(&["check", "--output", "json"]).await;
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = told["findings"].as_array().expect("findings").iter();
    let problems: Vec<&Value> = findings.filter(|it| it["severity"] == "problem").collect();
    assert_eq!(problems.len(), 2, "{told}");
    for (problem, excluded) in problems.into_iter().zip([
        "excluded: eu.test1 (\"eu\\\\.test.*\" in topics_exclude matches)",
        "excluded: __consumer_offsets (topics whose names begin with \"__\"",
    ]) {
        let what = problem["what"].as_str().expect("text");
        assert!(what.contains(excluded), "{told}");
        let fix = problem["fix"].as_str().expect("text");
        assert!(!fix.contains("create the topic"), "{told}");
    }
}
