//! `farshore check` against real brokers, with and without permissions.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::setting::{CATCH_UP, Path, Setting, farshore, paris_oslo};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::configs;
use crate::support::java::{self, Tool};
use crate::support::topics::delete_many;
use crate::support::wait::eventually;
use crate::support::write::{Record, Writer};

/// The findings of `check`.
struct Told {
    code: Option<i32>,
    all: Value,
}

impl Told {
    /// The problems; all other findings are advice.
    fn problems(&self) -> Vec<&Value> {
        let findings = self.all["findings"].as_array().expect("findings");
        let is_problem = |finding: &&Value| finding["severity"] == "problem";
        findings.iter().filter(is_problem).collect()
    }

    /// Asserts the exit code and the number of problems.
    fn ends_with(&self, code: i32, problems: usize) {
        let ended = (self.code, self.problems().len());
        assert_eq!(ended, (Some(code), problems), "{}", self.all);
    }

    /// The fix of the one problem whose text contains `what`.
    fn fix_of(&self, what: &str) -> String {
        let problems = self.problems();
        let told = |finding: &&&Value| {
            finding["what"]
                .as_str()
                .is_some_and(|text| text.contains(what))
        };
        let [one] = problems.iter().filter(told).collect::<Vec<_>>()[..] else {
            panic!("no single problem says {what:?}: {}", self.all);
        };
        one["fix"].as_str().expect("a fix").to_owned()
    }
}

async fn check(setting: &Setting, link: &str) -> Told {
    let config = paris_oslo(&setting.paris.bootstrap(), &setting.oslo.bootstrap(), link);
    setting.farshore.configure(&config);
    let output = setting.farshore.cli(&["check", "--output", "json"]).await;
    let all = serde_json::from_slice(&output.stdout);
    Told {
        code: output.status.code(),
        all: all.unwrap_or_else(|_| panic!("{output:?}")),
    }
}

/// Two clusters that permit everything unless stated otherwise.
async fn guarded() -> Setting {
    let spec = Spec::new(KafkaVersion::V4_1)
        .property(
            "authorizer.class.name",
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        )
        .property("allow.everyone.if.no.acl.found", "true");
    let paris = Cluster::start(spec.clone()).await;
    let oslo = Cluster::start(spec).await;
    let farshore = farshore(&paris, &oslo, "");
    Setting {
        paris,
        oslo,
        farshore,
        path: Path::of(""),
    }
}

/// Runs a command of `kafka-acls.sh` as it was printed.
async fn run(version: KafkaVersion, command: &str) {
    let arguments: Vec<&str> = command.split(' ').collect();
    assert_eq!(arguments[0], "kafka-acls.sh");
    java::run(version, Tool::Acls, &arguments[1..]).await;
}

/// Leaves farshore only the right to describe a topic, because a topic with any ACL permits nothing else.
async fn close(cluster: &Cluster, topic: &str) {
    let command = format!(
        "kafka-acls.sh --bootstrap-server {} --add --allow-principal User:ANONYMOUS --operation Describe --topic {topic}",
        cluster.bootstrap()
    );
    run(cluster.version(), &command).await;
}

