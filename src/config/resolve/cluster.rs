//! Resolves a cluster's section.

use std::collections::BTreeMap;

use crate::kafka::client::HostPort;
use crate::model::ClusterName;

use super::super::field::{At, Field};
use super::super::problem::{Place, Problems};
use super::super::raw::RawCluster;
use super::super::settings::ClusterConfig;
use super::super::values::check_name;
use super::super::{defaults, values};
use super::security;

pub(super) fn resolve(
    name: &At<String>,
    raw: RawCluster,
    problems: &Problems,
) -> Option<ClusterConfig> {
    check_name(name, problems);
    let login = security::login(
        raw.security_protocol,
        raw.tls.as_ref(),
        raw.sasl,
        &name.place,
        problems,
    );
    let bootstrap = bootstrap(raw.bootstrap_servers, &name.place, problems);
    Some(ClusterConfig {
        name: ClusterName::new(name.value.as_str()),
        address_map: address_map(raw.address_map, problems),
        login,
        client_id: raw
            .client_id
            .parse(problems, values::not_empty)
            .or(defaults::CLIENT_ID.to_owned()),
        connect_timeout: raw
            .connect_timeout
            .parse(problems, values::duration)
            .or(defaults::CONNECT_TIMEOUT),
        metadata_max_age: raw
            .metadata_max_age
            .parse(problems, values::duration)
            .or(defaults::METADATA_MAX_AGE),
        bootstrap: bootstrap?,
    })
}

fn bootstrap(
    servers: Field<Vec<At<String>>>,
    section: &Place,
    problems: &Problems,
) -> Option<Vec<HostPort>> {
    let servers = servers.required("bootstrap_servers", section, problems)?;
    if servers.value.is_empty() {
        problems.add(&servers.place, "at least one address is needed");
    }
    let addresses = servers.value.iter();
    Some(
        addresses
            .filter_map(|server| host_port(server, problems))
            .collect(),
    )
}

fn address_map(
    pairs: Vec<(At<String>, At<String>)>,
    problems: &Problems,
) -> BTreeMap<HostPort, HostPort> {
    pairs
        .into_iter()
        .filter_map(|(advertised, reachable)| {
            let advertised = host_port(&advertised, problems);
            let reachable = host_port(&reachable, problems);
            advertised.zip(reachable)
        })
        .collect()
}

fn host_port(address: &At<String>, problems: &Problems) -> Option<HostPort> {
    values::host_port(&address.value)
        .map_err(|message| problems.add(&address.place, message))
        .ok()
}
