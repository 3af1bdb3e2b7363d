//! Resolves a cluster's section.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::super::defaults;
use super::super::document::Section;
use super::super::problem::Problems;
use super::super::settings::ClusterConfig;
use super::super::values::{As, Line, check_name, or};
use super::sasl::Sasl;
use super::security::{self, Protocol};
use super::tls::{self, Tls};
use crate::kafka::client::HostPort;
use crate::model::ClusterName;

/// The keys of the section.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    bootstrap_servers: Option<Spanned<Vec<As<HostPort>>>>,
    security_protocol: Option<Spanned<String>>,
    tls: Option<Spanned<Section<Tls>>>,
    sasl: Option<Spanned<Section<Sasl>>>,
    address_map: BTreeMap<As<HostPort>, As<HostPort>>,
    principal: Option<As<Line>>,
    client_id: Option<As<Line>>,
    connect_timeout: Option<As<Duration>>,
    metadata_max_age: Option<As<Duration>>,
}

pub(super) fn resolve(
    name: &Spanned<String>,
    raw: Raw,
    problems: &Problems<'_>,
) -> Option<ClusterConfig> {
    check_name(name, problems);
    let section = name.span();
    let protocol = Protocol::read(raw.security_protocol.as_ref(), &section, problems);
    let (login, tls) = match &protocol {
        Some(protocol) => (
            security::login(protocol, raw.sasl, &section, problems),
            tls::settings(protocol, raw.tls, problems),
        ),
        None => (None, None),
    };
    let servers = problems.required(raw.bootstrap_servers, &section, "bootstrap_servers")?;
    if servers.get_ref().is_empty() {
        problems.empty(&servers.span(), "at least one address is needed");
    }
    let address_map = raw.address_map.into_iter();
    Some(ClusterConfig {
        name: ClusterName::new(name.get_ref().as_str()),
        bootstrap: servers
            .into_inner()
            .into_iter()
            .map(|server| server.0)
            .collect(),
        address_map: address_map
            .map(|(advertised, reachable)| (advertised.0, reachable.0))
            .collect(),
        login,
        tls,
        principal: raw.principal.map(|given| with_type(given.0)),
        client_id: or(raw.client_id, defaults::CLIENT_ID.to_owned()),
        connect_timeout: or(raw.connect_timeout, defaults::CONNECT_TIMEOUT),
        metadata_max_age: or(raw.metadata_max_age, defaults::METADATA_MAX_AGE),
    })
}

/// The principal with its type, which is `User` for nearly all.
fn with_type(principal: String) -> String {
    let has_type = |(kind, _): (&str, &str)| kind.chars().all(|it| it.is_ascii_alphanumeric());
    if principal.split_once(':').is_some_and(has_type) {
        principal
    } else {
        format!("User:{principal}")
    }
}
