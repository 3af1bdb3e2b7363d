use std::sync::LazyLock;

use super::*;
use crate::config::policies::Given;

static PARIS: LazyLock<ClusterName> = LazyLock::new(|| ClusterName::new("paris"));
static OSLO: LazyLock<ClusterName> = LazyLock::new(|| ClusterName::new("oslo"));
static ROME: LazyLock<ClusterName> = LazyLock::new(|| ClusterName::new("rome"));

fn matching(filter: &TopicFilter, names: &[&str]) -> Vec<String> {
    let matching = |name: &&&str| filter.matches(&TopicName::new(**name));
    names
        .iter()
        .filter(matching)
        .map(ToString::to_string)
        .collect()
}

#[test]
fn expressions_match_whole_names_and_exclusions_win() {
    let filter = TopicFilter::new(&["orders|payments", r"eu\..*"], &[r"eu\.test.*"]).unwrap();
    let names = [
        "orders",
        "orders2",
        "xpayments",
        "eu.a",
        "euxa",
        "eu.test1",
        "payments",
    ];
    assert_eq!(matching(&filter, &names), ["orders", "eu.a", "payments"]);
    let groups = GroupFilter::new(&[".*"], &["console-.*"]).unwrap();
    assert!(groups.matches(&GroupId::new("billing")));
    assert!(!groups.matches(&GroupId::new("console-consumer-1")));
}

#[test]
fn internal_topics_never_match_but_their_likes_do() {
    let filter = TopicFilter::new(&[".*"], &[] as &[&str]).unwrap();
    let internal = [
        "__consumer_offsets",
        "__transaction_state",
        "farshore-journal",
        "mm2-offset-syncs.oslo.internal",
        "mm2-configs.paris.internal",
        "paris.checkpoints.internal",
    ];
    assert!(matching(&filter, &internal).is_empty());
    let ordinary = ["orders.internal", "_schemas", "farshore", "mm2-status"];
    assert_eq!(matching(&filter, &ordinary), ordinary);
}

#[test]
fn topics_that_are_purged_all_the_time_have_to_be_meant() {
    let names = ["app-x-repartition", "app-x-changelog", "repartition"];
    let filter = |expression| TopicFilter::new(&[expression], &[] as &[&str]).unwrap();
    assert_eq!(matching(&filter("(app|rep).*"), &names), &names[1..]);
    assert_eq!(matching(&filter(".*-repartition"), &names), &names[..1]);
    let follow = Given {
        gap: Some(Policy::Follow),
        ..Given::default()
    };
    let follows = PolicyRules::new(follow, Vec::new());
    let filter = filter(".*").with_purged_ones(follows);
    assert_eq!(matching(&filter, &names), names);
}

#[test]
fn copies_from_the_target_do_not_go_round() {
    let filter = TopicFilter::new(&[".*"], &[] as &[&str])
        .unwrap()
        .without_copies(&PARIS, &OSLO, [&*PARIS, &*OSLO, &*ROME]);
    let names = [
        "oslo.orders",
        "rome.oslo.orders",
        "rome.rome.oslo.orders",
        "rome.orders",
        "orders",
        "oslo",
        "x.oslo",
        "sales.oslo.orders",
        "rome.sales.oslo.orders",
    ];
    assert_eq!(matching(&filter, &names), &names[3..]);
}

#[test]
fn topics_with_the_sources_own_name_in_front_have_to_be_named() {
    let names = ["paris.orders", "paris.paris.orders", "paris", "parisian.x"];
    let filter = |include: &[&str]| {
        let filter = TopicFilter::new(include, &[] as &[&str]).unwrap();
        filter.without_copies(&PARIS, &OSLO, [&*PARIS, &*OSLO])
    };
    assert_eq!(matching(&filter(&[".*"]), &names), &names[2..]);
    let literal = filter(&[".*", r"paris\.orders", "oslo.x"]);
    assert_eq!(
        matching(&literal, &["paris.orders", "paris.paris.orders", "oslo.x"]),
        ["paris.orders"]
    );
    assert!(matching(&filter(&["paris.order[s]"]), &names).is_empty());
}

#[test]
fn expressions_that_select_nothing_are_told_as_written() {
    let expressions = ["orders|none", "a(b)+", "__.*", "old\\..*"];
    let filter = TopicFilter::new(&expressions, &["old.*"]).unwrap();
    let names = ["orders", "ab", "__consumer_offsets", "old.1"].map(TopicName::new);
    let names: Vec<&TopicName> = names.iter().collect();
    assert_eq!(filter.idle(&names), ["__.*", "old\\..*"]);
    assert_eq!(filter.idle(&[]), expressions);
}

#[test]
fn a_bad_expression_is_named_with_its_reason() {
    let text = |expression| anchored(expression).unwrap_err();
    assert_eq!(
        text("a("),
        r#"not a regular expression: "a(": unclosed group"#
    );
    assert_eq!(
        text("a)(b"),
        r#"not a regular expression: "a)(b": unopened group"#
    );
}
