//! Derives the settings from the file's values: fills in defaults, converts values, checks sections against each other.
//!
//! Problems are collected; the result may only be used if there are none.

mod cluster;
mod link;
mod path;
mod policy;
mod security;
mod service;

use std::collections::{BTreeMap, BTreeSet};

use super::conflict;
use super::problem::{Place, Problems};
use super::raw::Raw;
use super::settings::{ClusterConfig, Config};
use crate::model::ClusterName;

pub(super) use link::Link;

/// Returns the configuration described by a file.
pub(super) fn config(raw: Raw, problems: &Problems) -> Config {
    let declared: BTreeSet<ClusterName> = raw
        .clusters
        .iter()
        .map(|(name, _)| ClusterName::new(name.value.as_str()))
        .collect();
    let clusters: BTreeMap<ClusterName, ClusterConfig> = raw
        .clusters
        .into_iter()
        .filter_map(|(name, cluster)| cluster::resolve(&name, cluster, problems))
        .map(|cluster| (cluster.name.clone(), cluster))
        .collect();
    let no_links = raw.links.is_empty();
    let links: Vec<Link> = raw
        .links
        .into_iter()
        .filter_map(|(name, link)| link::resolve(&name, link, &declared, problems))
        .collect();
    if declared.is_empty() {
        problems.add(
            &Place::root().missing("clusters"),
            "at least two are needed",
        );
    }
    if no_links {
        problems.add(&Place::root().missing("links"), "at least one is needed");
    }
    conflict::report(&links, &clusters, problems);
    Config {
        clusters,
        links: links.into_iter().map(|link| link.config).collect(),
        checkpoint: service::checkpoint(raw.checkpoint, problems),
        api: service::api(raw.api, problems),
        runtime: service::runtime(raw.runtime, problems),
        log: service::log(raw.log, problems),
    }
}
