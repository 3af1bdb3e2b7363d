//! The service as an operator experiences it: unreachable clusters, wrong addresses, wrong configurations, signals.

use rustix::process::Signal;
use serde_json::Value;

use crate::asking::{partition, readiness};
use crate::setting::{CATCH_UP, Setting, paris_oslo};
use crate::support::brokers::KafkaVersion;
use crate::support::farshore::Farshore;
use crate::support::seed;
use crate::support::wait::eventually;
use crate::support::write::{Writer, mixed};

const PARTITIONS: i32 = 2;
const COUNT: usize = 150_000;
const LINK: &str = r#"
topics = ["orders"]
refresh_interval = "100ms"
max_in_flight_bytes = "1MiB"
fetch_max_bytes = "128KiB"
partition_max_bytes = "64KiB"
"#;

/// The number of log lines that contain a text.
fn logged(farshore: &Farshore, text: &str) -> usize {
    let log = farshore.process().stderr();
    log.lines().filter(|line| line.contains(text)).count()
}

async fn logs(farshore: &Farshore, text: &str) {
    eventually(CATCH_UP, &format!("the log says {text}"), async || {
        let log = farshore.process().stderr();
        log.contains(text).then_some(()).ok_or(log)
    })
    .await;
}

/// The sum of a figure over the partitions of the link's topic.
async fn sum(farshore: &Farshore, figure: &str) -> Result<i64, String> {
    let mut sum = 0;
    for number in 0..PARTITIONS {
        let number = usize::try_from(number).expect("a number");
        let shown = partition(farshore, "orders", number).await?;
        sum += shown[figure].as_i64().ok_or(shown.to_string())?;
    }
    Ok(sum)
}

async fn is_caught_up(farshore: &Farshore) {
    eventually(CATCH_UP, "nothing is missing", async || {
        let shown = farshore.get_json("/v1/links/paris-oslo").await?;
        let is_done = shown["lag_records"] == 0 && shown["partitions"] == PARTITIONS;
        is_done.then_some(()).ok_or(shown.to_string())
    })
    .await;
}

#[tokio::test]
async fn clusters_may_come_later_and_a_stop_leaves_nothing_to_do_again() {
    let mut setting = Setting::start(KafkaVersion::V4_1, "topics = [\"unused\"]").await;
    setting.topic("orders", PARTITIONS, &[]).await;
    let source = Writer::new(&setting.paris.bootstrap(), "orders", &[]);
    source.write(mixed(seed::rng(), PARTITIONS, COUNT)).await;
    drop(source);
    // Addresses that don't answer, next to one that will.
    let bootstrap = format!(
        "127.0.0.1:1,no-such-host.invalid:9092,{}",
        setting.paris.bootstrap()
    );
    let config = paris_oslo(&bootstrap, &setting.oslo.bootstrap(), LINK);
    setting.farshore.configure(&config);
    setting.paris.kill(1);
    setting.oslo.kill(1);

    waits_for_its_clusters(&mut setting).await;
    stops_in_order(&mut setting, &config).await;

    // At rest nothing is left to do.
    setting.farshore.sigterm().await;
    setting.farshore.start().await;
    is_caught_up(&setting.farshore).await;
    assert_eq!(sum(&setting.farshore, "records").await, Ok(0));
    a_second_process_is_refused(&setting.farshore).await;
    a_second_signal_ends_it_at_once(&mut setting).await;
}

/// Both clusters are down when farshore starts.
async fn waits_for_its_clusters(setting: &mut Setting) {
    setting.farshore.start().await;
    let lost = "cluster cannot be reached";
    logs(&setting.farshore, &format!("{lost} cluster=oslo")).await;
    logs(&setting.farshore, &format!("{lost} cluster=paris")).await;
    let reasons = readiness(&setting.farshore, 503).await;
    assert!(
        reasons.contains("source paris can't be reached"),
        "{reasons}"
    );
    assert!(
        reasons.contains("target oslo can't be reached"),
        "{reasons}"
    );
    assert!(reasons.contains("Connection refused"), "{reasons}");
    let status = setting.farshore.cli(&["status"]).await;
    let text = String::from_utf8_lossy(&status.stdout);
    assert_eq!(status.status.code(), Some(0), "{text}");
    assert!(text.contains("paris (unreachable)"), "{text}");
    assert!(text.contains("oslo (unreachable)"), "{text}");

    setting.paris.restart(1).await;
    setting.oslo.restart(1).await;
    assert_eq!(readiness(&setting.farshore, 200).await, "[]");
    // Retried ten times a second all the while, and logged once.
    assert_eq!(logged(&setting.farshore, lost), 2);
    assert_eq!(logged(&setting.farshore, "cluster reached"), 2);
}

