//! Following every address that the brokers of a cluster advertise, and looking for those that aren't there.
//!
//! Promises: a broker counts as reached once it has answered as a Kafka broker of this cluster, over TLS and after the login
//! if there are any; an address is proposed only if it was tried; everything ends at the given time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::time::{Instant, timeout_at};

use crate::contract::UnreachableCause as Cause;
use crate::error::{Error, Kind, Result};
use crate::kafka::admin::{self, Identity};
use crate::kafka::client::{Cluster, Connection, Endpoint, HostPort, Metadata, Slot};
use crate::model::BrokerId;

use super::unreached::{Elsewhere, Unreached};

/// How many brokers are dialed at a time: most clusters have fewer, and each takes a file descriptor.
const DIALED_AT_ONCE: usize = 256;
/// The most other addresses at which brokers are looked for, and how many at a time.
const TRIED_MOST: usize = 64;
const TRIED_AT_ONCE: usize = 16;

/// The brokers of a cluster, by whether they can be reached.
#[derive(Debug, Default)]
pub(crate) struct Dialed {
    pub(crate) reached: BTreeMap<BrokerId, Connection>,
    pub(crate) unreached: Vec<Unreached>,
}

/// Dials every broker that the latest metadata names, all at once, and has each answer a request. Connections that exist are
/// used.
///
/// Cancellation: attempts under way are abandoned.
pub(crate) async fn dial(cluster: &Cluster, until: Instant) -> Dialed {
    let metadata = cluster.metadata();
    let dialing = metadata
        .brokers
        .iter()
        .map(|(broker, endpoint)| async move {
            let reached = timeout_at(until, reach(cluster, *broker)).await;
            (*broker, endpoint, reached)
        });
    let dialing: Vec<_> = dialing.collect();
    let mut dialing = stream::iter(dialing).buffer_unordered(DIALED_AT_ONCE);
    let mut dialed = Dialed::default();
    while let Some((broker, endpoint, reached)) = dialing.next().await {
        match reached {
            Ok(Ok(connection)) => drop(dialed.reached.insert(broker, connection)),
            Ok(Err(error)) => {
                let unreached = Unreached::new(broker, endpoint, &error);
                dialed.unreached.push(unreached);
            }
            Err(_) => dialed.unreached.push(untried(broker, endpoint)),
        }
    }
    dialed.unreached.sort_by_key(|it| it.broker);
    dialed
}

async fn reach(cluster: &Cluster, broker: BrokerId) -> Result<Connection> {
    let connection = cluster.connection(broker, Slot::Control).await?;
    let limit = cluster.settings().connect_timeout;
    admin::ping(&connection, limit).await?;
    Ok(connection)
}

fn untried(broker: BrokerId, endpoint: &Endpoint) -> Unreached {
    let error = Error::new(Kind::TimedOut, "there was no time left to try");
    Unreached {
        cause: Cause::Untried,
        ..Unreached::new(broker, endpoint, &error)
    }
}

/// An address at which brokers may be.
struct Candidate {
    endpoint: Endpoint,
    /// Those that may be there.
    among: BTreeSet<BrokerId>,
    is_bootstrap: bool,
}

/// Looks for misplaced brokers at the bootstrap addresses that answer, and at their hosts with the ports that the brokers
/// advertise. Notes for each what was found until then.
///
/// Cancellation: nothing is noted.
pub(crate) async fn seek(cluster: &Cluster, unreached: &mut [Unreached], until: Instant) {
    let misplaced: Vec<&Unreached> = unreached.iter().filter(|it| it.is_misplaced()).collect();
    if misplaced.is_empty() {
        return;
    }
    let metadata = cluster.metadata();
    let candidates = candidates(&open_doors(cluster, until).await, &misplaced);
    let (misplaced, metadata) = (&misplaced, &*metadata);
    let trying = candidates.into_iter().map(|candidate| async move {
        let tried = try_out(cluster, metadata, &candidate, misplaced);
        let found = timeout_at(until, tried).await.ok().flatten();
        (candidate, found)
    });
    let trying: Vec<_> = trying.collect();
    let tried = stream::iter(trying).buffer_unordered(TRIED_AT_ONCE);
    let tried: Vec<(Candidate, Option<Found>)> = tried.collect().await;
    let found: BTreeMap<BrokerId, Elsewhere> = misplaced
        .iter()
        .map(|it| (it.broker, verdict(it.broker, &tried)))
        .collect();
    for broker in unreached {
        if let Some(elsewhere) = found.get(&broker.broker) {
            broker.elsewhere = elsewhere.clone();
        }
    }
}

