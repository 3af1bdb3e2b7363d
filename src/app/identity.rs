//! The identity of a link: its name and the ids of both clusters, stored at the first contact; and the identity of this
//! process among those that run the same links.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use crate::checkpoint::{LinkRecord, Space, Store, Update, records};
use crate::error::{Error, Kind, Result};
use crate::journal::Owner;
use crate::kafka::client::Cluster;
use crate::model::{LinkIdentity, LinkName};
use crate::task::Backoff;

const PAUSE_BASE: Duration = Duration::from_millis(200);
const PAUSE_CAP: Duration = Duration::from_secs(5);
/// The key under which the checkpoint DB stores its random name.
const OWNER_KEY: &[u8] = b"owner";
/// The file in which Linux exposes the host name.
const HOST: &str = "/proc/sys/kernel/hostname";

/// Returns the link's identity, as stored or as both clusters report it; waits until they do.
///
/// Errors: the checkpoint DB; source and target are the same cluster.
/// Cancellation: safe, the ids are requested again.
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

/// Waits until a cluster reports the `expected` id: a different cluster may answer at the same addresses.
///
/// Errors: it reports another id.
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

/// The owner's identity, derived from the checkpoint DB and its location: a copy of the directory is another owner, and so
/// is the same path on another machine. While the DB's lock is held, no other process has the same identity. `api_url` is
/// the advertised URL of this process's API.
///
/// Errors: the checkpoint DB.
pub(crate) async fn this_process(store: &dyn Store, path: &Path, api_url: &str) -> Result<Owner> {
    let name = if let Some(name) = store.get(Space::Meta, OWNER_KEY)? {
        name
    } else {
        let name = format!("{:032x}", fastrand::u128(..)).into_bytes();
        let mut update = Update::new();
        update.put(Space::Meta, OWNER_KEY, name.clone());
        store.commit(update).await?;
        name
    };
    let place = std::fs::metadata(path).map_err(|cause| {
        let message = format!(
            "the checkpoint directory {} can't be accessed",
            path.display()
        );
        Error::new(Kind::Store, message).caused_by(cause)
    })?;
    let host = std::fs::read_to_string(HOST).unwrap_or_else(|_| "an unnamed machine".to_owned());
    let host = host.trim().to_owned();
    let (name, device, inode) = (String::from_utf8_lossy(&name), place.dev(), place.ino());
    Ok(Owner {
        id: format!("{name}/{host}/{device}:{inode}"),
        host,
        process: std::process::id(),
        api_url: Some(api_url.to_owned()),
    })
}
