use crate::config::{GroupFilter, TopicFilter};
use crate::model::GroupId;

use super::*;

/// The facts about a link with these lists, whose source has these topics and groups, and no other findings.
fn with(topics: &TopicFilter, groups: &GroupFilter, names: &[&str]) -> Facts {
    let mut facts = healthy();
    let of_source: Vec<TopicName> = names.iter().map(|name| TopicName::new(*name)).collect();
    let of_groups: Vec<GroupId> = names.iter().map(|name| GroupId::new(*name)).collect();
    let found = found(&mut facts);
    found.idle_topics = topics.idle(of_source.iter().map(|it| (it, false)));
    found.idle_groups = groups.idle(of_groups.iter());
    found.groups = Some(of_groups.iter().filter(|it| groups.matches(it)).count());
    facts
}

fn topics(include: &[&str], exclude: &[&str]) -> TopicFilter {
    TopicFilter::new(include, exclude).unwrap()
}

fn groups(include: &[&str], exclude: &[&str]) -> GroupFilter {
    GroupFilter::new(include, exclude).unwrap()
}

const NAMES: [&str; 3] = ["eu.a", "eu.b", "orders"];

#[test]
fn expressions_without_topics_are_problems_and_links_without_groups_are_not() {
    let any = (&topics(&["orders"], &[]), &groups(&[".*"], &[]));
    assert_eq!(findings(&with(any.0, any.1, &NAMES)), []);
    let idle = topics(&["orders", r"us\..*"], &[]);
    let facts = with(&idle, any.1, &NAMES);
    assert_only(&facts, Severity::Problem, r#""us\\..*""#, "whole names");
    let facts = with(any.0, &groups(&["none", "no.*"], &[]), &NAMES);
    assert_only(
        &facts,
        Severity::Advice,
        "groups selects no consumer group",
        "Describe",
    );
    let facts = with(any.0, &groups(&["orders", "none"], &[]), &NAMES);
    let what = r#"the expression "none" in groups selects no consumer group of paris"#;
    assert_only(&facts, Severity::Advice, what, "Describe");
}

/// Creating such a topic, or granting permissions on it, would change nothing.
#[test]
fn a_topic_that_is_never_mirrored_is_told_with_the_rule_that_excludes_it() {
    let any = groups(&[".*"], &[]);
    for (expression, exclude, what, fix) in [
        (
            r"eu\..*",
            "eu.*",
            r#"excluded: eu.a, eu.b ("eu.*" in topics_exclude matches)"#,
            r#"Change "eu.*""#,
        ),
        (
            r"eu\.a",
            "eu.*",
            r#"excluded: eu.a ("eu.*" in topics_exclude matches)"#,
            r#"Change "eu.*""#,
        ),
        // Also if the source has no such topic.
        (
            "gone",
            "go.*",
            r#"excluded: gone ("go.*" in topics_exclude matches)"#,
            r#"Change "go.*""#,
        ),
        (
            "__consumer_offsets",
            "-",
            "excluded: __consumer_offsets (topics whose names begin with",
            "no setting includes",
        ),
        (
            "__farshore.l",
            "-",
            "are journals of links",
            "no setting includes",
        ),
        (
            "farshore-quarantine-l",
            "-",
            "are farshore's own",
            "no setting includes",
        ),
        (
            "mm2-status.a.internal",
            "-",
            "MirrorMaker 2",
            "no setting includes",
        ),
        ("oslo.orders", "-", "in a circle", "naming"),
    ] {
        let filter = topics(&["orders", expression], &[exclude]).without_copies(
            &"paris".into(),
            &"oslo".into(),
            [&"oslo".into()],
        );
        let facts = with(&filter, &any, &NAMES);
        assert_only(&facts, Severity::Problem, what, fix);
        let finding = only(&facts);
        let begin = format!("the expression {expression:?} in topics selects no topic of paris; ");
        assert!(finding.what.starts_with(&begin), "{finding:?}");
        assert!(!finding.fix.contains("grant"), "{finding:?}");
    }
    let filter = topics(&["orders", "app.*"], &["app-b"]);
    let facts = with(&filter, &any, &["orders", "app-a-repartition", "app-b"]);
    assert_only(&facts, Severity::Problem, "excluded: app-b (", "app-b");
    assert_only(
        &facts,
        Severity::Problem,
        "excluded: app-a-repartition (",
        "on_gap",
    );
}

#[test]
fn a_group_that_is_never_carried_over_is_told_with_the_rule_that_excludes_it() {
    let any = topics(&["orders"], &[]);
    let all = groups(&[".*"], &["eu.*", "orders"]);
    let facts = with(&any, &all, &NAMES);
    let what = r#"excluded: orders ("orders" in groups_exclude matches)"#;
    assert_only(
        &facts,
        Severity::Advice,
        what,
        r#"Change "eu.*" in groups_exclude"#,
    );
    let facts = with(&any, &groups(&["orders", "gone"], &["go.*"]), &NAMES);
    let what = r#"excluded: gone ("go.*" in groups_exclude matches)"#;
    assert_only(
        &facts,
        Severity::Advice,
        what,
        "remove the expression from groups",
    );
    let facts = with(&any, &groups(&["a.b"], &["a.*"]), &["orders", "a\nb"]);
    assert_only(
        &facts,
        Severity::Advice,
        r"excluded: a\nb (",
        "groups_exclude",
    );
}
