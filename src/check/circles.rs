//! Checks whether topics would be mirrored in a circle, by the ids that the clusters report and, where expressions are too
//! complex to compare, by the topics that exist. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::circle::{Hop, circles, goes_round, on_cycle};
use crate::config::{Config, LinkConfig};
use crate::model::{ClusterName, LinkName, TopicName};

use super::facts::{CircleFacts, ClusterFacts, Facts, Found};
use super::finding::{Finding, advice, problem};

/// Finds the circles, given all other facts.
pub(super) fn facts(config: &Config, facts: &Facts) -> Vec<CircleFacts> {
    let numbers = numbered(&facts.clusters);
    let hop = |link| Hop::of(link, &numbers);
    let hops: Option<Vec<Hop<'_>>> = config.links.iter().map(hop).collect();
    let hops = hops.unwrap_or_default();
    let by_expressions = circles(&hops);
    let found: Vec<(&LinkName, &Found)> = facts
        .links
        .iter()
        .filter_map(|it| Some((&it.name, it.found.as_ref()?.as_ref().ok()?)))
        .collect();
    let selected = |link: &LinkConfig| {
        let of_link = found.iter().find(|(name, _)| **name == link.name);
        of_link.map(|(_, found)| found.topics.keys().collect::<Vec<&TopicName>>())
    };
    let mut all = Vec::new();
    for circle in by_expressions.found {
        let mut passed: Vec<&LinkConfig> =
            circle.links.iter().map(|it| &config.links[*it]).collect();
        let mut told = CircleFacts {
            links: passed.iter().map(|it| it.name.clone()).collect(),
            topic: circle.topic,
            unknown: false,
        };
        if told.topic.is_none() {
            for _ in 0..passed.len() {
                let topics = selected(passed[0]);
                told.unknown |= topics.is_none();
                let topics = topics.unwrap_or_default().into_iter();
                let goes_round = topics.filter(|it| goes_round(&passed, it)).min();
                told.topic = told.topic.or(goes_round.cloned());
                passed.rotate_left(1);
            }
        }
        all.push(told);
    }
    if !by_expressions.complete {
        let unknown = facts.links.len() > found.len();
        let topics: BTreeSet<&TopicName> =
            found.iter().flat_map(|(_, it)| it.topics.keys()).collect();
        let round = topics.into_iter().map(|it| (it, on_cycle(&hops, it)));
        let round: Vec<_> = round.filter(|(_, links)| !links.is_empty()).collect();
        let name = |index: &usize| config.links[*index].name.clone();
        let links = round
            .first()
            .map(|(_, links)| links.iter().map(name).collect());
        all.push(CircleFacts {
            links: links.unwrap_or_default(),
            topic: round.first().map(|(topic, _)| (*topic).clone()),
            unknown,
        });
    }
    all
}

/// The clusters by number; those that report the same id have the same one.
fn numbered(clusters: &BTreeMap<ClusterName, ClusterFacts>) -> BTreeMap<&ClusterName, usize> {
    let id = |it: &ClusterFacts| it.reached.as_ref().ok().map(|reached| reached.id.clone());
    let mut by_id: BTreeMap<String, usize> = BTreeMap::new();
    let numbers = clusters.iter().zip(0..).map(|((name, cluster), number)| {
        let known = id(cluster).map(|id| *by_id.entry(id).or_insert(number));
        (name, known.unwrap_or(number))
    });
    numbers.collect()
}

/// Returns the findings about circles.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let told = facts.circles.iter().filter_map(|circle| {
        let names: Vec<&str> = circle.links.iter().map(LinkName::as_str).collect();
        let subject = match &names[..] {
            [] => "links".to_owned(),
            names => format!("links {}", names.join(", ")),
        };
        match &circle.topic {
            Some(topic) => Some(problem(
                &subject,
                format!("topic {topic} would be mirrored in a circle, again and again"),
                "Leave the topic out of one of these links with topics_exclude, or set naming = \"prefix\" for all of them. If two of the clusters have one id, they are the same cluster.",
            )),
            None if circle.unknown => Some(advice(
                &subject,
                "the expressions are too complex to tell whether a topic would be mirrored in a circle, and not all topics could be read",
                "Correct the problems above and check again, or write simpler expressions in topics and topics_exclude.",
            )),
            None => None,
        }
    });
    told.collect()
}
