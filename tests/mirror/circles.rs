//! Links that would mirror records in a circle, configured in services that know nothing of each other.

use serde_json::Value;

use crate::asking::reaches_state;
use crate::setting::{CATCH_UP, Setting, farshore, paris_oslo};
use crate::support::brokers::{Cluster, KafkaVersion, Spec};
use crate::support::farshore::Farshore;
use crate::support::topics::{self, Counter};
use crate::support::wait::eventually;
use crate::support::write::{Writer, numbered};

const LINK: &str = "topics = [\"orders\"]\npath = \"raw\"\nrefresh_interval = \"100ms\"";
/// The partition that applications write on each cluster.
const OF_PARIS: i32 = 0;
const OF_OSLO: i32 = 1;

/// Waits until a partition is halted, and returns the reason.
async fn circle(farshore: &Farshore, number: i32) -> Value {
    let number = usize::try_from(number).expect("a number");
    let shown = reaches_state(farshore, "orders", number, "halted").await;
    let reason = shown["reason"].clone();
    assert_eq!(reason["code"], "circle", "{shown}");
    let remedy = reason["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("topics_exclude"), "{remedy}");
    assert!(!remedy.contains("adopt"), "{remedy}");
    reason
}

/// Checks that both partitions hold this many records on a cluster.
async fn holds(cluster: &Cluster, count: i64) {
    for number in [OF_PARIS, OF_OSLO] {
        let found = topics::watermarks(&cluster.bootstrap(), "orders", number).await;
        assert_eq!(found, (0, count), "orders-{number}");
    }
}

#[tokio::test]
async fn links_both_ways_in_two_services_double_nothing_and_halt() {
    let mut setting = Setting::start(KafkaVersion::V4_1, LINK).await;
    setting.topic("orders", 2, &[]).await;
    let keep = [("retention.ms", "-1")];
    topics::create(&setting.oslo.bootstrap(), "orders", 2, 1, &keep).await;
    // Its cluster `paris` is what the other service calls `oslo`.
    let mut back = farshore(&setting.oslo, &setting.paris, LINK);
    setting.farshore.start().await;
    back.start().await;
    for service in [&setting.farshore, &back] {
        for number in [0, 1] {
            reaches_state(service, "orders", number, "live").await;
        }
    }

    let on_paris = Writer::new(&setting.paris.bootstrap(), "orders", &[]);
    let on_oslo = Writer::new(&setting.oslo.bootstrap(), "orders", &[]);
    on_paris.write(numbered(OF_PARIS, 0..500)).await;
    on_oslo.write(numbered(OF_OSLO, 0..500)).await;
    let reason = circle(&back, OF_PARIS).await;
    assert_eq!(reason["source_offset"], 0, "{reason}");
    let message = reason["message"].as_str().expect("a message");
    assert!(
        message.contains("written by link paris-oslo from oslo"),
        "{message}"
    );
    circle(&setting.farshore, OF_OSLO).await;
    for cluster in [&setting.paris, &setting.oslo] {
        let counter = Counter::new(&cluster.bootstrap(), "orders", 2);
        counter.reaches(1_000, CATCH_UP).await;
        holds(cluster, 500).await;
    }

    // The ways that began first continue; a restart changes nothing about the others.
    setting.farshore.kill9();
    back.kill9();
    setting.farshore.start().await;
    back.start().await;
    on_paris.write(numbered(OF_PARIS, 500..600)).await;
    on_oslo.write(numbered(OF_OSLO, 500..600)).await;
    circle(&back, OF_PARIS).await;
    circle(&setting.farshore, OF_OSLO).await;
    for cluster in [&setting.paris, &setting.oslo] {
        let counter = Counter::new(&cluster.bootstrap(), "orders", 2);
        counter.reaches(1_200, CATCH_UP).await;
        holds(cluster, 600).await;
    }
    assert_no_policy_releases(&back).await;
}

/// An operator can't make it go on.
async fn assert_no_policy_releases(farshore: &Farshore) {
    for policy in ["adopt", "follow", "reseed"] {
        let resolve = ["resolve", "--link", "paris-oslo", "--topic", "orders"];
        let mut words = resolve.to_vec();
        words.extend(["--with", policy]);
        let ended = farshore.cli(&words).await;
        let text = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(3), "{text}");
        assert!(text.contains("stopped with circle"), "{text}");
    }
}

