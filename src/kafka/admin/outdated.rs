//! Brokers that are too old to be targets.

use std::fmt;

use futures_util::stream::{self, StreamExt};

use crate::error::Result;
use crate::kafka::client::{Cluster, Slot};
use crate::model::BrokerId;

/// Brokers older than 2.5, at least one. Writing to a mirror partition continues under a producer id that its leader
/// may have forgotten, with a sequence number above 0, which leaders of such versions reject (KIP-360).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outdated(Vec<BrokerId>);

impl Outdated {
    /// Wraps the list; `None` if it is empty.
    pub fn of(brokers: Vec<BrokerId>) -> Option<Self> {
        (!brokers.is_empty()).then_some(Self(brokers))
    }
}

impl fmt::Display for Outdated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brokers: Vec<String> = self.0.iter().map(BrokerId::to_string).collect();
        let brokers = brokers.join(", ");
        write!(
            f,
            "older than Kafka 2.5: broker {brokers}; such a broker refuses the records of a producer that it doesn't remember (KIP-360), so the cluster can't be a target"
        )
    }
}

/// How many brokers are asked at a time, as some of them may be out of reach.
const AT_ONCE: usize = 64;

/// Returns the outdated ones among a cluster's reachable brokers. Errors: no broker can be reached.
pub async fn outdated(cluster: &Cluster) -> Result<Option<Outdated>> {
    let metadata = cluster.current_metadata().await?;
    let asked = metadata.brokers.keys().map(|broker| async move {
        let connection = cluster.connection(*broker, Slot::Control).await;
        let is_outdated = connection.is_ok_and(|it| !it.takes_any_first_sequence());
        is_outdated.then_some(*broker)
    });
    let asked: Vec<_> = asked.collect();
    let found: Vec<Option<BrokerId>> = stream::iter(asked).buffered(AT_ONCE).collect().await;
    Ok(Outdated::of(found.into_iter().flatten().collect()))
}

#[cfg(test)]
mod tests;
