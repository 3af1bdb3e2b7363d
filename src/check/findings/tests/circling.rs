use super::*;
use crate::check::circles;
use crate::config::{Config, load};

/// Links both ways between `paris` and `oslo`; the way back ends at `back`, which may be another name of `paris`.
fn config(there: &str, here: &str, back: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("farshore.toml");
    let cluster = |name: &str| format!("[clusters.{name}]\nbootstrap_servers = [\"{name}:1\"]\n");
    let link = |name: &str, source: &str, target: &str, topics: &str| {
        format!(
            "[links.{name}]\nsource = \"{source}\"\ntarget = \"{target}\"\ntopics = [\"{topics}\"]\n"
        )
    };
    let text = [
        ["paris", "oslo", "twin"].map(cluster).concat(),
        link("there", "paris", "oslo", there),
        link("back", "oslo", back, here),
    ];
    std::fs::write(&file, text.concat()).unwrap();
    load(&file).unwrap()
}

/// The findings where the clusters report these ids and both links select `topic_name`.
fn found_with(config: &Config, ids: [&str; 3], topic_name: &str) -> Facts {
    let clusters = ["oslo", "paris", "twin"].into_iter().zip(ids);
    let link = |link: &crate::config::LinkConfig| {
        let topics = [(topic_name.into(), topic(topic_name, present(ALL)))];
        LinkFacts {
            name: link.name.clone(),
            source: link.source.clone(),
            target: link.target.clone(),
            fetch_connections: None,
            found: Some(Ok(Found {
                topics: BTreeMap::from(topics),
                groups: Some(1),
                ..Found::default()
            })),
        }
    };
    let mut facts = Facts {
        now: 0,
        clusters: clusters
            .map(|(name, id)| (name.into(), cluster(id)))
            .collect(),
        links: config.links.iter().map(link).collect(),
        circles: Vec::new(),
    };
    facts.circles = circles::facts(config, &facts);
    facts
}

const LARGE: [&str; 2] = ["(a|b)*a(a|b){24}", "(a|b)*b(a|b){23}"];

#[test]
fn a_cluster_under_two_names_closes_a_circle() {
    let config = config("orders", "ord.*", "twin");
    let apart = found_with(&config, ["o", "p", "t"], "orders");
    assert_eq!(findings(&apart), []);
    let same = found_with(&config, ["o", "p", "p"], "orders");
    let what = "topic orders would be mirrored in a circle";
    assert_only(&same, Severity::Problem, what, "topics_exclude");
    assert_eq!(only(&same).subject, "links back, there");
}

#[test]
fn where_expressions_are_too_complex_the_topics_that_exist_decide() {
    let config = config(LARGE[0], LARGE[1], "paris");
    let common = format!("ab{}", "a".repeat(23));
    let round = found_with(&config, ["o", "p", "t"], &common);
    let what = format!("topic {common} would be mirrored in a circle");
    assert_only(&round, Severity::Problem, &what, "topics_exclude");
    let others = found_with(&config, ["o", "p", "t"], "b");
    assert_eq!(findings(&others), []);
}

#[test]
fn topics_that_could_not_be_read_leave_it_open() {
    let config = config(LARGE[0], LARGE[1], "paris");
    let mut facts = found_with(&config, ["o", "p", "t"], "b");
    facts.links[0].found = None;
    facts.circles = circles::facts(&config, &facts);
    let what = "too complex to tell";
    assert_only(&facts, Severity::Advice, what, "simpler expressions");
}
