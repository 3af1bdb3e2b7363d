//! Opening sled, and the repair it doesn't do itself.
//!
//! sled writes a snapshot of its page table as `snap.N.generating` and renames it. Killed in between, it takes the unfinished
//! file for its newest snapshot at the next start and refuses to open, for ever. Snapshots only save time at opening: the
//! database is whole without them.

use std::path::Path;

use super::{damaged, envelope, unusable};
use crate::error::Result;

/// Runs are in memory and the rest is read rarely.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
const SNAPSHOT: &str = "snap.";

/// Opens the database; the caller holds the directory's lock.
pub(super) fn open(directory: &Path) -> Result<sled::Db> {
    let failed = match open_as_is(directory) {
        Err(error @ sled::Error::Corruption { .. }) => error,
        opened => return opened.map_err(|error| unusable(directory, error)),
    };
    let set_aside = set_snapshots_aside(directory).map_err(|error| unusable(directory, error))?;
    if set_aside == 0 {
        return Err(unusable(directory, failed));
    }
    let database = open_as_is(directory).map_err(|error| unusable(directory, error))?;
    read_everything(&database, directory)?;
    Ok(database)
}

fn open_as_is(directory: &Path) -> sled::Result<sled::Db> {
    sled::Config::new()
        .path(directory)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None)
        .open()
}

/// Renames the snapshots so that sled doesn't see them, and says how many. They are kept for whoever looks into it.
fn set_snapshots_aside(directory: &Path) -> std::io::Result<usize> {
    let mut moved = 0;
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(SNAPSHOT) {
            let aside = directory.join(format!("aside.{name}"));
            std::fs::rename(entry.path(), &aside)?;
            tracing::warn!(
                kept_as = %aside.display(),
                "set a snapshot of the checkpoint DB aside which cannot be used"
            );
            moved += 1;
        }
    }
    Ok(moved)
}

fn read_everything(database: &sled::Db, directory: &Path) -> Result<()> {
    for entry in database.iter() {
        let (key, sealed) = entry.map_err(|error| unusable(directory, error))?;
        envelope::open(&key, &sealed).map_err(|damage| damaged(directory, &key, damage))?;
    }
    Ok(())
}
