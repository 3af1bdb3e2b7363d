//! Probes the operations on the target that preserving offsets needs, on a scratch topic: writing control markers and
//! deleting records.
//!
//! The scratch topic is deleted immediately. If the target refuses to create it, markers are tried on a topic that
//! doesn't exist, for which the permission is checked nevertheless.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::admin::{self, NewTopic};
use crate::kafka::client::{Cluster, Slot};
use crate::model::{TopicId, TopicName, TopicPartition};
use crate::task::{Backoff, Ownership};

/// The operations needed to preserve offsets that the target refuses.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    /// The error for writing control markers.
    pub(crate) markers: Option<Error>,
    /// The error for deleting records.
    pub(crate) deletion: Option<Error>,
}

/// What the names of scratch topics begin with.
pub(super) const SCRATCH: &str = "farshore-probe-";

const PAUSE_BASE: Duration = Duration::from_millis(200);
const PAUSE_CAP: Duration = Duration::from_secs(10);
/// How many times the leader of a new topic is tried before the last error counts.
const LOOKS: usize = 30;

const CLUSTER_AUTHORIZATION_FAILED: BrokerCode = BrokerCode(31);

/// Probes until the target answers.
pub(crate) async fn try_until_told(target: &Cluster) -> Probe {
    let mut backoff = Backoff::new(PAUSE_BASE, PAUSE_CAP);
    loop {
        match probe(target, None).await {
            Ok(probe) => return probe,
            Err(error) => {
                tracing::warn!(
                    error = error.chain(),
                    "can't determine yet whether offsets can be preserved"
                );
            }
        }
        sleep(backoff.next()).await;
    }
}

/// How long deleting the scratch topic may take when the time for the probe is limited.
const DELETION_LIMIT: Duration = Duration::from_secs(1);

/// Probes once, until the given time, after which the scratch topic is deleted.
///
/// Errors: the target can't be reached in time, or an operation failed for another reason than a missing permission.
pub(crate) async fn probe(target: &Cluster, until: Option<Instant>) -> Result<Probe> {
    let name = TopicName::new(format!("{SCRATCH}{:016x}", fastrand::u64(..)));
    let scratch = NewTopic {
        name: name.clone(),
        partitions: 1,
        replication_factor: -1,
        configs: BTreeMap::new(),
    };
    let partition = TopicPartition::new(name.clone(), 0);
    match admin::create_topic(target, &scratch, &Ownership::permanent()).await {
        Ok(_) => {
            let result = in_time(until, try_on(target, &partition)).await;
            let limit = until.map(|_| Instant::now() + DELETION_LIMIT);
            let right = Ownership::permanent();
            let deleted = in_time(limit, admin::delete_topic(target, &name, &right)).await;
            if let Err(error) = deleted {
                tracing::warn!(
                    error = error.chain(),
                    "the scratch topic {name} could not be deleted"
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

async fn in_time<T>(until: Option<Instant>, trying: impl Future<Output = Result<T>>) -> Result<T> {
    let Some(until) = until else {
        return trying.await;
    };
    timeout_at(until, trying).await.unwrap_or_else(|_| {
        let text = "the scratch topic isn't served in time";
        Err(Error::new(Kind::TimedOut, text))
    })
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
        markers = admin::try_marker((target, &connection), scratch).await?;
        let is_refused = |refused: &Error| refused.code() == Some(CLUSTER_AUTHORIZATION_FAILED);
        if markers.as_ref().is_none_or(is_refused) {
            break;
        }
        // The leader has not loaded the topic yet.
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
