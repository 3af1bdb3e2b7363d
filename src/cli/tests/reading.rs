//! Verbs that change nothing: status, translate, groups.

use super::*;

const LINKS: &str = r#"[{"name":"l","source":"paris","target":"oslo","state":"running","source_reachable":false,
"target_reachable":true,"topics":1,"partitions":2,"lag_records":12,"partitions_by_state":{"halted":1,"live":1,"open":0}}]"#;

fn topics(state: &str) -> String {
    let partition = |number, state, more| {
        format!(
            r#"{{"partition":{number},"state":"{state}","path":"raw","offsets":"translate","source_log_start":0,"source_end":52,"source_high_watermark":52,
"position":40,"target_log_start":0,"target_end":38,"lag_records":12,"lag_ms":1530,"runs":1,"records":40,"bytes":400,"batches":4,"resyncs":1,
"expired_on_target":0,"without_image":{{"lost":0,"skipped":0,"adopted":0,"target_only":0}}{more}}}"#
        )
    };
    let reason = r#","reason":{"code":"source_gap","message":"records 40 to 51 are gone","remedy":"Delete the mirror topic."}"#;
    format!(
        r#"[{{"name":"orders","mirror_topic":"paris.orders","intent":"mirror","partitions":[{},{}]}}]"#,
        partition(0, "live", ""),
        partition(1, state, reason)
    )
}

fn status(line: &str, state: &str) -> (String, Result<ExitCode, Failure>) {
    let answers = vec![
        ("GET /v1/links", vec![(200, LINKS.to_owned())]),
        ("GET /v1/links/l/topics", vec![(200, topics(state))]),
    ];
    let (out, ended, _) = farshore(line, answers);
    (out, ended)
}

#[test]
fn status_shows_links_partitions_and_reasons() {
    let (out, ended) = status("status", "halted");
    assert_eq!(ended, Ok(ExitCode::Done));
    let expected = "\
LINK  SOURCE               TARGET  STATE    TOPICS  PARTITIONS  LAG
l     paris (unreachable)  oslo    running       1           2   12  1 halted, 1 live

LINK  TOPIC   MIRROR TOPIC  P  STATE   OFFSETS    SOURCE END  POSITION  TARGET END  LAG  LAG TIME  VERIFIED
l     orders  paris.orders  0  live    translate          52        40          38   12      1.5s         -
l     orders  paris.orders  1  halted  translate          52        40          38   12      1.5s         -

l orders-1 halted: source_gap: records 40 to 51 are gone
  Delete the mirror topic.
";
    assert_eq!(out, expected);
}

#[test]
fn status_tells_how_much_is_behind_open_transactions() {
    let held = |text: String| {
        text.replace(
            r#""lag_records":12"#,
            r#""lag_records":12,"held_records":5"#,
        )
        .replace(
            r#""lag_ms":1530"#,
            r#""lag_ms":-1,"held_by":{"first_offset":40,"since":"2026-01-31T17:46:31Z","producer_id":4711,"transactional_id":"payments"}"#,
        )
    };
    let answers = vec![
        ("GET /v1/links", vec![(200, held(LINKS.to_owned()))]),
        ("GET /v1/links/l/topics", vec![(200, held(topics("live")))]),
    ];
    let (out, ended, _) = farshore("status", answers);
    assert_eq!(ended, Ok(ExitCode::Done));
    assert_eq!(out.matches("12 (5 held)").count(), 3, "{out}");
    assert_eq!(out.matches("12 (5 held)         -").count(), 2, "{out}");
    let place = |number| format!("orders-{number} (5 records from source offset 40 on)");
    let told = format!(
        "\nl {}, {} held by an open transaction of producer 4711 (transactional id payments), since 2026-01-31T17:46:31Z\n",
        place(0),
        place(1)
    );
    assert!(out.contains(&told), "{out}");
}

