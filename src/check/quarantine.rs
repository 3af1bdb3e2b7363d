//! Checks whether receipts can be written to the quarantine topic where a policy requires it.

use crate::config::LinkConfig;
use crate::error::Result;
use crate::kafka::admin;
use crate::kafka::client::Cluster;
use crate::model::{HaltCode, Policy, TopicName};
use crate::replicate::quarantine_topic;

use super::facts::{ClusterFacts, Found, LinkFacts, MirrorFacts, QuarantineFacts};
use super::finding::{Finding, grant, granted_by, problem};
use super::rights::{self, Feature, Side, Subject};

/// Returns the facts about the quarantine topic; `None` if the policies of these topics don't need it.
pub(super) async fn facts(
    link: &LinkConfig,
    target: &Cluster,
    topics: &[TopicName],
) -> Result<Option<QuarantineFacts>> {
    let skips = |topic: &TopicName| {
        let policies = link.policies.of(topic);
        HaltCode::ALL
            .iter()
            .any(|code| policies.on(*code) == Policy::SkipWithReceipt)
    };
    if !topics.iter().any(skips) {
        return Ok(None);
    }
    let metadata = target.current_metadata().await?;
    let name = link.quarantine_topic.clone();
    let stands = if metadata.topics.contains_key(&name) {
        let mut permitted = admin::topic_operations(target, std::slice::from_ref(&name)).await?;
        MirrorFacts::Present {
            permitted: permitted.remove(&name).unwrap_or_default(),
            due: std::collections::BTreeSet::new(),
            strangers: Vec::new(),
        }
    } else {
        let topic = quarantine_topic(name.clone(), metadata.brokers.len());
        let mut refused = admin::refused_creations(target, &[topic]).await?;
        MirrorFacts::Missing {
            refused: refused.remove(&name),
        }
    };
    Ok(Some(QuarantineFacts { name, stands }))
}

const FEATURE: Feature = Feature::Quarantine;
const ON: Subject = Subject::QuarantineTopic;

/// Returns the finding that prevents receipts, if any.
pub(super) fn findings(link: &LinkFacts, found: &Found, target: &ClusterFacts) -> Option<Finding> {
    let quarantine = found.quarantine.as_ref()?;
    let name = &quarantine.name;
    let subject = format!("link {}", link.name);
    let consequence =
        "partitions whose policy is \"skip_with_receipt\" will halt instead of skipping";
    match &quarantine.stands {
        MirrorFacts::Missing { refused } => refused.as_ref().map(|refused| {
            problem(
                &subject,
                format!(
                    "{} refuses to create the quarantine topic {name}: {}; {consequence}",
                    link.target,
                    refused.chain()
                ),
                granted_by(refused, || {
                    let operations = rights::operations(FEATURE, Side::Target, ON);
                    grant(target, &operations, &[name])
                }),
            )
        }),
        MirrorFacts::Present { permitted, .. } => {
            let mut missing = rights::operations_on_existing(FEATURE, Side::Target, ON);
            missing.retain(|it| !permitted.has(*it));
            let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
            (!missing.is_empty()).then(|| {
                problem(
                    &subject,
                    format!(
                        "{} doesn't permit {} on the quarantine topic {name}: {consequence}",
                        link.target,
                        names.join(", ")
                    ),
                    grant(target, &missing, &[name]),
                )
            })
        }
    }
}
