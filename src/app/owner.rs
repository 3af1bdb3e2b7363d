//! Who this process is towards other processes of the same links.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::checkpoint::{Space, Store, Update};
use crate::error::{Error, Kind, Result};
use crate::journal::Owner;

const KEY: &[u8] = b"owner";
/// Where Linux tells the machine's name.
const HOST: &str = "/proc/sys/kernel/hostname";

/// The name of the checkpoint DB at its place: a copy of the directory is another owner, and so is the same path on another
/// machine. While the DB's lock is held, no other process has the same name. `api_url` is where its interface is reached.
///
/// Errors: the checkpoint DB.
pub(crate) async fn this_process(store: &dyn Store, path: &Path, api_url: &str) -> Result<Owner> {
    let name = if let Some(name) = store.get(Space::Meta, KEY)? {
        name
    } else {
        let name = format!("{:032x}", fastrand::u128(..)).into_bytes();
        let mut update = Update::new();
        update.put(Space::Meta, KEY, name.clone());
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
