//! Derives the settings from the values of the file: fills in defaults, checks sections against each other. Each section
//! has its keys and their meaning in one file; those of the service are deserialized in `settings`.
//!
//! Problems are collected; the result may only be used if there are none.

mod cluster;
mod link;
mod network;
mod policy;
mod sasl;
mod security;
mod tls;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use toml::Spanned;

use super::api::{self, ApiConfig};
use super::conflict;
use super::document::Section;
use super::problem::Problems;
use super::rounds;
use super::settings::{CheckpointConfig, ClusterConfig, Config, LogConfig, RuntimeConfig};
use crate::model::ClusterName;

pub(super) use link::Link;

/// The values of the file as written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    clusters: BTreeMap<Spanned<String>, Section<cluster::Raw>>,
    links: BTreeMap<Spanned<String>, Section<link::Raw>>,
    checkpoint: Section<CheckpointConfig>,
    api: Section<ApiConfig>,
    runtime: Section<RuntimeConfig>,
    log: Section<LogConfig>,
}

/// Returns the configuration described by a file.
pub(super) fn config(raw: Raw, problems: &Problems<'_>) -> Config {
    if raw.clusters.is_empty() {
        problems.missing(None, "clusters", "at least two are needed");
    }
    if raw.links.is_empty() {
        problems.missing(None, "links", "at least one is needed");
    }
    let declared: BTreeSet<ClusterName> = raw
        .clusters
        .keys()
        .map(|name| ClusterName::new(name.get_ref().as_str()))
        .collect();
    let clusters: BTreeMap<ClusterName, ClusterConfig> = raw
        .clusters
        .into_iter()
        .filter_map(|(name, Section(cluster))| cluster::resolve(&name, cluster, problems))
        .map(|cluster| (cluster.name.clone(), cluster))
        .collect();
    let mut links: Vec<Link> = raw
        .links
        .into_iter()
        .filter_map(|(name, Section(link))| link::resolve(&name, link, &declared, problems))
        .collect();
    link::leave_out_quarantines(&mut links);
    conflict::report(&links, &clusters, problems);
    rounds::report(&links, &clusters, problems);
    let checkpoint = raw.checkpoint.0;
    let api = api::resolve(raw.api.0, &checkpoint.path, problems);
    Config {
        clusters,
        links: links.into_iter().map(|link| link.config).collect(),
        checkpoint,
        api,
        runtime: raw.runtime.0,
        log: raw.log.0,
        warnings: Vec::new(),
    }
}
