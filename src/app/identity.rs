//! Which link this is: its name and the two clusters' own ids, remembered from the first contact on.

use std::time::Duration;

use tokio::time::sleep;

use crate::checkpoint::{LinkRecord, Store, Update, records};
use crate::error::{Error, Kind, Result};
use crate::kafka::client::Cluster;
use crate::model::{LinkIdentity, LinkName};
use crate::task::Backoff;

const PAUSE_BASE: Duration = Duration::from_millis(200);
const PAUSE_CAP: Duration = Duration::from_secs(5);

/// The link's identity: as remembered, or as both clusters tell it. Waits until it is known.
///
/// Errors: the checkpoint DB; a cluster that is not the one it was.
/// Cancellation: safe, the identity is asked for again.
pub(crate) async fn establish(
    store: &dyn Store,
    link: &LinkName,
    source: &Cluster,
    target: &Cluster,
) -> Result<LinkIdentity> {
    if let Some(record) = records::load_link(store, link)? {
        return Ok(record.identity);
    }
    let identity = LinkIdentity {
        link: link.clone(),
        source_cluster_id: insist(source).await,
        target_cluster_id: insist(target).await,
    };
    if identity.source_cluster_id == identity.target_cluster_id {
        let message = format!(
            "clusters {} and {} are one and the same ({}): link {link} would mirror a cluster onto itself",
            source.name(),
            target.name(),
            identity.source_cluster_id
        );
        return Err(Error::new(Kind::Refused, message));
    }
    let mut update = Update::new();
    let record = LinkRecord {
        identity: identity.clone(),
        initialized: false,
        paused: false,
    };
    records::put_link(&mut update, &record);
    store.commit(update).await?;
    Ok(identity)
}

/// Waits until a cluster proves to be the one it was: under the same addresses another one may answer.
///
/// Errors: it is another one.
pub(crate) async fn confirm(cluster: &Cluster, expected: &str) -> Result<()> {
    let found = insist(cluster).await;
    if found == expected {
        return Ok(());
    }
    let message = format!(
        "the cluster's id is {found}, but this link belongs to the one with id {expected}; correct the addresses, or give the new cluster a link of its own name"
    );
    Err(Error::new(Kind::Refused, message).cluster(cluster.name()))
}

async fn insist(cluster: &Cluster) -> String {
    let mut backoff = Backoff::new(PAUSE_BASE, PAUSE_CAP);
    loop {
        if let Ok(id) = cluster.cluster_id().await {
            return id;
        }
        sleep(backoff.next()).await;
    }
}
