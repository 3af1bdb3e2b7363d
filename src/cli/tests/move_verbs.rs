//! Verbs that move groups: plan, apply.

use super::*;

fn plan(blockers: &str) -> String {
    format!(
        r#"{{"id":"p-1","hash":"abc","kind":"switchover","link":"l","created_at":"2026-01-31T08:00:00Z","expires_at":"2026-01-31T08:15:00Z",
"offsets_as_of":null,"chosen":["billing"],"topics":["orders"],
"steps":[{{"name":"draining","what":"Wait."}},{{"name":"committing","what":"Commit."}}],"blockers":[{blockers}],
"warnings":["old offsets"],"groups":[{{"group":"billing","topic":"orders","partition":0,"source_offset":7,
"target_offset":5,"stands_for":7,"exact":true,"unreachable_records":0,"metadata":null}}]}}"#
    )
}

#[test]
fn a_plan_shows_what_would_be_done_and_how_to_do_it() {
    let answers = || vec![("POST /v1/plans", vec![(201, plan(""))])];
    let line = "plan switchover --link l --groups bill.*";
    let (out, ended, requests) = farshore(line, answers());
    assert_eq!(ended, Ok(ExitCode::Done));
    let request = r#"{"kind":"switchover","link":"l","groups":["bill.*"]}"#;
    assert_eq!(json(&requests[0].body), json(request));
    let expected = "\
plan p-1, valid until 2026-01-31T08:15:00Z

 1. draining: Wait.
 2. committing: Commit.

GROUP    TOPIC   P  SOURCE OFFSET  TARGET OFFSET  EXACT  UNREACHABLE
billing  orders  0              7              5  yes              0

warning: old offsets

To execute it: farshore apply p-1 --hash abc
";
    assert_eq!(out, expected);
    let (out, ..) = farshore(&format!("{line} --output json"), answers());
    assert_eq!(json(&out), json(&plan("")));
}

#[test]
fn a_failover_plan_says_when_it_last_knew_the_source() {
    let shown = |as_of: &str| {
        let plan = plan("").replace("switchover", "failover");
        let plan = plan.replace(r#""offsets_as_of":null"#, as_of);
        let answers = vec![("POST /v1/plans", vec![(201, plan)])];
        farshore("plan failover --link l", answers).0
    };
    let out = shown(r#""offsets_as_of":"2026-01-31T06:58:30.5Z""#);
    let line = "\nThe source's offsets are those of 2026-01-31T06:58:30Z, 1h 1m 29s before this plan: what changed there later is unknown.\n";
    assert!(out.contains(line), "{out}");
    let out = shown(r#""offsets_as_of":null"#);
    assert!(
        out.contains("\nThe groups of the source were never read.\n"),
        "{out}"
    );
}

#[test]
fn a_blocked_plan_is_refused() {
    let blocker = r#"{"code":"group_active","message":"stop them","group":"billing"}"#;
    let answers = vec![("POST /v1/plans", vec![(201, plan(blocker))])];
    let (out, ended, _) = farshore("plan failover --link l", answers);
    assert_eq!(ended, Ok(ExitCode::Refused));
    assert!(
        out.ends_with("\nblocked: group billing: stop them\n"),
        "{out}"
    );
}

fn operation(rest: &str) -> (u16, String) {
    let head = r#""id":"o-1","plan_id":"p-1","plan_hash":"abc","kind":"switchover","link":"l""#;
    let times = r#""started_at":"2026-01-31T08:00:00Z","entered_at":"2026-01-31T08:00:00Z""#;
    (200, format!("{{{head},{times},{rest}}}"))
}

fn apply(last: &str) -> (String, Result<ExitCode, Failure>, Vec<service::Request>) {
    let draining = operation(r#""phase":"draining","waits_for":["orders-0"],"blockers":[]"#);
    let answers = vec![
        ("POST /v1/operations", vec![(202, draining.1.clone())]),
        (
            "GET /v1/operations/o-1",
            vec![draining, (503, String::new()), operation(last)],
        ),
    ];
    farshore("apply p-1 --hash abc", answers)
}

#[test]
fn apply_follows_the_operation_to_its_end() {
    let (out, ended, requests) = apply(r#""phase":"done","waits_for":[],"blockers":[]"#);
    assert_eq!(ended, Ok(ExitCode::Done));
    assert_eq!(out, "operation o-1: done\n");
    assert_eq!(
        json(&requests[0].body),
        json(r#"{"plan_id":"p-1","plan_hash":"abc"}"#)
    );
    assert_eq!(requests[0].key.as_deref(), Some("apply-p-1-abc"));
    assert_eq!(requests.len(), 4, "a miss in between doesn't end it");
}

#[test]
fn an_interrupted_apply_says_that_the_operation_goes_on() {
    let draining = || {
        vec![operation(
            r#""phase":"draining","waits_for":[],"blockers":[]"#,
        )]
    };
    let answers = vec![
        ("POST /v1/operations", draining()),
        ("GET /v1/operations/o-1", draining()),
    ];
    let interrupt = Box::pin(std::future::ready(()));
    let (_, ended, _) = farshore_until(interrupt, "apply p-1 --hash abc", answers);
    let Failure { code, message } = ended.unwrap_err();
    assert_eq!(code, ExitCode::Failed);
    assert_eq!(
        message,
        "operation o-1 goes on in the service: `farshore apply p-1 --hash abc` follows it again, \
         without starting another; it can't be cancelled"
    );
}

#[test]
fn apply_tells_a_refusal_from_a_failure() {
    let stopped = |at: &str| {
        apply(&format!(
            r#""phase":"stopped","at":"{at}","waits_for":[],"blockers":[{{"code":"not_drained","message":"not at rest","topic":"orders","partition":0}}]"#
        ))
    };
    let (out, ended, _) = stopped("draining");
    assert_eq!(ended, Ok(ExitCode::Refused));
    assert_eq!(
        out,
        "operation o-1: stopped at draining\n  orders-0: not at rest\n"
    );
    assert_eq!(stopped("committing").1, Ok(ExitCode::Failed));
}

#[test]
fn apply_of_a_stale_or_blocked_plan_is_refused() {
    for status in [409, 412] {
        let problem = r#"{"title":"Blocked","blockers":[{"code":"group_active","message":"stop it","group":"g"}]}"#;
        let answers = vec![("POST /v1/operations", vec![(status, problem.to_owned())])];
        let (_, ended, _) = farshore("apply p-1 --hash abc", answers);
        let message = "Blocked\n  group g: stop it".to_owned();
        assert_eq!(
            ended,
            Err(Failure {
                code: ExitCode::Refused,
                message
            })
        );
    }
}

#[test]
fn a_dry_run_of_a_reseed_tells_what_is_deleted() {
    let answer = |recreates: &str| {
        let body = format!(
            r#"{{"link":"l","with":"reseed","hash":"abc","partitions":[{{"topic":"t","partition":3,"reason":{{
"code":"foreign_write","message":"written","remedy":"look"}},"result":"planned","detail":"it is created anew"}}]{recreates}}}"#
        );
        vec![("POST /v1/links/l/resolve", vec![(200, body)])]
    };
    let line = "resolve --link l --topic t --with reseed";
    let found = r#","recreates":{"mirror_topic":"p.t","exists":true,"records":45,"only_there":15,"of_others":5,"at_most":true,