#[test]
fn status_tells_that_the_rate_holds_a_link_up() {
    let links = LINKS.replace(
        r#""lag_records":12"#,
        r#""lag_records":12,"rate_limited":true"#,
    );
    let answers = vec![
        ("GET /v1/links", vec![(200, links)]),
        ("GET /v1/links/l/topics", vec![(200, topics("live"))]),
    ];
    let (out, ended, _) = farshore("status", answers);
    assert_eq!(ended, Ok(ExitCode::Done));
    assert!(out.contains("running (rate limited)"), "{out}");
}

#[test]
fn status_tells_when_certificates_end() {
    let ends = r#""lag_records":12,"certificates":[
{"cluster":"paris","side":"client","ends_at":"2026-03-01T00:00:00Z"},
{"cluster":"oslo","side":"server","ends_at":"2026-04-01T00:00:00Z"}]"#;
    let answers = vec![
        (
            "GET /v1/links",
            vec![(200, LINKS.replace(r#""lag_records":12"#, ends))],
        ),
        ("GET /v1/links/l/topics", vec![(200, topics("live"))]),
    ];
    let (out, ended, _) = farshore("status", answers);
    assert_eq!(ended, Ok(ExitCode::Done));
    let told = "\nl: certificates: farshore's for paris until 2026-03-01T00:00:00Z, brokers of oslo until 2026-04-01T00:00:00Z\n";
    assert!(out.contains(told), "{out}");
    assert!(!status("status", "live").0.contains("certificates"));
}

#[test]
fn status_tells_a_diverged_partition_by_its_exit_code() {
    let (out, ended) = status("status --output json", "diverged");
    assert_eq!(ended, Ok(ExitCode::Diverged));
    let out = json(&out);
    assert_eq!(out["links"][0]["name"], "l");
    assert_eq!(
        out["links"][0]["topics"][0]["partitions"][1]["state"],
        "diverged"
    );
}

#[test]
fn translate_asks_and_shows_both_offsets() {
    let line = "translate --link l --topic t --partition 2 --offset 7 --reverse";
    let answer = r#"{"source_offset":9,"target_offset":7,"exact":false,"reason":"in a gap"}"#;
    let answers = || vec![("POST /v1/translate", vec![(200, answer.to_owned())])];
    let (out, ended, requests) = farshore(line, answers());
    assert_eq!(ended, Ok(ExitCode::Done));
    assert_eq!(
        out,
        "source offset 9\ntarget offset 7\nnot exact: in a gap\n"
    );
    let request = r#"{"link":"l","topic":"t","partition":2,"offset":7,"reverse":true}"#;
    assert_eq!(json(&requests[0].body), json(request));
    let (out, ..) = farshore(&format!("{line} --output json"), answers());
    assert_eq!(json(&out), json(answer));
}

#[test]
fn groups_show_where_each_partition_stands() {
    let answer = r#"[{"group":"billing","unsupported":false,"partitions":[
{"topic":"orders","partition":0,"source_offset":7,"target_offset":5,"state":"synced","exact":true},
{"topic":"orders","partition":1,"source_offset":9,"target_offset":null,"state":"waiting","exact":false,"detail":"not mirrored yet"}]}]"#;
    let answers = vec![("GET /v1/links/a%2Fb/groups", vec![(200, answer.to_owned())])];
    let (out, ended, _) = farshore("groups --link a/b", answers);
    assert_eq!(ended, Ok(ExitCode::Done));
    let expected = "\
GROUP    TOPIC   P  SOURCE OFFSET  TARGET OFFSET  EXACT  STATE
billing  orders  0              7              5  yes    synced
billing  orders  1              9              -  no     waiting  not mirrored yet
";
    assert_eq!(out, expected);
}

