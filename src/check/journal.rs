//! Gathers and judges the facts about a link's journal. Creates nothing.

use crate::config::LinkConfig;
use crate::error::{BrokerCode, Result};
use crate::journal::Topic;
use crate::kafka::admin;
use crate::kafka::client::Cluster;

use super::facts::{ClusterFacts, Found, JournalFacts, JournalTopic, LinkFacts};
use super::finding::{Finding, grant, problem, set_for_brokers};
use super::limits::producer_memory_ms;
use super::rights::{self, Feature, Side, Subject};

/// Returns the state of the journal on the target; `None` if the link keeps none.
pub(super) async fn facts(link: &LinkConfig, target: &Cluster) -> Result<Option<JournalFacts>> {
    if !link.journal {
        return Ok(None);
    }
    let wanted = Topic::wanted(target, &link.name, link.replication_factor);
    let name = wanted.name.clone();
    let topic = std::slice::from_ref(&name);
    let state = if target.metadata().topics.contains_key(&name) {
        let permitted = admin::topic_operations(target, topic).await?;
        JournalTopic::Present {
            permitted: permitted.get(&name).copied().unwrap_or_default(),
            // Without the permission to read it, no finding about the policy is made.
            policy: Topic::policy(target, &link.name).await.unwrap_or_default(),
        }
    } else {
        let mut refused = admin::refused_creations(target, &[wanted]).await?;
        JournalTopic::Missing {
            refused: refused.remove(&name),
        }
    };
    Ok(Some(JournalFacts { name, state }))
}

const FEATURE: Feature = Feature::Journal;
const ON: Subject = Subject::Journal;
/// The broker setting for how long producers are remembered, and the shortest time that is safe, in milliseconds.
const MEMORY: &str = "producer.id.expiration.ms";
const MEMORY_LEAST_MS: i64 = 60_000;
const NOT_AUTHORIZED: BrokerCode = BrokerCode(29);
const CLUSTER_NOT_AUTHORIZED: BrokerCode = BrokerCode(31);
const INVALID_REPLICATION_FACTOR: BrokerCode = BrokerCode(38);

/// Returns the findings about the journal.
pub(super) fn findings(link: &LinkFacts, found: &Found, target: &ClusterFacts) -> Vec<Finding> {
    let Some(journal) = &found.journal else {
        return Vec::new();
    };
    let mut findings = of_topic(link, journal, target);
    findings.extend(forgetful(link, target));
    findings
}

/// A broker that forgets producers between two signs of life of the owner can't refuse late writes of a former owner.
fn forgetful(link: &LinkFacts, target: &ClusterFacts) -> Option<Finding> {
    let settings = target.reached.as_ref().ok()?.settings.as_ref().ok()?;
    let memory = producer_memory_ms(settings)?;
    (memory < MEMORY_LEAST_MS).then(|| {
        problem(
            &format!("link {}", link.name),
            format!(
                "{MEMORY} on {} is {memory}: late writes of a former owner of the link would not be refused",
                link.target
            ),
            format!(
                "Raise it to a minute or more, or run one process and set journal = false: {}",
                set_for_brokers(target, &format!("{MEMORY}=86400000"))
            ),
        )
    })
}

fn of_topic(link: &LinkFacts, journal: &JournalFacts, target: &ClusterFacts) -> Vec<Finding> {
    let (subject, name) = (format!("link {}", link.name), &journal.name);
    match &journal.state {
        JournalTopic::Missing { refused: None } => Vec::new(),
        JournalTopic::Missing {
            refused: Some(error),
        } => vec![problem(
            &subject,
            format!("its journal {name} would not be created: {}", error.chain()),
            match error.code() {
                Some(NOT_AUTHORIZED | CLUSTER_NOT_AUTHORIZED) => {
                    grant(target, &rights::operations(FEATURE, Side::Target, ON), &[name])
                },
                Some(INVALID_REPLICATION_FACTOR) => format!(
                    "Set replication_factor of the link to at most the number of brokers of {}.",
                    link.target
                ),
                _ => "Create the topic yourself, with one partition and cleanup.policy=compact, or set journal = false (docs/operations.md says what is lost).".to_owned(),
            },
        )],
        JournalTopic::Present { permitted, policy } => {
            let mut lacking = rights::operations_on_existing(FEATURE, Side::Target, ON);
            lacking.retain(|it| !permitted.has(*it));
            let mut findings = Vec::new();
            if !lacking.is_empty() {
                let words: Vec<String> = lacking.iter().map(ToString::to_string).collect();
                findings.push(problem(
                    &subject,
                    format!(
                        "{} on its journal {name} is not permitted",
                        words.join(", ")
                    ),
                    grant(target, &lacking, &[name]),
                ));
            }
            if let Some(policy) = policy.as_deref().filter(|it| *it != "compact") {
                findings.push(problem(
                    &subject,
                    format!("its journal {name} has cleanup.policy={policy}: its entries are deleted eventually, or never compacted"),
                    format!(
                        "kafka-configs.sh --bootstrap-server {} --entity-type topics --entity-name {name} --alter --add-config cleanup.policy=compact",
                        target.grantee.bootstrap
                    ),
                ));
            }
            findings
        }
    }
}
