//! `farshore store`: export, import, rebuild and check.

use std::process::Output;

use super::{Gaps, JOURNAL, logs};
use crate::asking::lose_checkpoint;
use crate::setting::CATCH_UP;
use crate::support::farshore::Farshore;
use crate::support::topics;
use crate::support::wait::eventually;

/// Runs a verb, expects an exit code and returns the output.
pub(super) async fn store(farshore: &Farshore, arguments: &[&str], code: i32) -> String {
    let all: Vec<&str> = ["store"].iter().chain(arguments).copied().collect();
    let output: Output = farshore.cli(&all).await;
    assert_eq!(output.status.code(), Some(code), "{all:?}: {output:?}");
    let printed = if code == 0 {
        output.stdout
    } else {
        output.stderr
    };
    String::from_utf8(printed).expect("text")
}

fn sorted(lines: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn what_was_exported_or_journaled_makes_a_db_that_goes_on_exactly() {
    let mut gaps = Gaps::start().await;
    let nothing = store(&gaps.setting.farshore, &["check"], 3).await;
    assert!(nothing.contains("there is no checkpoint DB"), "{nothing}");
    gaps.setting.farshore.launch();
    gaps.all_mirrored().await;

    // The running service keeps its DB locked; its journal is readable nonetheless.
    let user = format!("process {}", gaps.setting.farshore.process().pid());
    for verb in ["check", "export", "rebuild"] {
        let refused = store(&gaps.setting.farshore, &[verb], 3).await;
        assert!(refused.contains(&user), "{refused}");
    }
    // For a while only the plan of the last runs may be stored.
    eventually(CATCH_UP, "the journal has runs", async || {
        let journaled = store(&gaps.setting.farshore, &["export", "--from-journal"], 0).await;
        let has_runs = journaled.contains("\"space\":\"runs\"");
        has_runs.then_some(()).ok_or(journaled)
    })
    .await;

    gaps.setting.farshore.sigterm().await;
    let farshore = &gaps.setting.farshore;
    let of_link = store(farshore, &["export", "--link", "paris-oslo"], 0).await;
    let journaled = store(farshore, &["export", "--from-journal"], 0).await;
    assert_eq!(sorted(&of_link), sorted(&journaled));
    store(
        farshore,
        &["export", "--from-journal", "--link", "other"],
        2,
    )
    .await;
    let exported = store(farshore, &["export"], 0).await;
    let file = farshore.checkpoint_path().with_extension("jsonl");
    std::fs::write(&file, &exported).expect("the export");
    let file = file.to_str().expect("a path").to_owned();
    let refused = store(farshore, &["import", &file], 3).await;
    assert!(refused.contains("isn't empty"), "{refused}");

    lose_checkpoint(farshore);
    store(farshore, &["import", &file], 0).await;
    assert_eq!(store(farshore, &["export"], 0).await, exported);
    let fits = store(farshore, &["check"], 0).await;
    assert!(
        fits.contains("1 links, 1 partitions") && fits.contains("0 problems"),
        "{fits}"
    );
    gaps.setting.farshore.launch();
    gaps.write(20).await;
    gaps.is_exact().await;

    gaps.setting.farshore.sigterm().await;
    lose_checkpoint(&gaps.setting.farshore);
    let told = store(&gaps.setting.farshore, &["rebuild"], 0).await;
    assert!(told.contains("entries from its journal"), "{told}");
    store(&gaps.setting.farshore, &["check", "--output", "json"], 0).await;
    gaps.setting.farshore.launch();
    gaps.write(20).await;
    gaps.is_exact().await;
}

#[tokio::test]
async fn a_journal_that_would_lose_what_it_holds_is_reported() {
    let mut gaps = Gaps::start().await;
    gaps.setting.farshore.launch();
    gaps.all_mirrored().await;
    let bootstrap = gaps.setting.oslo.bootstrap();
    for (policy, is_bad) in [("delete", true), ("compact", false)] {
        topics::configure(&bootstrap, JOURNAL, &[("cleanup.policy", policy)]).await;
        let warning = "has cleanup.policy=delete";
        eventually(CATCH_UP, "the link's detail tells it", async || {
            let link = gaps
                .setting
                .farshore
                .get_json("/v1/links/paris-oslo")
                .await?;
            assert_eq!(link["state"], "running", "{link}");
            let told = link["detail"].to_string().contains(warning);
            (told == is_bad).then_some(()).ok_or(link.to_string())
        })
        .await;
        let checked = gaps.setting.farshore.cli(&["check"]).await;
        let said = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert_eq!(said.contains(warning), is_bad, "{said}");
        assert_eq!(checked.status.code(), Some(i32::from(is_bad)), "{said}");
    }
    logs(&gaps.setting, "so that it will lose what a rebuild needs").await;
}