#[test]
fn groups_tell_the_age_of_the_sources_offsets_and_who_moved_them() {
    let answer = r#"[{"group":"billing","as_of":"2026-01-31T08:00:00.25Z","source_failure":"connection refused","target_as_of":"2026-01-31T09:00:00Z","unsupported":false,"partitions":[
{"topic":"orders","partition":0,"source_offset":7,"target_offset":5,"state":"moved","exact":true,"moved_by":"o-1","detail":"by operation o-1"}]}]"#;
    let answers = vec![("GET /v1/links/l/groups", vec![(200, answer.to_owned())])];
    let (out, ended, _) = farshore("groups --link l", answers);
    assert_eq!(ended, Ok(ExitCode::Done));
    let expected = "\
GROUP    TOPIC   P  SOURCE OFFSET  TARGET OFFSET  EXACT  STATE
billing  orders  0              7              5  yes    moved  by operation o-1

The groups of the source can't be read (connection refused). Source offsets are as of 2026-01-31T08:00:00Z, target offsets as of 2026-01-31T09:00:00Z.
";
    assert_eq!(out, expected);
}

#[test]
fn refusals_and_silence_have_their_exit_codes() {
    let problem = r#"{"title":"No such link","detail":"l is not configured"}"#;
    let refused = |status| {
        let answers = vec![("GET /v1/links/l/groups", vec![(status, problem.to_owned())])];
        farshore("groups --link l", answers).1.unwrap_err()
    };
    for (status, code) in [
        (400, ExitCode::Usage),
        (404, ExitCode::Usage),
        (409, ExitCode::Refused),
        (412, ExitCode::Refused),
        (423, ExitCode::Refused),
        (429, ExitCode::Failed),
        (500, ExitCode::Failed),
    ] {
        let message = "No such link: l is not configured".to_owned();
        assert_eq!(refused(status), Failure { code, message });
    }
    let (_, ended, _) = farshore(
        "groups --link l",
        vec![("GET /v1/links/l/groups", vec![(502, String::new())])],
    );
    assert_eq!(
        ended.unwrap_err().message,
        "the service answered with status 502"
    );
    let nobody = Client::new("http://127.0.0.1:1", None)
        .get(&["v1"])
        .unwrap_err();
    assert_eq!(nobody.code, ExitCode::Failed);
    assert!(
        nobody
            .message
            .starts_with("no answer from the service at http://127.0.0.1:1: "),
        "{nobody}"
    );
    let (_, ended, _) = farshore(
        "groups --link l",
        vec![("GET /v1/links/l/groups", vec![(200, "<html>".to_owned())])],
    );
    assert_eq!(ended.unwrap_err().code, ExitCode::Failed);
}

const EXPLAINED: &str = r#"{"link":"l","source":"paris","name":"eu\nx","state":"running",
"topic":{"included":false,"on_source":"absent","partitions":[],"rules":[{"rule":"excluded","expression":"e.*","text":"\"e.*\" in topics_exclude matches"},
{"rule":"included","expression":".*","text":"\".*\" in topics matches"}]},
"group":{"included":true,"rules":[{"rule":"included","expression":".*","text":"\".*\" in groups matches"}],
"status":{"unsupported":false,"partitions":[
{"topic":"t","partition":0,"source_offset":5,"target_offset":3,"state":"held","exact":false,"detail":"beyond the frontier"},
{"topic":"t","partition":1,"source_offset":5,"target_offset":5,"state":"synced","exact":true}]}}}"#;

fn explain(output: &str, answer: String) -> (String, Result<ExitCode, Failure>) {
    let answers = vec![("GET /v1/links/l/explain/eu%0Ax", vec![(200, answer)])];
    let arguments = ["explain", "--link", "l", "eu\nx", "--output", output];
    let (out, ended, _) = farshore_of(&arguments, answers);
    (out, ended)
}

