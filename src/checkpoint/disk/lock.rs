//! One process at a time: a locked file next to the database.
//!
//! sled locks its own file too, but releases it at an unpredictable time and doesn't report the holder. Besides, the files
//! of an interrupted sled may be moved only by a process that is certain to be alone.

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use super::error::unusable;
use crate::error::{Error, Kind, Result};

pub(super) const FILE: &str = "farshore.lock";

/// Holds the directory until dropped; the operating system releases it when the process dies for any reason.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone isn't enough: a process that is being started has a copy of the descriptor until its program runs.
        // An unlock that fails leaves what closing does.
        let _ = self.file.unlock();
    }
}

impl Lock {
    /// Locks `directory`; the error names the process that holds it.
    pub(super) fn take(directory: &Path) -> Result<Self> {
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(directory.join(FILE))
            .map_err(|error| unusable(directory, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // The process id is only a hint; the message is correct without it.
                let _ = file.read_to_string(&mut holder);
                return Err(in_use(directory, holder.trim()));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(directory, error)),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(|error| unusable(directory, error))?;
        Ok(Self { file })
    }
}

fn in_use(directory: &Path, holder: &str) -> Error {
    let process = match holder {
        "" => String::new(),
        number => format!(" (process {number})"),
    };
    let message = format!(
        "the checkpoint DB in {} is in use by another farshore{process}; stop it or set another [checkpoint] path",
        directory.display(),
    );
    Error::new(Kind::Refused, message)
}

#[cfg(test)]
mod tests;