#[tokio::test]
async fn a_mirror_of_a_mirror_has_to_be_allowed_unless_its_link_is_known() {
    let link = "topics = [\"orders\", \"more\"]\npath = \"raw\"\nrefresh_interval = \"100ms\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    let rome = Cluster::start(Spec::new(KafkaVersion::V4_1)).await;
    for topic in ["orders", "more"] {
        setting.topic(topic, 1, &[]).await;
        setting.write(topic, 0, 0..100).await;
    }
    setting.farshore.start().await;
    for topic in ["orders", "more"] {
        setting.mirrored(topic, 1).await;
    }

    // Another service: its cluster `paris` is the first one's target.
    let mut onward = farshore(&setting.oslo, &rome, LINK);
    onward.start().await;
    let reason = circle(&onward, 0).await;
    let message = reason["message"].as_str().expect("a message");
    assert!(message.contains("isn't known here"), "{message}");
    onward.sigterm().await;
    let (oslo, to) = (setting.oslo.bootstrap(), rome.bootstrap());
    let allowed = format!("{LINK}\nallow_mirrored_source = true");
    onward.configure(&paris_oslo(&oslo, &to, &allowed));
    onward.start().await;
    arrive(&rome, "orders").await;

    // One configuration with both links, in a process of its own that doesn't own the first link.
    let links = format!(
        "{}\n[clusters.rome]\nbootstrap_servers = [\"{to}\"]\n\
         [links.onward]\nsource = \"oslo\"\ntarget = \"rome\"\ntopics = [\"more\"]\n\
         path = \"raw\"\nrefresh_interval = \"100ms\"\n",
        paris_oslo(&setting.paris.bootstrap(), &oslo, link)
    );
    let mut chain = Farshore::new(env!("CARGO_BIN_EXE_farshore"), &links);
    chain.launch();
    arrive(&rome, "more").await;
    chain.kill9();
}

async fn arrive(rome: &Cluster, topic: &str) {
    let bootstrap = rome.bootstrap();
    let what = format!("100 records of {topic} arrive at the end of the chain");
    eventually(CATCH_UP, &what, async || {
        let found = topics::try_watermarks(&bootstrap, topic, 0).await;
        match found {
            Ok((0, 100)) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test]
async fn services_that_give_each_other_one_name_do_not_go_round() {
    let link =
        "topics = [\".*\"]\nnaming = \"prefix\"\npath = \"raw\"\nrefresh_interval = \"100ms\"";
    let mut setting = Setting::start(KafkaVersion::V4_1, link).await;
    // Its clusters have the same names, the other way round.
    let mut back = farshore(&setting.oslo, &setting.paris, link);
    let ends = [setting.paris.bootstrap(), setting.oslo.bootstrap()];
    setting.farshore.start().await;
    back.start().await;
    // Each topic is found by a later look than the mirrors of the one before.
    for topic in ["first", "second", "third"] {
        for (end, other) in [(&ends[0], &ends[1]), (&ends[1], &ends[0])] {
            topics::create(end, topic, 1, 1, &[("retention.ms", "-1")]).await;
            let writer = Writer::new(end, topic, &[]);
            writer.write(numbered(0, 0..10)).await;
            let mirror = format!("paris.{topic}");
            topics::wait_led(other, &mirror, 1).await;
            Counter::new(other, &mirror, 1).reaches(10, CATCH_UP).await;
        }
    }
    let own = ["first", "second", "third"];
    for end in &ends {
        let mut found = topics::names(end).await.expect("the topics");
        found.retain(|name| !name.starts_with("__"));
        found.sort();
        let mut wanted: Vec<String> = own.iter().map(|name| format!("paris.{name}")).collect();
        wanted.extend(own.map(str::to_owned));
        wanted.sort();
        assert_eq!(found, wanted);
    }

    // Each of them is a row with the reason, once it isn't empty any more.
    let told = "a farshore link wrote its newest batch";
    eventually(CATCH_UP, "the mirror is recognised", async || {
        let shown = reaches_state(&setting.farshore, "paris.first", 0, "halted").await;
        assert_eq!(shown["reason"]["code"], "circle", "{shown}");
        let message = shown["reason"]["message"].as_str().unwrap_or_default();
        let is_told = message.contains(told);
        is_told.then_some(()).ok_or_else(|| message.to_owned())
    })
    .await;
    let arguments = ["explain", "--link", "paris-oslo", "paris.first"];
    let explained = setting.farshore.cli(&arguments).await;
    let explained = String::from_utf8(explained.stdout).expect("text");
    for part in [
        "topic paris.first: not mirrored\n",
        "the source's own name",
        told,
    ] {
        assert!(explained.contains(part), "{explained}");
    }

    // Named literally it is mirrored, unless it is a mirror.
    back.sigterm().await;
    let named = link.replace("[\".*\"]", "[\"paris.first\"]");
    back.configure(&paris_oslo(&ends[1], &ends[0], &named));
    back.start().await;
    let shown = reaches_state(&back, "paris.first", 0, "halted").await;
    assert_eq!(shown["reason"]["code"], "circle", "{shown}");
}