#[tokio::test]
async fn problems_are_found_beforehand_and_their_fixes_work() {
    let setting = guarded().await;
    for topic in ["orders", "payments"] {
        setting.topic(topic, 2, &[]).await;
    }
    let told = check(&setting, "topics = [\"orders\", \"payments\"]").await;
    told.ends_with(0, 0);
    assert_eq!(told.all["links"][0]["partitions"], 4, "{}", told.all);
    let advised = |told: &Told| {
        let advice = told.all["findings"].to_string();
        advice.contains("producer.id.expiration.ms")
    };
    assert!(!advised(&told), "there is no history: {}", told.all);
    let three_days_ago = SystemTime::now() - Duration::from_secs(3 * 24 * 60 * 60);
    let since = three_days_ago.duration_since(UNIX_EPOCH).expect("a time");
    let old = Record {
        timestamp: i64::try_from(since.as_millis()).ok(),
        ..Record::new(0, "key", "value")
    };
    let writer = Writer::new(&setting.paris.bootstrap(), "orders", &[]);
    writer.write([old]).await;
    let told = check(&setting, "topics = [\"orders\", \"payments\"]").await;
    told.ends_with(0, 0);
    assert!(advised(&told), "{}", told.all);

    let told = check(&setting, "topics = [\"orders\", \"nothing\\\\..*\"]").await;
    told.ends_with(1, 1);
    told.fix_of("the expression \"nothing\\\\..*\" in topics selects no topic of paris");

    let told = check(&setting, "topics = [\"orders\"]\nreplication_factor = 3").await;
    told.ends_with(1, 2);
    let fix = told.fix_of("oslo would not create orders");
    assert!(fix.contains("replication_factor"), "{fix}");
    told.fix_of("its journal __farshore.paris-oslo would not be created");

    // None of that created anything.
    let seen = configs::topics(&setting.oslo.bootstrap()).await;
    assert_eq!(seen, Ok([].into()));

    // An application's own topic of the same name, and one that may only be described on either side.
    for (topic, partitions) in [("orders", 2), ("payments", 1)] {
        crate::support::topics::create(&setting.oslo.bootstrap(), topic, partitions, 1, &[]).await;
    }
    let stranger = Writer::new(&setting.oslo.bootstrap(), "orders", &[]);
    stranger.write([Record::new(1, "key", "value")]).await;
    close(&setting.paris, "payments").await;
    close(&setting.oslo, "payments").await;
    let link = "topics = [\"orders\", \"payments\"]";
    let told = closed(&setting, link).await;
    told.fix_of("somebody else wrote to topic orders on oslo: in partition 1 ");
    let to_read = told.fix_of("not permitted on paris: Read, DescribeConfigs on payments");
    let to_write = told.fix_of("not permitted on oslo: Read, Write, DescribeConfigs on payments");
    run(setting.paris.version(), &to_read).await;
    run(setting.oslo.version(), &to_write).await;
    // Now that the configs can be compared, they turn out to need a change, as does the number of partitions.
    eventually(CATCH_UP, "the commands helped", async || {
        let told = check(&setting, link).await;
        let problems = told.problems();
        let due = "not permitted on oslo: Alter, AlterConfigs on payments, and";
        let left = problems
            .iter()
            .any(|it| it["what"].as_str().is_some_and(|what| what.contains(due)));
        (left && problems.len() == 2)
            .then_some(())
            .ok_or(told.all.to_string())
    })
    .await;
}

#[tokio::test]
async fn what_became_of_what_was_mirrored_is_told() {
    let link = "topics = [\"orders\", \"payments\"]\ngroups = []";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    for topic in ["orders", "payments"] {
        setting.topic(topic, 1, &[]).await;
        setting.write(topic, 0, 0..10).await;
    }
    setting.farshore.start().await;
    for topic in ["orders", "payments"] {
        setting.mirrored(topic, 1).await;
    }
    // The DB is in use; the journal has the same.
    let preserving = format!("{link}\noffsets = \"preserve\"");
    for is_stopped in [false, true] {
        if is_stopped {
            setting.farshore.sigterm().await;
        }
        check(&setting, link).await.ends_with(0, 0);
        let lenient = format!("{preserving}\npreserve_otherwise = \"translate\"");
        let told = check(&setting, &lenient).await;
        let findings = told.all["findings"].to_string();
        let kept = "topics mirrored with an offset map already keep it, their offsets won't be preserved: orders, payments";
        assert!(findings.contains(kept), "{findings}");
    }
    let told = check(&setting, &preserving).await;
    told.fix_of("will stand still, because their offsets can't be preserved: orders, payments");

    let oslo = setting.oslo.bootstrap();
    delete_many(&oslo, &["orders"]).await;
    let told = gone(&setting, link, "orders").await;
    told.ends_with(1, 1);
    let fix = told.fix_of("(gone): orders");
    assert!(fix.contains("--with reseed"), "{fix}");
    crate::support::topics::create(&oslo, "orders", 1, 1, &[]).await;
    delete_many(&oslo, &["payments", "__farshore.paris-oslo"]).await;
    let told = gone(&setting, link, "payments").await;
    told.fix_of("oslo seems to have been wiped: of 2 topics mirrored so far none has its mirror");
}

/// Checks once a topic has vanished from the target.
async fn gone(setting: &Setting, link: &str, topic: &str) -> Told {
    let oslo = setting.oslo.bootstrap();
    eventually(CATCH_UP, "a topic is gone", async || {
        let left = configs::topics(&oslo).await?;
        let is_left = left.iter().any(|(name, _)| name == topic);
        (!is_left).then_some(()).ok_or_else(|| format!("{left:?}"))
    })
    .await;
    check(setting, link).await
}

/// Permissions reach the brokers shortly after the tool has ended.
async fn closed(setting: &Setting, link: &str) -> Told {
    eventually(CATCH_UP, "what is forbidden is found", async || {
        let told = check(setting, link).await;
        if told.problems().len() >= 3 {
            assert_eq!(told.code, Some(1));
            Ok(told)
        } else {
            Err(told.all.to_string())
        }
    })
    .await
}
