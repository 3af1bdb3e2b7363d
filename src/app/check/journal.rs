//! Finds out what `check` judges about a link's journal. Creates nothing.

use crate::checkpoint::journal::Topic;
use crate::config::LinkConfig;
use crate::error::Result;
use crate::kafka::admin;
use crate::kafka::wire::Cluster;

use super::facts::{JournalFacts, JournalTopic};

/// How the journal stands on the target; none if the link keeps none.
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
            // Without the right to see it nothing is said of it.
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
