//! Judges whether the clusters can be reached, and whether source and target differ.

use crate::clusters::unreached;
use crate::error::{BrokerCode, Error, Kind};
use crate::kafka::acl::Need;
use crate::kafka::client::TlsFailure;
use crate::model::ClusterName;

use super::facts::{ClusterFacts, Facts, LinkFacts, Reached};
use super::finding::{Finding, advice, granted_by, problem, sentence};

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
        findings.extend(unanswered(facts, link));
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
    let unreached = unreached::advice(name, &reached.unreached).into_iter();
    findings.extend(unreached.map(|(what, fix)| problem(&subject, what, fix)));
    let is_cut_off = reached.brokers > 0 && reached.unreached.len() == reached.brokers;
    if let Some(error) = reached.settings.as_ref().err().filter(|_| !is_cut_off) {
        let fix = granted_by(error, || {
            cluster.grantee.command_for(Need::ReadBrokerConfigs, "")
        });
        findings.push(advice(
            &subject,
            format!(
                "the brokers don't report their settings, so limits are not checked: {}",
                error.chain()
            ),
            fix,
        ));
    }
}

/// The questions about a link that nobody answered.
fn unanswered(facts: &Facts, link: &LinkFacts) -> Option<Finding> {
    let unknown = &link.found.as_ref()?.as_ref().ok()?.unknown;
    let (_, error) = unknown.first()?;
    let what: Vec<&str> = unknown.iter().map(|(what, _)| *what).collect();
    let is_cut_off = |name: &ClusterName| {
        let cluster = facts.clusters.get(name);
        let reached = cluster.and_then(|it| it.reached.as_ref().ok());
        reached.is_some_and(|it| !it.unreached.is_empty())
    };
    let fix = if is_cut_off(&link.source) || is_cut_off(&link.target) {
        "Correct what keeps the brokers from being reached, then check again."
    } else {
        "Correct what the message names, or check again when the brokers answer sooner."
    };
    Some(problem(
        &format!("link {}", link.name),
        format!("not known: {}: {}", what.join(", "), error.chain()),
        fix,
    ))
}

fn unreachable_fix(name: &ClusterName, error: &Error) -> String {
    if let Some(failure) = TlsFailure::among(error) {
        return sentence(failure.fix());
    }
    if let Some(fix) = error.fix() {
        return sentence(fix);
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
