//! Tries on a scratch topic of the target what preserving offsets needs: control markers, and deleting records.
//!
//! Leaves nothing behind but a topic that is deleted at once; if the target refuses to create one, markers are tried on a
//! topic that doesn't exist, where the permission is checked all the same.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::sleep;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::admin::{self, NewTopic};
use crate::kafka::client::{Cluster, Slot};
use crate::model::{TopicId, TopicName, TopicPartition};
use crate::task::{Backoff, Ownership};

/// What the target refuses of what preserving offsets needs.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    /// Why control markers can't be written, if they can't.
    pub(crate) markers: Option<Error>,
    /// Why records can't be deleted, if they can't.
    pub(crate) deletion: Option<Error>,
}

const PAUSE_BASE: Duration = Duration::from_millis(200);
const PAUSE_CAP: Duration = Duration::from_secs(10);
/// How often a new topic is looked for before it counts as unreachable.
const LOOKS: usize = 30;

const CLUSTER_AUTHORIZATION_FAILED: BrokerCode = BrokerCode(31);

/// Tries it until the target is there to say.
pub(crate) async fn try_until_told(target: &Cluster) -> Probe {
    let mut backoff = Backoff::new(PAUSE_BASE, PAUSE_CAP);
    loop {
        match probe(target).await {
            Ok(probe) => return probe,
            Err(error) => {
                tracing::warn!(
                    error = error.chain(),
                    "cannot try out yet whether offsets can be preserved"
                );
            }
        }
        sleep(backoff.next()).await;
    }
}

/// Tries it once. Errors: the target can't be reached, or something failed for another reason than a missing permission.
pub(crate) async fn probe(target: &Cluster) -> Result<Probe> {
    let name = TopicName::new(format!("farshore-probe-{:016x}", fastrand::u64(..)));
    let scratch = NewTopic {
        name: name.clone(),
        partitions: 1,
        replication_factor: -1,
        configs: BTreeMap::new(),
    };
    match admin::create_topic(target, &scratch, &Ownership::permanent()).await {
        Ok(_) => {
            let result = try_on(target, &TopicPartition::new(name.clone(), 0)).await;
            let deleted = admin::delete_topic(target, &name, &Ownership::permanent()).await;
            if let Err(error) = deleted {
                tracing::warn!(
                    error = error.chain(),
                    "the scratch topic {name} is left over"
                );
            }
            result
        }
        Err(error) if matches!(error.kind(), Kind::Broker(_)) => Ok(Probe {
            markers: admin::refuses_markers(target).await?,
            deletion: None,
        }),
        Err(error) => Err(error),
    }
}

async fn try_on(target: &Cluster, scratch: &TopicPartition) -> Result<Probe> {
    let mut backoff = Backoff::new(PAUSE_BASE, PAUSE_CAP);
    let mut markers = None;
    for _ in 0..LOOKS {
        let connection = match target.leader(scratch).await {
            Ok(leader) => {
                let writer = Ownership::permanent().number();
                let slot = Slot::Markers { writer };
                target.connection(leader.broker, slot).await?
            }
            Err(_) => target.any_connection().await?,
        };
        markers = admin::try_marker(&connection, scratch).await?;
        let is_refused = |refused: &Error| refused.code() == Some(CLUSTER_AUTHORIZATION_FAILED);
        if markers.as_ref().is_none_or(is_refused) {
            break;
        }
        // Its leader has not heard of the topic yet.
        sleep(backoff.next()).await;
        target.refresh(target.metadata().generation).await?;
    }
    // Without a marker there is nothing to delete, but the permission is checked first.
    let deletion =
        admin::delete_records(target, (scratch, TopicId::NONE), 0, &Ownership::permanent())
            .await
            .err();
    if let Some(error) = deletion {
        let is_answer = matches!(error.kind(), Kind::Broker(_));
        return if is_answer {
            Ok(Probe {
                markers,
                deletion: Some(error),
            })
        } else {
            Err(error)
        };
    }
    Ok(Probe {
        markers,
        deletion: None,
    })
}