/// A broker that an address leads to, and whether it is certain that it is this one.
type Found = (BrokerId, bool);

/// What the attempts mean for one broker.
fn verdict(broker: BrokerId, tried: &[(Candidate, Option<Found>)]) -> Elsewhere {
    let its = move || {
        let its = tried.iter();
        its.filter(move |(it, _)| it.among.contains(&broker))
    };
    let at = |certain: bool| {
        let mut leading = its().filter(|(_, found)| *found == Some((broker, certain)));
        leading.next().map(|(it, _)| it.endpoint.dial.clone())
    };
    let nowhere = || {
        let addresses = its().map(|(it, _)| it.endpoint.dial.clone());
        Elsewhere::Nowhere(addresses.collect())
    };
    let perhaps = || at(false).map(Elsewhere::Perhaps);
    let found = at(true).map(Elsewhere::At).or_else(perhaps);
    found.unwrap_or_else(nowhere)
}

/// The bootstrap addresses that answer.
async fn open_doors(cluster: &Cluster, until: Instant) -> Vec<Endpoint> {
    let dialing = cluster.bootstrap_endpoints().into_iter();
    let dialing = dialing.map(|endpoint| async move {
        let dialed = timeout_at(until, cluster.bootstrap_connection(&endpoint)).await;
        matches!(dialed, Ok(Ok(_))).then_some(endpoint)
    });
    let dialing: Vec<_> = dialing.collect();
    let open = stream::iter(dialing).buffered(TRIED_AT_ONCE);
    open.filter_map(|it| async move { it }).collect().await
}

/// The addresses to try, the likeliest first: a host that answers with the advertised port, then the bootstrap addresses.
fn candidates(doors: &[Endpoint], misplaced: &[&Unreached]) -> Vec<Candidate> {
    let mut candidates: BTreeMap<(bool, HostPort), Candidate> = BTreeMap::new();
    for door in doors {
        for broker in misplaced {
            let same_port = HostPort::new(door.dial.host.clone(), broker.advertised.port);
            let others = [same_port, door.dial.clone()];
            for dial in others.into_iter().filter(|it| *it != broker.dial) {
                let door = doors.iter().find(|it| it.dial == dial);
                let candidate = candidates.entry((door.is_some(), dial.clone()));
                let candidate = candidate.or_insert_with(|| Candidate {
                    endpoint: door.cloned().unwrap_or_else(|| Endpoint {
                        broker: None,
                        // Its certificate has to be for the name that the broker advertises.
                        advertised: broker.advertised.clone(),
                        dial,
                        misled: None,
                    }),
                    among: BTreeSet::new(),
                    is_bootstrap: door.is_some(),
                });
                candidate.among.insert(broker.broker);
            }
        }
    }
    candidates.into_values().take(TRIED_MOST).collect()
}

/// Returns the misplaced broker to which an address leads, if it does; for certain or as the only one that it can be.
async fn try_out(
    cluster: &Cluster,
    metadata: &Metadata,
    candidate: &Candidate,
    misplaced: &[&Unreached],
) -> Option<Found> {
    let endpoint = &candidate.endpoint;
    let connection = if candidate.is_bootstrap {
        cluster.bootstrap_connection(endpoint).await
    } else {
        cluster.try_out(endpoint).await
    };
    let connection = connection.ok()?;
    let limit: Duration = cluster.settings().connect_timeout;
    let told = admin::identity(&connection, metadata, &candidate.among, limit).await;
    let only = || {
        let only = candidate.among.first().copied()?;
        let is_alone = candidate.among.len() == 1;
        is_alone.then_some((only, metadata.brokers.len() == 1))
    };
    let (broker, certain) = match told {
        Ok(Identity::Is(broker)) => (broker, true),
        Ok(Identity::Unknown) => only()?,
        Ok(Identity::Other) | Err(_) => return None,
    };
    // As the address map would lead there, under the name that the broker advertises.
    let named = Endpoint {
        broker: Some(broker),
        advertised: misplaced
            .iter()
            .find(|it| it.broker == broker)?
            .advertised
            .clone(),
        dial: endpoint.dial.clone(),
        misled: None,
    };
    cluster.try_out(&named).await.ok()?;
    Some((broker, certain))
}

#[cfg(test)]
mod tests;
