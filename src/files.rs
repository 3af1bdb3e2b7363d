//! Files that are named in the configuration or on the command line: read as a whole, within limits.
//!
//! Promises: what is read is bounded, and is a file; a secret is never part of an error.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::model::Secret;

/// The size limit of a file with a secret, in bytes.
const SECRET: u64 = 64 << 10;

/// A secret, or the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// The secret itself.
    Value(Secret),
    /// A file that is read again for each use, so that a renewed secret is taken up.
    File(PathBuf),
}

impl SecretSource {
    /// Returns the secret as it is now. May block.
    ///
    /// Errors: its file can't be read, or doesn't hold a secret; the message names the file.
    pub fn read(&self) -> io::Result<Secret> {
        match self {
            Self::Value(secret) => Ok(secret.clone()),
            Self::File(path) => secret(path).map_err(|cause| {
                let text = format!("{} can't be read: {cause}", path.display());
                io::Error::new(cause.kind(), text)
            }),
        }
    }
}

/// Reads a file of at most `limit` bytes. A device could have no end, and reading it may have effects.
pub(crate) fn text(path: &Path, limit: u64) -> io::Result<String> {
    let kind = std::fs::metadata(path)?.file_type();
    if !kind.is_file() && !kind.is_fifo() {
        return Err(io::Error::other("it isn't a file"));
    }
    let mut text = String::new();
    let length = File::open(path)?
        .take(limit + 1)
        .read_to_string(&mut text)?;
    if length as u64 > limit {
        let message = format!("it has more than {limit} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(text)
}

/// Reads a file that holds a secret and perhaps a line break behind it.
///
/// Errors: it can't be read, or what it holds is no secret.
pub fn secret(path: &Path) -> io::Result<Secret> {
    let text = text(path, SECRET)?;
    checked(text.trim_end_matches(['\r', '\n'])).map_err(io::Error::other)
}

/// Refuses what can't be a secret: brokers end it at a NUL, and one that is empty was forgotten.
pub(crate) fn checked(text: &str) -> Result<Secret, &'static str> {
    match text {
        "" => Err("it is empty"),
        text if text.contains('\0') => Err("it has a NUL in it"),
        text => Ok(Secret::new(text)),
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
