//! Conflicts between links that the configuration alone reveals.
//!
//! Whether two links write the same mirror topic is decided for literal topics and equal expressions only. Other conflicts
//! of this kind are detected when a link finds a mirror topic that another link writes. Circles are in `rounds`.

use std::collections::BTreeMap;

use toml::Spanned;

use super::expression::Expression;
use super::login::LoginConfig;
use super::problem::Problems;
use super::resolve::Link;
use super::settings::{ClusterConfig, Naming};
use crate::model::{ClusterName, DataPath, TopicName};

/// Reports links between two names of the same cluster, links whose path can't reach a cluster, and links that write the
/// same mirror topic.
pub(super) fn report(
    links: &[Link],
    clusters: &BTreeMap<ClusterName, ClusterConfig>,
    problems: &Problems<'_>,
) {
    for (number, link) in links.iter().enumerate() {
        report_same_cluster(link, clusters, problems);
        report_out_of_reach(link, clusters, problems);
        for earlier in &links[..number] {
            if earlier.config.target == link.config.target {
                report_same_mirror_topics(earlier, link, problems);
            }
        }
    }
}

fn report_same_cluster(
    link: &Link,
    clusters: &BTreeMap<ClusterName, ClusterConfig>,
    problems: &Problems<'_>,
) {
    let (source, target) = (&link.config.source, &link.config.target);
    let addresses = |name| clusters.get(name).map(|cluster| &cluster.bootstrap);
    let (Some(of_source), Some(of_target)) = (addresses(source), addresses(target)) else {
        return;
    };
    let shared = of_source.iter().find(|address| of_target.contains(address));
    if let Some(shared) = shared
        && source != target
    {
        problems.add(
            &link.place,
            format!("{source} and {target} are the same cluster: both list {shared}"),
        );
    }
}

/// What librdkafka can't do, in any build or in this one.
fn report_out_of_reach(
    link: &Link,
    clusters: &BTreeMap<ClusterName, ClusterConfig>,
    problems: &Problems<'_>,
) {
    if link.config.path != DataPath::Record {
        return;
    }
    let ends = [&link.config.source, &link.config.target];
    for cluster in ends.into_iter().filter_map(|name| clusters.get(name)) {
        let other_name = cluster
            .tls
            .as_ref()
            .and_then(|tls| tls.server_name.as_ref());
        let has_extensions = cluster
            .login
            .as_ref()
            .is_some_and(LoginConfig::has_extensions);
        let is_source = cluster.name == link.config.source;
        for (key, is_given) in [
            ("address_map", !cluster.address_map.is_empty()),
            ("proxy", cluster.proxy.is_some()),
            ("tls.server_name", other_name.is_some()),
            ("sasl.extensions", has_extensions),
            // librdkafka would let a follower decide where a log ends.
            ("rack", is_source && cluster.rack.is_some()),
        ] {
            if is_given {
                let what = format!("the record path can't use the {key} of {}", cluster.name);
                problems.add(&link.place, format!("{what}: use path = \"raw\""));
            }
        }
        if cfg!(not(feature = "record-tls"))
            && let Some(what) = needs_openssl(cluster)
        {
            let what = format!("the record path of this farshore can't {what}");
            let fix =
                "build it with cargo build --release --features record-tls, or use path = \"raw\"";
            problems.add(&link.place, format!("{what}: {fix}"));
        }
    }
}

/// What librdkafka can do with a cluster only if it is built with OpenSSL.
fn needs_openssl(cluster: &ClusterConfig) -> Option<String> {
    let name = &cluster.name;
    if cluster.tls.is_some() {
        return Some(format!("encrypt connections to {name}"));
    }
    let login = cluster.login.as_ref().filter(|it| it.needs_openssl())?;
    Some(format!("log in at {name} with {}", login.mechanism()))
}

fn report_same_mirror_topics(earlier: &Link, later: &Link, problems: &Problems<'_>) {
    for expression in &later.topics {
        if let Some(topic) = shared_topics(earlier, later, expression.get_ref()) {
            let (link, target) = (&earlier.config.name, &later.config.target);
            problems.add(
                &expression.span(),
                format!("link {link} already writes {topic} on cluster {target}"),
            );
        }
    }
}

/// The mirror topics that both links would write because of `expression`, which belongs to the later one.
fn shared_topics(earlier: &Link, later: &Link, expression: &Expression) -> Option<String> {
    if let Some(topic) = expression.literal() {
        let mirror = later.config.mirror_topic(&TopicName::new(topic));
        let both = writes(earlier, &mirror) && writes(later, &mirror);
        return both.then(|| format!("mirror topic {mirror}"));
    }
    let mut others = earlier.topics.iter().map(Spanned::get_ref);
    if same_mapping(earlier, later)
        && earlier.excluded == later.excluded
        && others.any(|other| other.written() == expression.written())
    {
        return Some(format!("the mirror topics of {:?}", expression.written()));
    }
    let of_expression = |mirror: &TopicName| {
        let topic = source_topic(later, mirror);
        topic.is_some_and(|topic| expression.matches(topic.as_str()))
    };
    let literals = earlier
        .topics
        .iter()
        .filter_map(|other| other.get_ref().literal());
    literals
        .map(|topic| earlier.config.mirror_topic(&TopicName::new(topic)))
        .find(|mirror| of_expression(mirror) && writes(earlier, mirror) && writes(later, mirror))
        .map(|mirror| format!("mirror topic {mirror}"))
}

fn writes(link: &Link, mirror: &TopicName) -> bool {
    source_topic(link, mirror).is_some_and(|topic| link.config.topics.matches(&topic))
}

fn source_topic(link: &Link, mirror: &TopicName) -> Option<TopicName> {
    link.config.naming.source_topic(&link.config.source, mirror)
}

/// Whether equal topic names of both sources have equal mirror names.
fn same_mapping(a: &Link, b: &Link) -> bool {
    match (a.config.naming, b.config.naming) {
        (Naming::Identity, Naming::Identity) => true,
        (Naming::Prefix, Naming::Prefix) => a.config.source == b.config.source,
        (Naming::Identity, Naming::Prefix) | (Naming::Prefix, Naming::Identity) => false,
    }
}