/// Stops farshore while records flow.
async fn stops_in_order(setting: &mut Setting, config: &str) {
    // Stopped with records in flight: they landed, and the checkpoint contains all of them without asking the cluster.
    let target = setting.on_target("orders", PARTITIONS).await;
    target.reaches(1_000, CATCH_UP).await;
    let ended = setting.farshore.sigterm().await;
    assert_eq!(ended.code(), Some(0));
    let sent = target.count().await.expect("the number of offsets");
    let shown = setting.shown("orders", PARTITIONS).await;
    let shown = shown.expect("the number of records");
    let all = i64::try_from(COUNT).expect("a small number");
    assert!(sent < all, "stopped too late to tell anything");
    let nowhere = paris_oslo("127.0.0.1:1", "127.0.0.1:2", LINK);
    setting.farshore.configure(&nowhere);
    setting.farshore.start().await;
    assert_eq!(sum(&setting.farshore, "target_end").await, Ok(sent));
    setting.farshore.sigterm().await;

    // Continued: each record is sent by exactly one of the two processes.
    setting.farshore.configure(config);
    setting.farshore.start().await;
    is_caught_up(&setting.farshore).await;
    assert_eq!(sum(&setting.farshore, "records").await, Ok(all - shown));
    assert_eq!(setting.compare("orders", PARTITIONS).await, COUNT as u64);
}

async fn a_second_process_is_refused(farshore: &Farshore) {
    let second = farshore.cli(&["run"]).await;
    let text = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(3), "{text}");
    let pid = farshore.process().pid();
    let holder = format!("is in use by another farshore (process {pid})");
    assert!(text.contains(&holder), "{text}");
}

/// The target hangs, so that what is in flight can't land and a clean stop has to wait.
async fn a_second_signal_ends_it_at_once(setting: &mut Setting) {
    let source = Writer::new(&setting.paris.bootstrap(), "orders", &[]);
    source.write(mixed(seed::rng(), PARTITIONS, 1_000)).await;
    let count = |more: usize| i64::try_from(COUNT + more).expect("a small number");
    setting.arrives("orders", PARTITIONS, count(1_000)).await;
    setting.oslo.pause(1);
    source.write(mixed(seed::rng(), PARTITIONS, 1_000)).await;
    let stopping = "stopping: what is in flight lands first";
    let before = logged(&setting.farshore, stopping);
    eventually(CATCH_UP, "something is in flight", async || {
        let shown = partition(&setting.farshore, "orders", 0).await?;
        let waits = shown["lag_records"].as_i64() > Some(0);
        waits.then_some(()).ok_or(shown.to_string())
    })
    .await;
    // Here and not in a unit test: a signal reaches everything in a process that listens for it.
    setting.farshore.process().signal(Signal::HUP);
    logs(&setting.farshore, "SIGHUP is ignored").await;
    assert_eq!(logged(&setting.farshore, stopping), before);
    setting.farshore.process().signal(Signal::INT);
    eventually(CATCH_UP, "it stops", async || {
        let said = logged(&setting.farshore, stopping);
        (said > before).then_some(()).ok_or(said.to_string())
    })
    .await;
    setting.farshore.process().signal(Signal::TERM);
    let log = setting.farshore.process().stderr();
    let ended = setting.farshore.wait_end().await;
    assert_eq!(ended.code(), Some(1), "{log}");
    setting.oslo.resume(1);
    setting.farshore.launch();
    logs(&setting.farshore, "stopped at once by a second signal").await;
    setting.arrives("orders", PARTITIONS, count(2_000)).await;
    assert_eq!(
        setting.compare("orders", PARTITIONS).await,
        COUNT as u64 + 2_000
    );
}

