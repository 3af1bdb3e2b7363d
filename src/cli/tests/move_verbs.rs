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
plan p-1: switchover of link l, valid until 2026-01-31T08:15:00Z

1 group in 1 topic: 1 offset, 1 of them exact.
It can be called off (farshore cancel p-1) until step 2, committing: the point of no return.

GROUP    TOPICS  OFFSETS  EXACT  UNREACHABLE
billing       1        1      1            0

 1. draining: Wait.
 2. committing: Commit.

warning: old offsets

To execute it: farshore apply p-1 --hash abc
";
    assert_eq!(out, expected);
    let (out, ..) = farshore(&format!("{line} --output json"), answers());
    assert_eq!(json(&out), json(&plan("")));
    let (out, _, requests) = farshore(&format!("{line} --groups-exclude x --wide"), answers());
    let row = "\nGROUP    TOPIC   P  SOURCE OFFSET  TARGET OFFSET  EXACT  UNREACHABLE\nbilling  orders  0              7              5  yes              0\n";
    assert!(out.contains(row), "{out}");
    assert_eq!(json(&requests[0].body)["groups_exclude"], json(r#"["x"]"#));
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
    let unknown = "\nHow many records never reached the target isn't known; since when records may be missing isn't known.\n";
    assert!(out.contains(unknown), "{out}");
    let line = "\nThe source's offsets are those of 2026-01-31T06:58:30Z, 1h 1m 29s before this plan: what changed there later is unknown.\n";
    assert!(out.contains(line), "{out}");
    let out = shown(r#""offsets_as_of":null"#);
    assert!(
        out.contains("\nThe groups of the source were never read.\n"),
        "{out}"
    );
}

#[test]
fn a_failover_plan_tells_what_is_at_risk_and_asks_for_no_more_than_is_allowed() {
    let lossy = r#""groups":[{"group":"a","topic":"orders","partition":0,"source_offset":7,"target_offset":5,"stands_for":7,
"exact":false,"detail":"2 behind","unreachable_records":30,"at_most":true,"metadata":null}],"at_risk":{"records":30,"ms":1200}}"#;
    let plan = plan("").replace("switchover", "failover");
    let (head, _) = plan.split_once(r#""groups":"#).unwrap();
    let answers = vec![("POST /v1/plans", vec![(201, format!("{head}{lossy}"))])];
    let line = "plan failover --link l --allow-loss records=30,ms=2000";
    let (out, _, requests) = farshore(line, answers);
    for told in [
        "1 group in 1 topic: 1 offset, 0 of them exact.\n",
        "At most 30 records never reached the target; what the source acknowledged in the 1200 ms before this plan may be missing, too.\n",
        "a           1        1      0   at most 30  orders-0: 2 behind\n",
    ] {
        assert!(out.contains(told), "{told} in {out}");
    }
    let allowed = &json(&requests[0].body)["allow_loss"];
    assert_eq!(*allowed, json(r#"{"records":30,"ms":2000}"#));
}

#[test]
fn a_blocked_plan_is_refused() {
    let blocker = r#"{"code":"group_active","message":"stop them","group":"billing"}"#;
    let answers = vec![("POST /v1/plans", vec![(201, plan(blocker))])];
    let (out, ended, _) = farshore("plan failover --link l", answers);
    assert_eq!(ended, Ok(ExitCode::Refused));
    let (first, _) = out
        .split_once("\n\nblocked: group billing: stop them\n")
        .unwrap();
    assert!(
        first.starts_with("plan p-1") && !first.contains('\n'),
        "{out}"
    );
    assert!(!out.contains("To execute it"), "{out}");
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
        "operation o-1 goes on in the service: `farshore operations o-1` follows it again, \
         `farshore cancel o-1` calls it off unless it has begun to commit"
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
fn operations_are_listed_and_one_is_followed() {
    let list = r#"[{"id":"o-2","kind":"switchover","link":"l","phase":"draining","waits_for":["orders-0 is being written to","x"],
"started_at":"2026-01-31T09:00:00Z","entered_at":"2026-01-31T09:00:01Z"},
{"id":"o-1","kind":"failover","link":"m","phase":"stopped","at":"checking","waits_for":[],
"started_at":"2026-01-31T08:00:00Z","entered_at":"2026-01-31T08:00:05Z"}]"#;
    let answers = || {
        vec![
            ("GET /v1/operations", vec![(200, list.to_owned())]),
            ("GET /v1/links/m", vec![(200, "{}".to_owned())]),
        ]
    };
    let (out, ended, _) = farshore("operations", answers());
    assert_eq!(ended, Ok(ExitCode::Done));
    let expected = "\
OPERATION  LINK  KIND        PHASE                STARTED               SINCE
o-2        l     switchover  draining             2026-01-31T09:00:00Z  2026-01-31T09:00:01Z  waits for orders-0 is being written to, and 1 more
o-1        m     failover    stopped at checking  2026-01-31T08:00:00Z  2026-01-31T08:00:05Z
";
    assert_eq!(out, expected);
    let (out, ..) = farshore("operations --link m --output json", answers());
    assert_eq!(json(&out).as_array().unwrap().len(), 1);

    let done = operation(r#""phase":"done","waits_for":[],"blockers":[]"#);
    let (out, ended, _) = farshore(
        "operations o-1",
        vec![("GET /v1/operations/o-1", vec![done])],
    );
    assert_eq!(
        (ended, out.as_str()),
        (Ok(ExitCode::Done), "operation o-1: done\n")
    );
    let missing = r#"{"title":"Not found","detail":"there is no operation o-9"}"#;
    let answers = vec![("GET /v1/operations/o-9", vec![(404, missing.to_owned())])];
    let (_, ended, _) = farshore("operations o-9", answers);
    assert_eq!(ended.unwrap_err().code, ExitCode::Usage);
}

#[test]
fn cancel_follows_until_the_groups_are_given_back() {
    let thawing = operation(r#""phase":"thawing","waits_for":[],"blockers":[]"#);
    let cancelled = |more: &str| {
        let stopped = format!(
            r#""phase":"stopped","at":"thawing","waits_for":[],"blockers":[{{"code":"cancelled","message":"cancelled by me"}}{more}]"#
        );
        let answers = vec![
            ("POST /v1/operations/o-1/cancel", vec![thawing.clone()]),
            (
                "GET /v1/operations/o-1",
                vec![thawing.clone(), operation(&stopped)],
            ),
        ];
        farshore("cancel o-1", answers)
    };
    let (out, ended, _) = cancelled("");
    assert_eq!(ended, Ok(ExitCode::Done));
    assert_eq!(
        out,
        "operation o-1: stopped at thawing\n  cancelled by me\n"
    );
    let failed = r#",{"code":"step_failed","message":"the DB is gone"}"#;
    assert_eq!(cancelled(failed).1, Ok(ExitCode::Failed));
    let late = r#"{"title":"Conflict","detail":"the operation is committing"}"#;
    let answers = vec![(
        "POST /v1/operations/o-1/cancel",
        vec![(409, late.to_owned())],
    )];
    let (_, ended, _) = farshore("cancel o-1", answers);
    assert_eq!(ended.unwrap_err().code, ExitCode::Refused);
}

#[test]
fn groups_that_were_moved_are_returned() {
    let give_back = |answer: &str| {
        let answers = vec![(
            "POST /v1/links/l/groups/return",
            vec![(200, answer.to_owned())],
        )];
        farshore("groups --link l --return bill.*", answers)
    };
    let (out, ended, requests) = give_back(r#"[{"group":"billing","moved_by":"o-1"}]"#);
    assert_eq!(ended, Ok(ExitCode::Done));
    assert_eq!(out, "group billing, moved by o-1, is carried over again\n");
    assert_eq!(json(&requests[0].body), json(r#"{"groups":["bill.*"]}"#));
    assert_eq!(give_back("[]").1.unwrap_err().code, ExitCode::Refused);
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
