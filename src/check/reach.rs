//! Judges whether the clusters can be reached, and whether source and target differ.

use crate::error::{BrokerCode, Error, Kind};
use crate::kafka::acl::Need;
use crate::kafka::client::{Endpoint, TlsFailure};
use crate::model::ClusterName;

use super::facts::{ClusterFacts, Facts, LinkFacts, Reached};
use super::finding::{Finding, advice, problem, sentence};

const UNSUPPORTED_SASL_MECHANISM: BrokerCode = BrokerCode(33);
/// A request to log in on a listener without SASL.
const ILLEGAL_SASL_STATE: BrokerCode = BrokerCode(34);
const SASL_AUTHENTICATION_FAILED: BrokerCode = BrokerCode(58);

/// Returns the findings about connections to clusters, and about links as a whole.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, cluster) in &facts.clusters {
        let subject = format!("cluster {name}");
        match &cluster.reached {
            Ok(reached) => of_reached(name, cluster, reached, &mut findings),
            Err(error) => findings.push(problem(
                &subject,
                format!("cannot be reached: {}", error.chain()),
                unreachable_fix(name, error),
            )),
        }
    }
    for link in &facts.links {
        findings.extend(same_cluster(facts, link));
        findings.extend(outdated_target(facts, link));
        if let Some(Err(error)) = &link.found {
            findings.push(problem(
                &format!("link {}", link.name),
                format!("cannot be checked: {}", error.chain()),
                "Fix what the message names, then check again.",
            ));
        }
    }
    findings
}

fn of_reached(
    name: &ClusterName,
    cluster: &ClusterFacts,
    reached: &Reached,
    findings: &mut Vec<Finding>,
) {
    let subject = format!("cluster {name}");
    for (endpoint, error) in &reached.unreachable {
        findings.push(unreachable(name, endpoint, error));
    }
    if let Err(error) = &reached.settings {
        findings.push(advice(
            &subject,
            format!(
                "the brokers don't report their settings, so limits are not checked: {}",
                error.chain()
            ),
            cluster.grantee.command_for(Need::ReadBrokerConfigs, ""),
        ));
    }
}

/// A broker that can't be reached, although others can.
fn unreachable(name: &ClusterName, endpoint: &Endpoint, error: &Error) -> Finding {
    let Endpoint {
        advertised, dial, ..
    } = endpoint;
    let broker = endpoint
        .broker
        .map_or_else(String::new, |id| format!("broker {id} "));
    let place = if advertised == dial {
        format!("the address it advertises, {advertised}")
    } else {
        format!("{dial}, to which address_map leads from {advertised}")
    };
    let fix = match TlsFailure::among(error) {
        Some(failure) => sentence(failure.fix()),
        None => format!(
            "Start the broker, correct its advertised.listeners, or say in [clusters.{name}.address_map] what to connect to for {advertised}."
        ),
    };
    let what = format!("{broker}cannot be reached at {place}: {}", error.chain());
    problem(&format!("cluster {name}"), what, fix)
}

fn unreachable_fix(name: &ClusterName, error: &Error) -> String {
    if let Some(failure) = TlsFailure::among(error) {
        return sentence(failure.fix());
    }
    match error.kind() {
        Kind::Protocol => format!(
            "What listens there is no Kafka broker, or uses another security_protocol: correct bootstrap_servers or security_protocol of [clusters.{name}]."
        ),
        Kind::TimedOut => format!(
            "Nothing answers in time: look for a firewall between here and the brokers, or correct bootstrap_servers of [clusters.{name}]."
        ),
        Kind::Broker(ILLEGAL_SASL_STATE) => format!(
            "This listener takes no logins: set security_protocol = \"PLAINTEXT\" in [clusters.{name}] and remove [clusters.{name}.sasl], or point bootstrap_servers to a listener with SASL."
        ),
        Kind::Broker(UNSUPPORTED_SASL_MECHANISM) => format!(
            "Set mechanism in [clusters.{name}.sasl] to one that this listener offers, or point bootstrap_servers to a listener with that mechanism."
        ),
        Kind::Broker(SASL_AUTHENTICATION_FAILED) | Kind::Invalid => {
            format!("The login failed: correct [clusters.{name}.sasl], or what it refers to.")
        }
        Kind::Disconnected | Kind::Broker(_) | Kind::Store | Kind::Refused | Kind::Stopping => {
            format!("Start the brokers, or correct bootstrap_servers of [clusters.{name}].")
        }
    }
}

/// Only the target matters: a source may have brokers this old.
fn outdated_target(facts: &Facts, link: &LinkFacts) -> Option<Finding> {
    let reached = facts.clusters.get(&link.target)?.reached.as_ref().ok()?;
    reached.outdated.as_ref().map(|outdated| {
        problem(
            &format!("link {}", link.name),
            format!("{} has brokers {outdated}", link.target),
            format!(
                "Upgrade the brokers of {} to Kafka 2.5 or newer.",
                link.target
            ),
        )
    })
}

fn same_cluster(facts: &Facts, link: &LinkFacts) -> Option<Finding> {
    let id = |name| {
        let cluster = facts.clusters.get(name)?;
        Some(&cluster.reached.as_ref().ok()?.id)
    };
    let (source, target) = (id(&link.source)?, id(&link.target)?);
    (source == target).then(|| {
        problem(
            &format!("link {}", link.name),
            format!(
                "clusters {} and {} are one and the same ({source})",
                link.source, link.target
            ),
            format!(
                "Correct bootstrap_servers of [clusters.{}] or [clusters.{}].",
                link.source, link.target
            ),
        )
    })
}
