//! `verify`: the order, following it, and the outcome.

use super::*;

fn partition(number: i32, rest: &str) -> String {
    format!(
        r#"{{"topic":"orders","partition":{number},"from":4,"until":90,"reached":{{"source":90,"target":80}},"records":70,"bytes":9000,
"source_hash":"000000000000000000000000000000a1","target_hash":"000000000000000000000000000000a1","left_out":0,"compacted":0,
"unproven":0,{rest}}}"#
    )
}

fn answer(rest: &str, partitions: &str) -> (u16, String) {
    let head = r#""id":"a1","link":"l","topics":["or.*"],"started_at":"2026-01-31T08:00:00Z","partitions_done":0"#;
    (
        200,
        format!(r#"{{{head},{rest},"partitions":[{partitions}]}}"#),
    )
}

fn verify(
    outcome: &str,
    second: &str,
) -> (String, Result<ExitCode, Failure>, Vec<service::Request>) {
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

#[test]
fn an_interrupted_verify_says_that_the_verification_goes_on() {
    let running = || vec![answer(r#""state":"running""#, "")];
    let answers = vec![
        ("POST /v1/verifications", running()),
        ("GET /v1/verifications/a1", running()),
    ];
    let interrupt = Box::pin(std::future::ready(()));
    let (out, ended, _) = farshore_until(interrupt, "verify --link l", answers);
    assert_eq!(out, "");
    let Failure { code, message } = ended.unwrap_err();
    assert_eq!(code, ExitCode::Failed);
    assert_eq!(
        message,
        "verification a1 goes on in the service: `farshore verifications` shows how far it is, \
         `farshore verifications --cancel a1` cancels it"
    );
}

const LIST: &str = r#"[
{"id":"b2","link":"m","topics":[],"state":"running","started_at":"2026-01-31T08:01:00.5Z","partitions_done":2,"partitions":9},
{"id":"a1","link":"l","topics":["or.*","x"],"state":"done","outcome":"unproven","started_at":"2026-01-31T08:00:00Z",
"ended_at":"2026-01-31T08:00:02.75Z","partitions_done":4,"partitions":4}]"#;

#[test]
fn verifications_are_listed_with_how_far_they_are() {
    let answers = || {
        vec![
            ("GET /v1/verifications", vec![(200, LIST.to_owned())]),
            ("GET /v1/links/l", vec![(200, "{}".to_owned())]),
        ]
    };
    let (out, ended, _) = farshore("verifications", answers());
    assert_eq!(ended, Ok(ExitCode::Done));
    let expected = "\
VERIFICATION  LINK  TOPICS  STATE    PARTITIONS  OUTCOME   STARTED               ENDED
b2            m     all     running         2/9  -         2026-01-31T08:01:00Z  -
a1            l     or.* x  done            4/4  unproven  2026-01-31T08:00:00Z  2026-01-31T08:00:02Z
";
    assert_eq!(out, expected);
    let (out, ..) = farshore("verifications --link l --output json", answers());
    let out = json(&out);
    assert_eq!(out.as_array().map(Vec::len), Some(1));
    assert_eq!(out[0]["id"], "a1");
    let (_, ended, _) = farshore("verifications --link typo", answers());
    assert_eq!(ended.unwrap_err().code, ExitCode::Usage);
}

#[test]
fn a_verification_is_cancelled_unless_it_has_ended() {
    let cancel = |rest: &str| {
        let answers = vec![("POST /v1/verifications/a1/cancel", vec![answer(rest, "")])];
        farshore("verifications --cancel a1", answers)
    };
    let (out, ended, requests) = cancel(r#""state":"cancelled""#);
    assert_eq!(ended, Ok(ExitCode::Done));
    assert!(out.ends_with("\nverification a1: cancelled\n"), "{out}");
    assert_eq!(requests[0].body, "{}");
    let (out, ended, _) = cancel(r#""state":"done","outcome":"equal""#);
    assert!(out.ends_with("\nverification a1: equal\n"), "{out}");
    assert_eq!(ended.unwrap_err().code, ExitCode::Refused);
}