/// The wrong address is farshore's own API, an HTTP server.
#[tokio::test]
async fn a_port_that_speaks_http_is_told_from_one_that_is_closed() {
    let mut farshore = Farshore::new(env!("CARGO_BIN_EXE_farshore"), "");
    let http = farshore.url().replace("http://", "");
    farshore.configure(&paris_oslo(&http, "127.0.0.1:1", LINK));
    farshore.start().await;
    logs(&farshore, "cluster cannot be reached cluster=paris").await;
    let reasons = readiness(&farshore, 503).await;
    assert!(reasons.contains("source paris"), "{reasons}");
    assert!(reasons.contains("HTTP"), "{reasons}");

    let check = farshore.cli(&["check", "--output", "json"]).await;
    assert_eq!(check.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&check.stdout).expect("JSON");
    assert_eq!(told["problems"], 2, "{told}");
    let [oslo, paris] = [&told["findings"][0], &told["findings"][1]];
    assert_eq!(oslo["subject"], "cluster oslo");
    let refused = oslo["what"].as_str().expect("text");
    assert!(refused.contains("Connection refused"), "{refused}");
    assert_eq!(paris["subject"], "cluster paris");
    let fix = paris["fix"].as_str().expect("text");
    assert!(fix.contains("no Kafka broker"), "{told}");
    assert_eq!(farshore.sigterm().await.code(), Some(0));
}

#[tokio::test]
async fn a_bad_configuration_is_refused_with_everything_that_is_wrong() {
    let config = paris_oslo(
        "127.0.0.1",
        "127.0.0.1:1",
        "topics = [\"a(\"]\nstrat = \"latest\"",
    );
    let farshore = Farshore::new(env!("CARGO_BIN_EXE_farshore"), &config);
    for verb in ["run", "check"] {
        let output = farshore.cli(&[verb]).await;
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        for problem in ["bootstrap_servers", "unclosed group", "strat", "start"] {
            assert!(text.contains(problem), "{problem} in {text}");
        }
    }
}

/// The target of one link is its own source; the other link is unaffected.
#[tokio::test]
async fn a_link_that_can_not_run_has_failed_and_another_one_runs() {
    let mut setting = Setting::start(KafkaVersion::V4_1, "topics = [\"t\"]").await;
    setting.topic("t", 1, &[]).await;
    setting.write("t", 0, 0..100).await;
    let (paris, oslo) = (setting.paris.bootstrap(), setting.oslo.bootstrap());
    // The same broker under another name, which the configuration can't recognize.
    let twin = paris.replace("127.0.0.1", "localhost");
    let itself = format!(
        "[clusters.twin]\nbootstrap_servers = [\"{twin}\"]\n\
         [links.paris-twin]\nsource = \"paris\"\ntarget = \"twin\"\ntopics = [\"other\"]"
    );
    let config = paris_oslo(&paris, &oslo, "topics = [\"t\"]");
    setting.farshore.configure(&format!("{config}\n{itself}"));
    setting.farshore.start().await;
    setting.mirrored("t", 1).await;
    assert_eq!(setting.compare("t", 1).await, 100);
    let failed = eventually(CATCH_UP, "the link has failed", async || {
        let shown = setting.farshore.get_json("/v1/links/paris-twin").await?;
        let has_failed = shown["state"] == "failed";
        has_failed.then_some(shown.clone()).ok_or(shown.to_string())
    })
    .await;
    let why = failed["failure"]["message"].as_str().expect("a reason");
    assert!(why.contains("one and the same"), "{failed}");
    assert!(failed["failure"]["retry_at"].is_string(), "{failed}");
    assert_eq!(logged(&setting.farshore, "link has failed"), 1);
    let metrics = setting.farshore.metrics().await.expect("metrics");
    for line in [
        r#"farshore_link_state{link="paris-oslo",state="running"} 1"#,
        r#"farshore_link_state{link="paris-twin",state="failed"} 1"#,
    ] {
        assert!(metrics.lines().any(|found| found == line), "{metrics}");
    }
    assert_eq!(setting.farshore.sigterm().await.code(), Some(0));
}