"partitions":[{"partition":0,"log_start":10,"end":55,"records":45,"only_there":15,"of_others":5,"at_most":true}],
"groups":[{"group":"g","offsets":2,"lost":0},{"group":"h","offsets":1,"lost":1}]}"#;
    let (out, ended, _) = farshore(&format!("{line} --dry-run"), answer(found));
    assert_eq!(ended, Ok(ExitCode::Done));
    let expected = "\
TOPIC  P  REASON         RESULT
t      3  foreign_write  planned  written; it is created anew

Mirror topic p.t is deleted with 45 records and created anew: at most 15 records that exist only there, 5 of them written by others.
P  LOG START  END  RECORDS  ONLY THERE  OF OTHERS
0         10   55       45          15          5

Committed offsets of groups that are deleted with it:
  g: 2 offsets, carried over anew
  h: 1 offsets, 1 of them were committed on the target and are lost

To do it: farshore resolve --link l --topic t --with reseed --hash abc --discard 15
";
    assert_eq!(out, expected);

    let gone = r#","recreates":{"mirror_topic":"t","exists":false,"records":0,"only_there":0,"of_others":0,"at_most":false,
"partitions":[],"groups":[]}"#;
    let (out, _, _) = farshore(&format!("{line} --dry-run"), answer(gone));
    let expected = "
Mirror topic t is gone; it is created anew.

To do it: farshore resolve --link l --topic t --with reseed --hash abc
";
    assert!(out.ends_with(expected), "{out}");
    let (_, _, requests) = farshore(&format!("{line} --discard 15"), answer(""));
    assert_eq!(json(&requests[0].body)["discard"], 15);
}

#[test]
fn a_release_shows_what_came_of_it_and_a_dry_run_how_to_do_it() {
    let answer = |result: &str, more: &str| {
        format!(
            r#"{{"link":"l","with":"follow","hash":"abc","partitions":[{{"topic":"t","partition":3,"reason":{{
"code":"source_gap","message":"gone","remedy":"look"}},"result":"{result}"{more}}}]}}"#
        )
    };
    let answers = |status, body| vec![("POST /v1/links/l/resolve", vec![(status, body)])];
    let line = "resolve --link l --topic t --partition 3 --with follow";
    let (out, ended, requests) = farshore(
        &format!("{line} --dry-run"),
        answers(200, answer("planned", "")),
    );
    assert_eq!(ended, Ok(ExitCode::Done));
    let request = r#"{"topic":"t","partition":3,"with":"follow","dry_run":true}"#;
    assert_eq!(json(&requests[0].body), json(request));
    let expected = "\
TOPIC  P  REASON      RESULT
t      3  source_gap  planned  gone

To do it: farshore resolve --link l --topic t --partition 3 --with follow --hash abc
";
    assert_eq!(out, expected);
    let done = answer(
        "released",
        r#","outcome":{"action":"follow","topic":"t","partition":3,"code":"source_gap","message":"gone","source_offset":35,
"target_offset":20,"stretches":[]}"#,
    );
    let (out, ended, requests) = farshore(&format!("{line} --hash abc"), answers(200, done));
    assert_eq!(ended, Ok(ExitCode::Done));
    assert_eq!(json(&requests[0].body)["hash"], "abc");
    assert!(
        out.ends_with("goes on with source offset 35 at target offset 20\n"),
        "{out}"
    );
    let refused = answer("refused", r#","detail":"has stopped again""#);
    let (_, ended, _) = farshore(line, answers(200, refused));
    assert_eq!(ended, Ok(ExitCode::Refused));
    let problem = r#"{"title":"No","detail":"it is live","status":409}"#;
    let (_, ended, _) = farshore(line, answers(409, problem.to_owned()));
    assert_eq!(ended.unwrap_err().code, ExitCode::Refused);
}
