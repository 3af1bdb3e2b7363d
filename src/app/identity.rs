//! Which link this is: its name and the two clusters' own ids, remembered from the first contact on; and which process this is
//! towards other processes of the same links.

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
/// Where the checkpoint DB keeps its name.
const OWNER_KEY: &[u8] = b"owner";
/// The file in which Linux has the machine's name.
const HOST: &str = "/proc/sys/kernel/hostname";

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

/// The name of the checkpoint DB at its place: a copy of the directory is another owner, and so is the same path on another
/// machine. While the DB's lock is held, no other process has the same name. `api_url` is where its interface is reached.
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
        let message = format!("the checkpoint directory {} can't be seen", path.display());
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
