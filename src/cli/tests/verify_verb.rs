//! `verify`: the order, following it, and the outcome.

use super::*;

fn partition(number: i32, rest: &str) -> String {
    format!(
        r#"{{"topic":"orders","partition":{number},"from":4,"until":90,"reached":{{"source":90,"target":80}},"records":70,"bytes":9000,
"source_hash":"000000000000000000000000000000a1","target_hash":"000000000000000000000000000000a1","left_out":0,"compacted":0,
"unproven":0,{rest}}}"#
    )
}

fn verify(
    outcome: &str,
    second: &str,
) -> (String, Result<ExitCode, Failure>, Vec<service::Request>) {
    let answer = |rest: &str, partitions: &str| {
        let head = r#""id":"a1","link":"l","topics":["or.*"],"started_at":"2026-01-31T08:00:00Z","partitions_done":0"#;
        (
            200,
            format!(r#"{{{head},{rest},"partitions":[{partitions}]}}"#),
        )
    };
    let equal = partition(0, r#""differences":0,"outcome":"equal""#);
    let ended = format!(r#""state":"done","outcome":"{outcome}""#);
    let answers = vec![
        (
            "POST /v1/verifications",
            vec![answer(r#""state":"running""#, "")],
        ),
        (
            "GET /v1/verifications/a1",
            vec![
                answer(r#""state":"running""#, &equal),
                (503, String::new()),
                answer(&ended, &format!("{equal},{second}")),
            ],
        ),
    ];
    farshore("verify --link l --topics or.*", answers)
}

#[test]
fn verify_follows_to_the_end_and_shows_the_first_difference() {
    let first = r#""differences":2,"outcome":"different","first_difference":{"kind":"missing","source_offset":17,"target_offset":15}"#;
    let (out, ended, requests) = verify("different", &partition(1, first));
    assert_eq!(ended, Ok(ExitCode::Diverged));
    let expected = "\
TOPIC   P  FROM  UNTIL  RECORDS  HASH                              OUTCOME
orders  0     4     90       70  000000000000000000000000000000a1  equal
orders  1     4     90       70  000000000000000000000000000000a1  different  2 differences, the first: a record is missing on the target at source offset 17, target offset 15

verification a1: different
";
    assert_eq!(out, expected);
    let request = r#"{"link":"l","topics":["or.*"]}"#;
    assert_eq!(json(&requests[0].body), json(request));
    assert_eq!(requests.len(), 4, "a miss in between doesn't end it");
}

#[test]
fn verify_tells_what_it_came_to_by_its_exit_code() {
    let code = |outcome| {
        let rest = format!(r#""differences":0,"outcome":"{outcome}","detail":"no leader""#);
        verify(outcome, &partition(1, &rest)).1
    };
    assert_eq!(code("equal"), Ok(ExitCode::Done));
    assert_eq!(code("unproven"), Ok(ExitCode::Failed));
    assert_eq!(code("failed"), Ok(ExitCode::Failed));
}
