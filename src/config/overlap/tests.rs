use proptest::prelude::*;

use super::*;
use crate::config::expression::Expression;
use crate::config::policies::{Exception, Given, PolicyRules};
use crate::model::{ClusterName, Policy};

fn filter(include: &[&str], exclude: &[&str]) -> TopicFilter {
    TopicFilter::new(include, exclude).unwrap()
}

fn plain(filters: usize) -> Vec<NameCondition> {
    (0..filters).map(|filter| condition(filter, "")).collect()
}

fn condition(filter: usize, prefix: &str) -> NameCondition {
    NameCondition {
        filter,
        prefix: prefix.to_owned(),
    }
}

/// The answer for a name that all filters select.
fn overlap(filters: &[TopicFilter]) -> Overlap {
    Overlaps::new(filters).find(&plain(filters.len()))
}

fn example(name: &str) -> Overlap {
    Overlap::Example(TopicName::new(name))
}

#[test]
fn the_shortest_common_name_is_the_example() {
    type Case<'a> = (&'a [&'a str], &'a [&'a str], &'a [&'a str], Overlap);
    let cases: [Case<'_>; 10] = [
        (&["orders"], &[], &["orders"], example("orders")),
        (&["orders"], &[], &["payments"], Overlap::Disjoint),
        (&["pay.*"], &[], &[".*ments"], example("payments")),
        (&[".*"], &[], &[".*"], example("a")),
        (&[r"eu\..*"], &[], &[r"us\..*"], Overlap::Disjoint),
        (&[".*"], &[r"eu\..*"], &[r"eu\..*"], Overlap::Disjoint),
        (&["a", r"eu\..*"], &["a"], &["a", "eu.b+"], example("eu.b")),
        (&[r"(?i)ORDERS"], &[], &["[a-z]+"], example("orders")),
        (&[r"a\b.*"], &[], &["a[.b]"], example("a.")),
        (&[".*"], &["a.*"], &["a.*"], Overlap::Disjoint),
    ];
    for (include, exclude, other, expected) in cases {
        let found = overlap(&[filter(include, exclude), filter(other, &[])]);
        assert_eq!(
            found, expected,
            "{include:?} without {exclude:?}, {other:?}"
        );
    }
}

#[test]
fn names_that_no_topic_has_are_no_examples() {
    for expression in ["", r"\.", r"\.\.", "a{250}", "ä", "a b", "a/b"] {
        let found = overlap(&[filter(&[expression], &[]), filter(&[expression], &[])]);
        assert_eq!(found, Overlap::Disjoint, "{expression:?}");
    }
    let long = overlap(&[filter(&["a{249}"], &[]), filter(&[".*"], &[])]);
    assert_eq!(long, example(&"a".repeat(249)));
    let dots = overlap(&[filter(&[r"\.*"], &[]), filter(&[r"\.+"], &[])]);
    assert_eq!(dots, example("..."));
}

#[test]
fn what_is_never_mirrored_is_no_example() {
    let cases: [(&str, Overlap); 6] = [
        ("__.*", Overlap::Disjoint),
        ("farshore-.*", Overlap::Disjoint),
        (r"mm2-offsets\..*\.internal", Overlap::Disjoint),
        (r"x\.checkpoints\.internal", Overlap::Disjoint),
        ("[a-z]+-repartitio[n]", Overlap::Disjoint),
        ("a+-repartition", example("a-repartition")),
    ];
    for (expression, expected) in cases {
        let other = filter(&[".*", "a.*-repartition"], &[]);
        let found = overlap(&[filter(&[expression], &[]), other]);
        assert_eq!(found, expected, "{expression}");
    }
}

#[test]
fn a_policy_that_includes_topics_counts() {
    let exception = Exception {
        topics: vec![Expression::new("b.*").unwrap()],
        given: Given {
            gap: Some(Policy::Follow),
            ..Given::default()
        },
    };
    let policies = PolicyRules::new(Given::default(), vec![exception]);
    let purged = filter(&["[ab]+-repartitio[n]"], &[]).with_purged_ones(policies);
    assert_eq!(overlap(&[purged]), example("b-repartition"));
}

#[test]
fn expressions_that_grow_too_large_are_undecided_and_harm_no_others() {
    let large = || filter(&["(a|b)*a(a|b){24}c", "x"], &[]);
    let other = filter(&["(a|b)*b(a|b){23}d", "y"], &[]);
    let filters = [large(), other, filter(&["q"], &[])];
    let mut overlaps = Overlaps::new(&filters);
    assert_eq!(overlaps.find(&plain(2)), Overlap::Undecided);
    let conditions = [condition(0, ""), condition(2, "")];
    assert_eq!(overlaps.find(&conditions), Overlap::Disjoint);
}

#[test]
fn a_growing_name_has_to_be_selected_each_time() {
    let all = [filter(&[".*"], &[])];
    let once = [filter(&["orders", r"paris\.orders"], &[])];
    let twice = [filter(&[r"(paris\.){0,2}orders"], &[])];
    let exactly = [filter(&[r"(paris\.)*orders"], &[r"paris\..*\.x"])];
    let find = |filters: &[TopicFilter]| {
        Overlaps::new(filters).find_endless(&[condition(0, "")], "paris.")
    };
    assert_eq!(find(&all), example("a"));
    assert_eq!(find(&once), Overlap::Disjoint);
    assert_eq!(find(&twice), Overlap::Disjoint);
    assert_eq!(find(&exactly), example("orders"));
    let counted = [filter(&[r"(paris\.){0,9}orders"], &[])];
    assert_eq!(find(&counted), Overlap::Undecided);
}

/// Expressions over a small alphabet.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("a".to_owned()),
        Just("b".to_owned()),
        Just(r"\.".to_owned()),
        Just(".".to_owned()),
        Just("[ab]".to_owned()),
        Just(r"\b".to_owned()),
        Just("__".to_owned()),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|all| all.concat()),
            prop::collection::vec(inner.clone(), 1..3)
                .prop_map(|all| format!("(?:{})", all.join("|"))),
            inner.clone().prop_map(|it| format!("(?:{it})*")),
            inner.clone().prop_map(|it| format!("(?:{it})?")),
            inner.prop_map(|it| format!("(?:{it}){{2}}")),
        ]
    })
}

