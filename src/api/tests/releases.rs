//! Releases of partitions, without a worker that could carry them out.

use super::*;

const PATH: &str = "/v1/links/paris-oslo/resolve";

#[tokio::test]
async fn what_a_policy_does_is_told_before_it_does_it() {
    let bench = Bench::start().await;
    for (with, does) in [
        (
            "follow",
            "the lost records stay lost, and the mirror continues",
        ),
        (
            "reseed",
            "the mirror topic is deleted, created anew and filled",
        ),
    ] {
        let body = format!(r#"{{"topic":"orders","with":"{with}","dry_run":true}}"#);
        let shown = bench.post(PATH, &body).await;
        assert_eq!(shown.status, 200);
        let shown = shown.json;
        let detail = shown["partitions"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(does), "{detail}");
        // Nobody is there who could ask the target.
        let is_uncounted = detail.ends_with(
            "; what the mirror topic holds can't be counted: the link isn't running here, or has too many requests queued",
        );
        assert_eq!(is_uncounted, with == "reseed", "{detail}");
        assert!(shown.get("recreates").is_none());
    }
}

#[tokio::test]
async fn only_a_reseed_discards_records() {
    let bench = Bench::start().await;
    let follow = r#"{"topic":"orders","with":"follow","discard":3}"#;
    let refused = bench.post(PATH, follow).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json["detail"], "only reseed discards records");
    let reseed = r#"{"topic":"orders","with":"reseed","discard":3}"#;
    let refused = bench.post(PATH, reseed).await;
    assert_eq!(refused.status, 200);
    assert_eq!(refused.json["partitions"][0]["result"], "refused");
}
