//! Whether files can be written to the directory, and what to do if they can't.

use std::error::Error as StdError;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// In bytes: enough for a few groups of updates.
const BYTES: usize = 1 << 20;
const FILE: &str = "farshore.room";

/// Writes a file and removes it again: a cheap check before a DB is reopened.
pub(super) fn is_there(directory: &Path) -> io::Result<()> {
    let path = directory.join(FILE);
    let written = File::create(&path).and_then(|mut file| {
        file.write_all(&vec![0x5a; BYTES])
            .and_then(|()| file.sync_all())
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

/// What an operator can do about an operating system error.
pub(super) fn remedy(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    let io = error.downcast_ref::<io::Error>();
    let of_sled = error.downcast_ref::<sled::Error>();
    let of_sled = of_sled.and_then(|error| match error {
        sled::Error::Io(io) => Some(io),
        _ => None,
    });
    match io.or(of_sled)?.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("free space on its filesystem, or raise the quota")
        }
        ErrorKind::FileTooLarge => Some("raise the limit on the size of files (ulimit -f)"),
        ErrorKind::ReadOnlyFilesystem => {
            Some("mount its filesystem read-write, or set another [checkpoint] path")
        }
        ErrorKind::PermissionDenied => {
            Some("let the user that runs farshore write there, or set another [checkpoint] path")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