fn any_filter() -> impl Strategy<Value = TopicFilter> {
    let expressions = |least| prop::collection::vec(expression(), least..3);
    let clusters = ["a", "b"].map(ClusterName::new);
    (expressions(1), expressions(0), any::<bool>()).prop_map(move |(include, exclude, prefix)| {
        let filter = TopicFilter::new(&include, &exclude).unwrap();
        if prefix {
            filter.without_copies(&clusters[0], &clusters[1], &clusters)
        } else {
            filter
        }
    })
}

/// All legal names of at most `length` characters over the alphabet of [`expression`].
fn names(length: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..length {
        let longer = |name: &String| ["a", "b", ".", "_"].map(|it| format!("{name}{it}"));
        last = last.iter().flat_map(longer).collect();
        all.extend(last.clone());
    }
    all.retain(|name| !matches!(name.as_str(), "" | "." | ".."));
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn answers_agree_with_trying_every_short_name(
        filters in prop::collection::vec(any_filter(), 1..4),
        prefixes in prop::collection::vec(prop_oneof![Just(""), Just("a."), Just("b")], 4),
    ) {
        let conditions: Vec<NameCondition> =
            (0..filters.len()).map(|it| condition(it, prefixes[it])).collect();
        let selects = |name: &str| {
            conditions.iter().all(|it| {
                let name = TopicName::new(format!("{}{name}", it.prefix));
                filters[it.filter].matches(&name)
            })
        };
        let naive = names(5).into_iter().find(|name| selects(name));
        match Overlaps::new(&filters).find(&conditions) {
            Overlap::Example(name) => {
                prop_assert!(selects(name.as_str()), "{name}");
                let short = naive.is_none_or(|it| name.as_str().len() <= it.len());
                prop_assert!(short, "{name} isn't the shortest");
            }
            Overlap::Disjoint => prop_assert_eq!(naive, None),
            Overlap::Undecided => prop_assert!(false, "undecided"),
        }
    }
}
