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
use super::network;
use super::sasl::Sasl;
use super::security::{self, Protocol};
use super::tls::{self, Tls};
use crate::kafka::client::{HostPort, NameTold};
use crate::model::ClusterName;

/// The keys of the section.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    bootstrap_servers: Option<Spanned<Vec<As<HostPort>>>>,
    security_protocol: Option<Spanned<String>>,
    tls: Option<Spanned<Section<Tls>>>,
    sasl: Option<Spanned<Section<Sasl>>>,
    address_map: BTreeMap<Spanned<String>, Spanned<String>>,
    proxy: Option<Spanned<String>>,
    proxy_username: Option<Spanned<As<Line>>>,
    proxy_password_file: Option<Spanned<String>>,
    rack: Option<As<Line>>,
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
    let is_plain = |protocol: &Protocol| protocol.encrypted().is_some();
    let has_one_name = tls.as_ref().is_some_and(|tls| tls.server_name.is_some());
    let told = match &protocol {
        Some(protocol) if is_plain(protocol) => NameTold::Nothing,
        _ if has_one_name => NameTold::ServerName,
        _ => NameTold::Advertised,
    };
    let address_map = network::address_map(&raw.address_map, told, problems);
    let proxy = network::proxy(
        raw.proxy,
        (raw.proxy_username, raw.proxy_password_file),
        problems,
    );
    Some(ClusterConfig {
        name: ClusterName::new(name.get_ref().as_str()),
        bootstrap: servers
            .into_inner()
            .into_iter()
            .map(|server| server.0)
            .collect(),
        address_map,
        proxy,
        login,
        tls,
        rack: raw.rack.map(|given| given.0),
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
