use super::*;
use crate::config::{Config, parse};

/// A configuration of these links (name, source, target, further keys), between clusters that share no address; its own
/// circles are left out, as if the clusters were known under other names.
fn config(links: &[(&str, &str, &str, &str)]) -> Config {
    let mut text = Vec::new();
    let mut ends: Vec<String> = Vec::new();
    for (name, source, target, keys) in links {
        let [source, target] = [(source, "out"), (target, "in")].map(|(cluster, side)| {
            // Each link has clusters of its own, so that the file is accepted.
            format!("{cluster}-{name}-{side}")
        });
        text.push(format!(
            "[links.{name}]\nsource = \"{source}\"\ntarget = \"{target}\"\n{keys}\n"
        ));
        ends.extend([source, target]);
    }
    for (number, end) in ends.iter().enumerate() {
        text.push(format!(
            "[clusters.{end}]\nbootstrap_servers = [\"c{number}:1\"]\n"
        ));
    }
    parse(&text.concat(), &|_| None).unwrap()
}

/// The circles among links, each as their names and the example; clusters are the same if they begin with the same word.
fn found(links: &[(&str, &str, &str, &str)]) -> Vec<String> {
    let config = config(links);
    let number = |name: &str| {
        links
            .iter()
            .flat_map(|it| [it.1, it.2])
            .position(|it| it == name)
    };
    let hops: Vec<Hop<'_>> = config
        .links
        .iter()
        .map(|link| {
            let by_name = links.iter().find(|it| it.0 == link.name.as_str()).unwrap();
            Hop {
                source: number(by_name.1).unwrap(),
                target: number(by_name.2).unwrap(),
                link,
            }
        })
        .collect();
    let circles = circles(&hops);
    assert!(circles.complete);
    let told = circles.found.iter().map(|circle| {
        let names = circle
            .links
            .iter()
            .map(|it| config.links[*it].name.as_str());
        let topic = circle.topic.as_ref().map_or("?", TopicName::as_str);
        format!("{}: {topic}", names.collect::<Vec<&str>>().join(" "))
    });
    told.collect()
}

const ALL: &str = "topics = [\".*\"]";
const ORDERS: &str = "topics = [\"orders\"]";
const PREFIXED: &str = "topics = [\".*\"]\nnaming = \"prefix\"";

#[test]
fn two_links_both_ways_are_a_circle_if_they_share_a_topic() {
    let both = |one, other| found(&[("a", "paris", "oslo", one), ("b", "oslo", "paris", other)]);
    assert_eq!(both(ALL, ORDERS), ["a b: orders"]);
    assert_eq!(both(ALL, ALL), ["a b: a"]);
    let without = "topics = [\".*\"]\ntopics_exclude = [\"ord.*\"]";
    assert!(both(without, ORDERS).is_empty());
}

#[test]
fn longer_circles_are_found_and_open_chains_are_not() {
    let chain = [
        ("a", "paris", "oslo", ALL),
        ("b", "oslo", "rome", ORDERS),
        ("c", "rome", "bonn", ALL),
    ];
    assert!(found(&chain).is_empty());
    let [a, b, c] = chain;
    let closed = [a, b, c, ("d", "bonn", "paris", "topics = [\"o.*\"]")];
    assert_eq!(found(&closed), ["a b c d: orders"]);
    let apart = [a, b, c, ("d", "bonn", "paris", "topics = [\"p.*\"]")];
    assert!(found(&apart).is_empty());
}

#[test]
fn every_circle_is_found_once() {
    let links = [
        ("a", "paris", "oslo", ALL),
        ("b", "oslo", "paris", ORDERS),
        ("c", "oslo", "rome", ORDERS),
        ("d", "rome", "paris", ALL),
        ("e", "paris", "oslo", "topics = [\"payments\"]"),
    ];
    assert_eq!(found(&links), ["a b: orders", "a c d: orders"]);
}

#[test]
fn a_growing_name_is_a_circle_if_it_is_selected_each_time() {
    let both = [
        ("a", "paris", "oslo", PREFIXED),
        ("b", "oslo", "paris", ALL),
    ];
    assert!(found(&both).is_empty(), "the source's own name is in front");
    let around = |last| {
        found(&[
            ("a", "paris", "oslo", PREFIXED),
            ("b", "oslo", "rome", ALL),
            ("c", "rome", "bonn", PREFIXED),
            ("d", "bonn", "paris", last),
        ])
    };
    assert_eq!(around(ALL), ["a b c d: a"]);
    assert!(around(ORDERS).is_empty());
    let longer = "topics = [\"orders\", '.*\\.orders']";
    assert_eq!(around(longer), ["a b c d: orders"]);
}

#[test]
fn a_real_topic_is_followed_around() {
    let config = config(&[
        ("a", "paris", "oslo", PREFIXED),
        (
            "b",
            "oslo",
            "paris",
            "topics = [\"paris-a-out.orders\", \"x\"]",
        ),
        ("c", "oslo", "paris", ALL),
    ]);
    let [a, b, c] = &config.links[..] else {
        panic!("three links");
    };
    let orders = TopicName::new("orders");
    assert!(!goes_round(&[a, b], &orders));
    assert!(!goes_round(&[a, c], &orders));
    assert!(!goes_round(&[b, c], &orders));
    assert!(goes_round(&[b, c], &TopicName::new("x")));
}
