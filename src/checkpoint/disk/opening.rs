//! Opening sled, a repair that sled doesn't do itself, and setting a damaged DB aside.
//!
//! sled writes a snapshot of its page table as `snap.N.generating` and then renames it. If killed in between, it takes the
//! unfinished file for its newest snapshot at the next start and refuses to open, every time. Snapshots only speed up
//! opening: the database is complete without them.

use std::io;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{broken, failure, unusable};
use super::{mark, sum};
use crate::checkpoint::layout::Mark;
use crate::error::{Error, Kind, Result};

/// In bytes. Small, because runs are in memory and the rest is rarely read.
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
const SNAPSHOT: &str = "snap.";
/// What the names of sled's files begin with, those of snapshots that were set aside too.
const FILES: [&str; 5] = ["conf", "db", "blobs", SNAPSHOT, "aside."];
/// How long sled's own lock may outlast it: its threads end later, on busy cores much later, and processes being started have
/// copies of its descriptor.
const RELEASE_LIMIT: Duration = Duration::from_secs(10);
const RELEASE_LOOK: Duration = Duration::from_millis(5);

/// Opens the database and reads all of it. Returns it with its configuration, which reports its failures, its sum and its
/// mark. The caller holds the directory's lock.
///
/// Errors: `Invalid` if it is damaged, `Refused` if only readers of a later layout may use it; otherwise it can't be used.
pub(super) fn open(directory: &Path) -> Result<(sled::Db, sled::Config, u64, Mark)> {
    // sled panics on some kinds of damage.
    let opened = panic::catch_unwind(AssertUnwindSafe(|| {
        let (database, config) = repaired(directory)?;
        let mark = mark::check(&database, directory)?;
        let sum = sum::check(&database, directory)?;
        Ok((database, config, sum, mark))
    }));
    opened.unwrap_or_else(|_| Err(broken(directory, "sled can't make sense of it")))
}

fn repaired(directory: &Path) -> Result<(sled::Db, sled::Config)> {
    let failed = match open_as_is(directory) {
        Err(error @ sled::Error::Corruption { .. }) => error,
        opened => return opened.map_err(|error| failure(directory, error)),
    };
    let set_aside = set_snapshots_aside(directory).map_err(|error| unusable(directory, error))?;
    if set_aside == 0 {
        return Err(broken(directory, failed));
    }
    open_as_is(directory).map_err(|error| failure(directory, error))
}

fn open_as_is(directory: &Path) -> sled::Result<(sled::Db, sled::Config)> {
    let config = sled::Config::new()
        .path(directory)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(None);
    let began = Instant::now();
    loop {
        match config.open() {
            // The directory's lock is held, so only a dropped sled of this process can have it.
            Err(error) if is_locked(&error) && began.elapsed() < RELEASE_LIMIT => {
                thread::sleep(RELEASE_LOOK);
            }
            opened => return Ok((opened?, config)),
        }
    }
}

fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(cause) if cause.to_string().starts_with("could not acquire lock"))
}

/// Renames the snapshots so that sled ignores them, and returns how many. They are kept for a later investigation.
fn set_snapshots_aside(directory: &Path) -> io::Result<usize> {
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
                "set aside an unusable snapshot of the checkpoint DB"
            );
            moved += 1;
        }
    }
    Ok(moved)
}

/// Moves sled's files into a new subdirectory, and returns its path: a damaged DB is rebuilt from the journals while its
/// remains are kept. Other files in the directory, such as the API's token, aren't part of the DB.
pub(super) fn set_aside(directory: &Path) -> Result<PathBuf> {
    let name = format!("damaged-{}", crate::telemetry::now_ms());
    let aside = directory.join(name);
    let moved = || {
        std::fs::create_dir(&aside)?;
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_own = |it: &&str| name.to_string_lossy().starts_with(*it);
            if FILES.iter().any(is_own) {
                std::fs::rename(entry.path(), aside.join(&name))?;
            }
        }
        Ok(())
    };
    moved().map_err(|error: io::Error| {
        let message = format!(
            "the damaged checkpoint DB in {} can't be set aside; move its files away",
            directory.display()
        );
        Error::new(Kind::Store, message).caused_by(error)
    })?;
    Ok(aside)
}
