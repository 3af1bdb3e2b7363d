//! Finds out whether refused records could be put into quarantine, where that is the policy.

use super::facts::{MirrorFacts, QuarantineFacts};
use crate::config::LinkConfig;
use crate::error::Result;
use crate::kafka::admin;
use crate::kafka::wire::Cluster;
use crate::model::{HaltCode, Policy, TopicName};
use crate::replicate::quarantine_topic;

/// What concerns the quarantine topic; none for links that need none for these topics.
pub(super) async fn facts(
    link: &LinkConfig,
    target: &Cluster,
    topics: &[TopicName],
) -> Result<Option<QuarantineFacts>> {
    let skips = |topic: &TopicName| {
        link.policies.of(topic).on(HaltCode::RecordRefused) == Policy::SkipWithReceipt
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