#[test]
fn explain_shows_the_rules_in_their_order_and_the_state() {
    let (out, ended) = explain("table", EXPLAINED.to_owned());
    assert_eq!(ended, Ok(ExitCode::Done));
    let expected = r#"topic eu\nx: not mirrored
  decided by: "e.*" in topics_exclude matches
  applies too: ".*" in topics matches
  paris has no such topic, or farshore may not describe it

group eu\nx: carried over
  decided by: ".*" in groups matches
  offsets: 1 held, 1 synced
  t-0 held: beyond the frontier
"#;
    assert_eq!(out, expected);
    let (out, _) = explain("json", EXPLAINED.to_owned());
    assert_eq!(json(&out), json(EXPLAINED));
}

#[test]
fn explain_shows_why_a_partition_stands_still_and_what_the_link_waits_for() {
    let partitions = topics("halted");
    let partitions = &json(&partitions)[0]["partitions"].to_string();
    let answer = EXPLAINED
        .replace(r#""state":"running","#, r#""state":"waiting","detail":"source lost","#)
        .replace(r#""topic":{"included":false,"on_source":"absent","partitions":[]"#,
            &format!(r#""topic":{{"included":true,"on_source":"unknown","mirror_topic":"p.x","intent":"mirror","partitions":{partitions}"#));
    let (out, _) = explain("table", answer);
    for part in [
        "topic eu\\nx: mirrored, its mirror is p.x\n",
        "  paris doesn't answer, so it isn't known whether it has such a topic\n",
        "  intent: mirror\n  partitions: 1 halted, 1 live\n",
        "l eu\\nx-1 halted: source_gap: records 40 to 51 are gone\n  Delete the mirror topic.\n",
        "\nlink l is waiting: source lost\n",
    ] {
        assert!(out.contains(part), "{part:?} in {out}");
    }
}

#[test]
fn explain_shows_what_is_done_with_each_setting() {
    let setting = |name: &str, treatment: &str, rest: &str| {
        format!(r#"{{"name":"{name}","treatment":"{treatment}","why":"so",{rest}"x":0}}"#)
    };
    let settings = [
        setting(
            "cleanup.policy",
            "mirrored",
            r#""source":"compact","mirror":"delete","likeness":"changes","#,
        ),
        setting(
            "compression.type",
            "set",
            r#""source":"zstd","mirror":"producer","likeness":"differs","#,
        ),
        setting(
            "min.compaction.lag.ms",
            "excluded",
            r#""source":"5","mirror":"4","likeness":"differs","expression":"min.*","#,
        ),
        setting(
            "retention.ms",
            "at_least",
            r#""source":"5","mirror":"5","likeness":"same","#,
        ),
        setting("segment.ms", "not_mirrored", ""),
        setting("segment.bytes", "not_mirrored", ""),
    ];
    let answer = EXPLAINED.replace(
        r#""topic":{"included":false,"#,
        &format!(
            r#""topic":{{"included":true,"settings":[{}],"#,
            settings.join(",")
        ),
    );
    let (out, _) = explain("table", answer);
    let expected = r#"  setting                source   mirror
  cleanup.policy         compact  delete    mirrored, going to be changed: so
  compression.type       zstd     producer  set by farshore, differs on purpose: so
  min.compaction.lag.ms  5        4         left alone: "min.*" in config_exclude matches
  retention.ms           5        5         at least the source's: so
  not mirrored, so: segment.ms, segment.bytes
"#;
    assert!(out.contains(expected), "{out}");
}

/// A row is a line, whatever a group is called.
#[test]
fn groups_with_control_characters_are_shown_in_one_line_each() {
    let groups = r#"[{"group":"a\nb\u001b[2J","unsupported":false,"partitions":[
{"topic":"t","partition":0,"source_offset":5,"target_offset":5,"state":"synced","exact":true}]}]"#;
    let answers = vec![("GET /v1/links/l/groups", vec![(200, groups.to_owned())])];
    let (out, ended, _) = farshore("groups --link l", answers);
    assert_eq!(ended, Ok(ExitCode::Done));
    assert_eq!(out.lines().count(), 2, "{out:?}");
    assert!(out.contains(r"a\nb\u{1b}[2J  t"), "{out:?}");
}
