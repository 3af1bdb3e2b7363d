//! Live partitions don't wait for partitions that are catching up, and those still finish.

use crate::hazards::{between, numbered, spec};
use crate::network::Distant;
use crate::setting::{CATCH_UP, Setting};
use crate::support::line::Weather;
use crate::support::wait::eventually;
use crate::support::write::Writer;

/// The number of partitions with a history.
const PARTITIONS: i32 = 4;
/// The number of records in a partition's history, of 1 KiB each.
const HISTORY: usize = 3 * 1024;
/// The number of records written to the live topic at a time.
const ROUND: i64 = 100;

/// Waits until a link has mirrored `end` live records. Returns how much of the history it had mirrored by then.
async fn live_reaches(setting: &Setting, link: &str, end: i64) -> i64 {
    let what = format!("{link} has mirrored {end} live records");
    let path = format!("/v1/links/{link}/topics");
    eventually(CATCH_UP, &what, async || {
        let answer = setting.farshore.get_json(&path).await?;
        let positions = |topic: &str| -> Vec<i64> {
            let topics = answer.as_array().into_iter().flatten();
            let partitions = topics.filter(|it| it["name"] == topic);
            let partitions = partitions.filter_map(|it| it["partitions"].as_array());
            let positions = partitions.flatten().map(|it| it["position"].as_i64());
            positions.flatten().collect()
        };
        match positions("live")[..] {
            [position] if position >= end => Ok(positions("history").iter().sum()),
            ref other => Err(format!("{other:?}")),
        }
    })
    .await
}

/// Starts with a history of which nothing is mirrored, and a live topic that is fully mirrored.
async fn start(setting: &mut Setting, links: &[&str]) {
    setting.topic("live", 1, &[]).await;
    setting.topic("history", PARTITIONS, &[]).await;
    let writer = Writer::new(&setting.paris.bootstrap(), "history", &[]);
    for partition in 0..PARTITIONS {
        writer.write(numbered(partition, 0..HISTORY, 1024)).await;
    }
    setting.write("live", 0, 0..ROUND).await;
    setting.farshore.start().await;
    for link in links {
        live_reaches(setting, link, ROUND).await;
    }
}

/// Writes to the live topic repeatedly while the history is mirrored. A link may mirror at most `most` records of the
/// history before it has the live ones. Returns how often that was observed for each link.
async fn live_keeps_up(setting: &Setting, links: &[&str], most: i64) -> Vec<usize> {
    let history = i64::from(PARTITIONS) * i64::try_from(HISTORY).expect("a number");
    let mut seen = vec![0; links.len()];
    let mut end = ROUND;
    loop {
        setting.write("live", 0, end..end + ROUND).await;
        let mut left = false;
        for (place, link) in links.iter().enumerate() {
            let before = live_reaches(setting, link, end).await;
            let after = live_reaches(setting, link, end + ROUND).await;
            let passed = after - before;
            assert!(
                passed <= most,
                "{link}: {passed} records of the history came first"
            );
            seen[place] += usize::from(before < history);
            left |= after < history;
        }
        end += ROUND;
        if !left {
            return seen;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_topic_keeps_up_while_a_history_fills_the_rate_up() {
    let rate = "topics = [\"live\", \"history\"]\nmax_bytes_per_second = \"1MiB\"";
    let record = "[links.records]\nsource = \"paris\"\ntarget = \"oslo\"\nnaming = \"prefix\"\npath = \"record\"";
    let link = format!("path = \"raw\"\n{rate}\n{record}\n{rate}");
    let mut setting = between(spec(), spec(), &link).await;
    let links = ["paris-oslo", "records"];
    start(&mut setting, &links).await;
    let status = setting.farshore.cli(&["status"]).await;
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(
        status.matches("running (rate limited)").count(),
        2,
        "{status}"
    );
    // The throughput of four seconds.
    let seen = live_keeps_up(&setting, &links, 4 * 1024).await;
    assert!(seen.iter().all(|seen| *seen >= 2), "{seen:?}");
    let metrics = setting
        .farshore
        .get_json("/v1/links")
        .await
        .expect("the links");
    assert_eq!(metrics[0]["state"], "running");
    assert!(setting.compare("history", PARTITIONS).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_topic_keeps_up_while_a_history_fills_a_narrow_line_up() {
    let mut distant = Distant::start(1, "topics = [\"live\", \"history\"]").await;
    distant.to_oslo[0].set(Weather {
        bytes_per_second: Some(1 << 20),
        ..Weather::default()
    });
    let links = ["paris-oslo"];
    start(&mut distant.setting, &links).await;
    // The history's batches have one mebibyte, which alone exceeds the intended size of a request. Two of them may be in
    // flight, and the live topic is read between two of them; without the fair order all of the history would come first.
    let seen = live_keeps_up(&distant.setting, &links, 4 * 1024).await;
    assert!(seen[0] >= 2, "{seen:?}");
    assert!(distant.setting.compare("history", PARTITIONS).await > 0);
}
