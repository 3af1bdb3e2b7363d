//! Two processes of one link, each with its own checkpoint DB. Unlike records, markers aren't tied to offsets, so the
//! processes can interfere with each other: a record may land behind the other one's markers. In that case the mirror stops
//! and says so.

use super::{holds_the_same, preserving, read, status};
use crate::histories::write_transactions;
use crate::setting::{CATCH_UP, Setting};
use crate::support::read::Isolation;
use crate::support::wait::eventually;

/// Whether the target equals the source, as far as it goes.
async fn is_a_beginning_of_the_source(setting: &Setting) -> bool {
    let source = read(&setting.paris.bootstrap(), "t", 0, Isolation::Committed).await;
    let target = read(&setting.oslo.bootstrap(), "t", 0, Isolation::Uncommitted).await;
    let last = target.last().map_or(-1, |it| it.offset);
    let so_far: Vec<_> = source.into_iter().filter(|it| it.offset <= last).collect();
    so_far == target
}

#[tokio::test]
async fn two_processes_never_go_on_behind_a_record_with_another_offset() {
    // Without the lease, which would keep one of them waiting.
    let lines = "topics = [\"t\"]\njournal = false";
    let mut setting = preserving(lines).await;
    let link = format!("offsets = \"preserve\"\n{lines}");
    let mut other = crate::setting::farshore(&setting.paris, &setting.oslo, &link);
    setting.topic("t", 1, &[]).await;
    write_transactions(&setting, "t", 150).await;
    setting.farshore.launch();
    other.launch();
    // Either both reach the end together, or a stopped one reports it.
    eventually(CATCH_UP, "both have come to an end", async || {
        let mut over = true;
        let mut seen = Vec::new();
        for farshore in [&setting.farshore, &other] {
            let body = farshore.get_json("/v1/links/paris-oslo/topics/t").await?;
            let partition = &body["partitions"][0];
            let state = partition["state"].as_str().unwrap_or_default().to_owned();
            over &= matches!(state.as_str(), "halted" | "diverged" | "live");
            seen.push(partition.to_string());
        }
        over.then_some(()).ok_or_else(|| seen.join(" and "))
    })
    .await;
    let was_right = is_a_beginning_of_the_source(&setting).await;
    // One alone continues where that is possible, and reports where it isn't.
    other.kill9();
    setting.farshore.kill9();
    setting.farshore.start().await;
    let ended = eventually(CATCH_UP, "it is live or stands still", async || {
        let status = status(&setting, "t", 0).await?;
        let state = status["state"].as_str().unwrap_or_default().to_owned();
        let over = matches!(state.as_str(), "halted" | "diverged" | "live");
        over.then_some(state).ok_or_else(|| status.to_string())
    })
    .await;
    if ended == "live" {
        assert!(was_right, "it went on behind a record at another offset");
        holds_the_same(&setting, "t", 1).await;
    } else if was_right {
        assert!(is_a_beginning_of_the_source(&setting).await);
    }
}
