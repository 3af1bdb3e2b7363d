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

/// A group may have any name; a line break is the one character that `.` doesn't match by default.
#[test]
fn expressions_match_names_of_any_characters() {
    let names = [
        "\n",
        "a\nb",
        "night\r\nly\n",
        "tab\t\u{1b}[2J\u{0}\u{85}\u{2028}",
        "\u{1f4a5}",
        "",
    ];
    let groups = |exclude: &[&str]| GroupFilter::new(&[".*"], exclude).unwrap();
    for name in names {
        assert!(groups(&[]).matches(&name.into()), "{name:?}");
        assert!(!groups(&[".*"]).matches(&name.into()), "{name:?}");
        let topics = TopicFilter::new(&[".*"], &[] as &[&str]).unwrap();
        assert!(topics.matches(&name.into()), "{name:?}");
    }
    let one = GroupFilter::new(&["night.+ly."], &["a.b"]).unwrap();
    assert!(one.matches(&"night\r\nly\n".into()));
    assert!(!groups(&["a.b"]).matches(&"a\nb".into()));
    // Whole names, not lines of names.
    let line = GroupFilter::new(&["a", "^b$"], &[] as &[&str]).unwrap();
    assert!(!line.matches(&"a\nb".into()) && !line.matches(&"a\n".into()));
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

/// The rules that apply to a topic, as `kind` or `kind expression`.
fn rules(filter: &TopicFilter, topic: &str) -> Vec<String> {
    shown(filter.rules(&topic.into(), false))
}

fn shown(rules: impl Iterator<Item = NameRule>) -> Vec<String> {
    let shown = |rule: NameRule| {
        let kind = serde_json::to_value(rule.kind).unwrap();
        let kind = kind.as_str().unwrap().to_owned();
        match rule.expression {
            Some(expression) => format!("{kind} {expression}"),
            None => kind,
        }
    };
    rules.map(shown).collect()
}

#[test]
fn the_rules_that_apply_are_told_in_the_order_in_which_they_decide() {
    let filter = TopicFilter::new(
        &["orders|eu.*", ".*-repartition", "eu\\.a", "oslo.*", "_.*"],
        &["eu\\.te.*", "eu.*t", "never"],
    )
    .unwrap()
    .without_copies(&PARIS, &OSLO, [&*PARIS, &*OSLO]);
    for (topic, expected) in [
        ("orders", &["included orders|eu.*"][..]),
        ("eu.a", &["included orders|eu.*", "included eu\\.a"]),
        (
            "eu.test",
            &[
                "excluded eu\\.te.*",
                "excluded eu.*t",
                "included orders|eu.*",
            ],
        ),
        ("never", &["excluded never", "not_included"]),
        ("other", &["not_included"]),
        (
            "eu-x-repartition",
            &["included orders|eu.*", "included .*-repartition"],
        ),
        ("__consumer_offsets", &["internal_topic", "included _.*"]),
        ("__farshore.paris-oslo", &["journal_topic", "included _.*"]),
        ("farshore-quarantine-l", &["farshore_topic", "not_included"]),
        (
            "mm2-status.a.internal",
            &["mirror_maker_topic", "not_included"],
        ),
        ("oslo.orders", &["copy_from_target", "included oslo.*"]),
    ] {
        assert_eq!(rules(&filter, topic), expected, "{topic}");
    }
    let internal = shown(filter.rules(&"orders".into(), true));
    assert_eq!(internal, ["internal_topic", "included orders|eu.*"]);
    let purged = TopicFilter::new(&["a.*"], &["a.b.*"]).unwrap();
    let expected = ["excluded a.b.*", "purged_topic", "included a.*"];
    assert_eq!(rules(&purged, "a-b-repartition"), expected);
    let groups = GroupFilter::new(&["a.*", "b"], &["ab"]).unwrap();
    let of = |group: &str| shown(groups.rules(&group.into()));
    assert_eq!(of("ab"), ["excluded ab", "included a.*"]);
    assert_eq!(of("b"), ["included b"]);
    assert_eq!(of("__consumer_offsets"), ["not_included"]);
}

/// A name matches exactly if the first of its rules includes it, and no other rule than one by an expression does.
#[test]
fn what_is_explained_is_what_is_decided() {
    let parts = [
        "",
        "__",
        "farshore-",
        "oslo.",
        "a",
        "\n",
        "-repartition",
        ".checkpoints.internal",
    ];
    let expressions = [".*", "a.*", ".*-repartition", "oslo\\..*", "(?-s:.)+"];
    let follow = Given {
        gap: Some(Policy::Follow),
        ..Given::default()
    };
    for (include, exclude, policies) in expressions.iter().flat_map(|include| {
        let exclusions = expressions.iter().skip(1).chain([&"never"]);
        exclusions.flat_map(move |exclude| {
            [Given::default(), follow]
                .map(|given| (*include, *exclude, PolicyRules::new(given, Vec::new())))
        })
    }) {
        let filter = TopicFilter::new(&[include], &[exclude]).unwrap();
        let filter = filter
            .without_copies(&PARIS, &OSLO, [&*PARIS, &*OSLO])
            .with_purged_ones(policies);
        for name in parts
            .iter()
            .flat_map(|a| parts.iter().map(move |b| format!("{a}{b}")))
        {
            let topic = TopicName::new(name.as_str());
            let rules: Vec<NameRule> = filter.rules(&topic, false).collect();
            let kinds: Vec<RuleKind> = rules.iter().map(|rule| rule.kind).collect();
            assert!(kinds.is_sorted(), "{name:?}: {kinds:?}");
            let decided = rules.first().is_some_and(NameRule::includes);
            assert_eq!(filter.matches(&topic), decided, "{name:?}");
            assert_eq!(decided, rules.iter().all(NameRule::includes), "{name:?}");
            assert!(!filter.rule(&topic, true).includes(), "{name:?}");
        }
    }
}

#[test]
fn expressions_that_select_nothing_are_told_as_written_with_the_rule_that_excludes_what_they_match()
{
    let expressions = [
        "orders|none",
        "a(b)+",
        "__.*",
        "old\\..*",
        "old\\.2",
        "no.*",
        "missing",
    ];
    let filter = TopicFilter::new(&expressions, &["old.*"]).unwrap();
    let names = ["orders", "ab", "__consumer_offsets", "old.1", "nothing"].map(TopicName::new);
    let flagged = |name: &&TopicName| name.as_str() == "nothing";
    let idle = filter.idle(names.iter().map(|name| (name, flagged(&name))));
    let told: Vec<String> = idle
        .into_iter()
        .map(|it| {
            let excluded = it.excluded.into_iter();
            let excluded = excluded.map(|(name, rule)| format!("{name} {}", rule.text("topics")));
            format!(
                "{}: {}",
                it.expression,
                excluded.collect::<Vec<_>>().join(", ")
            )
        })
        .collect();
    let internal = RuleKind::InternalTopic;
    let internal = NameRule::from(internal).text("topics");
    let excluded = "\"old.*\" in topics_exclude matches";
    assert_eq!(
        told,
        [
            format!("__.*: __consumer_offsets {internal}"),
            format!("old\\..*: old.1 {excluded}"),
            format!("old\\.2: old.2 {excluded}"),
            format!("no.*: nothing {internal}"),
            "missing: ".to_owned(),
        ]
    );
    let none = filter.idle(std::iter::empty());
    let none: Vec<_> = none.into_iter().map(|it| it.expression).collect();
    assert_eq!(none, expressions);
}

#[test]
fn a_bad_expression_is_named_with_its_reason() {
    let text = |expression| Expression::new(expression).unwrap_err();
    assert_eq!(
        text("a("),
        r#"not a regular expression: "a(": unclosed group"#
    );
    assert_eq!(
        text("a)(b"),
        r#"not a regular expression: "a)(b": unopened group"#
    );
}
