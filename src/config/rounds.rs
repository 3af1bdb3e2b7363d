//! Reports circles of links as problems, and what couldn't be decided about them as warnings.

use std::collections::BTreeMap;

use toml::Spanned;

use super::circle::{Circle, Hop, circles};
use super::expression::Expression;
use super::problem::{Problems, Span};
use super::resolve::Link;
use super::settings::ClusterConfig;
use crate::model::{ClusterName, TopicName};

/// The limit of circles that are reported: a few are enough to see what is wrong.
const REPORTED: usize = 10;

/// Reports the circles among links. Clusters with an address in common are the same cluster.
pub(super) fn report(
    links: &[Link],
    clusters: &BTreeMap<ClusterName, ClusterConfig>,
    problems: &Problems<'_>,
) {
    let numbers = numbered(clusters);
    let hops = links.iter().map(|link| Hop::of(&link.config, &numbers));
    let hops: Option<Vec<Hop<'_>>> = hops.collect();
    // Otherwise a cluster isn't configured, which is a problem itself.
    let Some(hops) = hops else { return };
    let circles = circles(&hops);
    for circle in circles.found.iter().take(REPORTED) {
        report_circle(circle, links, &numbers, problems);
    }
    if let (false, Some(first)) = (circles.complete, links.first()) {
        problems.warn(
            &first.place,
            "the links connect the clusters in too many ways to find every circle in which they would mirror a topic; farshore check looks at the topics that exist",
        );
    }
}

/// The clusters by number; those with an address in common have the same one.
fn numbered(clusters: &BTreeMap<ClusterName, ClusterConfig>) -> BTreeMap<&ClusterName, usize> {
    let mut numbers: BTreeMap<&ClusterName, usize> = clusters.keys().zip(0..).collect();
    for (name, cluster) in clusters {
        for (other_name, other) in clusters.range(..name.clone()) {
            let is_shared = |address| other.bootstrap.contains(address);
            if cluster.bootstrap.iter().any(is_shared) {
                let (kept, given_up) = (numbers[other_name], numbers[name]);
                let renumbered = numbers.values_mut().filter(|it| **it == given_up);
                renumbered.for_each(|it| *it = kept);
            }
        }
    }
    numbers
}

fn report_circle(
    circle: &Circle,
    links: &[Link],
    numbers: &BTreeMap<&ClusterName, usize>,
    problems: &Problems<'_>,
) {
    let mut passed: Vec<&Link> = circle.links.iter().map(|index| &links[*index]).collect();
    let mut name = circle.topic.clone();
    let mut places: Vec<Span> = Vec::new();
    for link in &passed {
        places.push(place(link, name.as_ref()));
        name = name.map(|name| link.config.mirror_topic(&name));
    }
    let by_place = |index: &usize| passed[*index].place.start;
    let last = (0..passed.len()).max_by_key(by_place).unwrap_or_default();
    passed.rotate_left(last);
    places.rotate_left(last);
    let (Some((this, others)), Some((span, other_places))) =
        (passed.split_first(), places.split_first())
    else {
        return;
    };
    let others: Vec<String> = others
        .iter()
        .zip(other_places)
        .map(|(link, span)| {
            let place = problems.at(span, way(link)).to_string();
            let (place, way) = place.rsplit_once(": ").unwrap_or_default();
            format!("link {} ({place}) from {way}", link.config.name)
        })
        .collect();
    let (way, others) = (way(this), others.join(", "));
    let same = same_clusters(&passed, numbers);
    match &circle.topic {
        Some(topic) => problems.add(
            span,
            format!(
                "topic {topic} would be mirrored in a circle, again and again: from {way} by this link, and by {others}{same}; leave it out of one of these links with topics_exclude, or set naming = \"prefix\" for all of them"
            ),
        ),
        None => problems.warn(
            span,
            format!(
                "the expressions are too complex to tell whether a topic would be mirrored in a circle: from {way} by this link, and by {others}{same}; farshore check looks at the topics that exist"
            ),
        ),
    }
}

/// The expression by which a link selects the topic; the link's section if that isn't known.
fn place(link: &Link, topic: Option<&TopicName>) -> Span {
    let selects = |expression: &&Spanned<Expression>| {
        topic.is_some_and(|topic| expression.get_ref().matches(topic.as_str()))
    };
    let expression = link.topics.iter().find(selects);
    expression.map_or_else(|| link.place.clone(), Spanned::span)
}

fn way(link: &Link) -> String {
    format!("{} to {}", link.config.source, link.config.target)
}

/// Names the clusters of a circle that are the same under two names.
fn same_clusters(passed: &[&Link], numbers: &BTreeMap<&ClusterName, usize>) -> String {
    let mut names: Vec<&ClusterName> = passed
        .iter()
        .flat_map(|link| [&link.config.source, &link.config.target])
        .collect();
    names.sort();
    names.dedup();
    let mut same = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let twin = names[..index]
            .iter()
            .find(|it| numbers[**it] == numbers[*name]);
        if let Some(twin) = twin {
            same.push(format!(" ({twin} and {name} are the same cluster)"));
        }
    }
    same.concat()
}
