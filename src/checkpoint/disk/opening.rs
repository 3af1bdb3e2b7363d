//! Opening sled, and the repair it doesn't do itself.
//!
//! sled writes a snapshot of its page table as `snap.N.generating` and renames it. Killed in between, it takes the unfinished
//! file for its newest snapshot at the next start and refuses to open, for ever. Snapshots only save time at opening: the
//! database is whole without them.

use std::path::{Path, PathBuf};

use super::{damaged, envelope, unusable};
use crate::error::Result;

/// Runs are in memory and the rest is read rarely.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
const SNAPSHOT: &str = "snap.";
const UNFINISHED: &str = ".generating";

/// Opens the database; the caller holds the directory's lock.
pub(super) fn open(directory: &Path) -> Result<sled::Db> {
    set_snapshots_aside(directory, |name| name.ends_with(UNFINISHED))?;
    match open_as_is(directory) {
        Err(sled::Error::Corruption { .. }) if set_snapshots_aside(directory, |_| true)? > 0 => {
            let database = open_as_is(directory).map_err(|error| unusable(directory, error))?;
            read_everything(&database, directory)?;
            Ok(database)
        }
        opened => opened.map_err(|error| unusable(directory, error)),
    }
}

fn open_as_is(directory: &Path) -> sled::Result<sled::Db> {
    sled::Config::new()
        .path(directory)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None)
        .open()
}

/// Renames chosen snapshots so that sled doesn't see them, and says how many. They are kept for whoever looks into it.
fn set_snapshots_aside(directory: &Path, chosen: impl Fn(&str) -> bool) -> Result<usize> {
    let snapshots = snapshots(directory).map_err(|error| unusable(directory, error))?;
    let mut moved = 0;
    for name in snapshots.iter().filter(|name| chosen(name)) {
        let aside = directory.join(format!("aside.{name}"));
        std::fs::rename(directory.join(name), &aside)
            .map_err(|error| unusable(directory, error))?;
        tracing::warn!(
            kept_as = %aside.display(),
            "set a snapshot of the checkpoint DB aside which cannot be used"
        );
        moved += 1;
    }
    Ok(moved)
}

fn snapshots(directory: &Path) -> std::io::Result<Vec<String>> {
    let names = std::fs::read_dir(directory)?
        .map(|entry| Ok(PathBuf::from(entry?.file_name()).display().to_string()))
        .collect::<std::io::Result<Vec<_>>>()?;
    Ok(names
        .into_iter()
        .filter(|name| name.starts_with(SNAPSHOT))
        .collect())
}

fn read_everything(database: &sled::Db, directory: &Path) -> Result<()> {
    for entry in database.iter() {
        let (key, sealed) = entry.map_err(|error| unusable(directory, error))?;
        envelope::open(&key, &sealed).map_err(|damage| damaged(directory, &key, damage))?;
    }
    Ok(())
}
