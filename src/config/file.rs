//! Files that are named in the configuration or on the command line: read as a whole, within limits.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

use crate::model::Secret;

/// The size limit of a file with a secret, in bytes.
const SECRET: u64 = 64 << 10;

/// Reads a file of at most `limit` bytes. A device could have no end, and reading it may have effects.
pub(super) fn text(path: &Path, limit: u64) -> io::Result<String> {
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
pub(super) fn checked(text: &str) -> Result<Secret, &'static str> {
    match text {
        "" => Err("it is empty"),
        text if text.contains('\0') => Err("it has a NUL in it"),
        text => Ok(Secret::new(text)),
    }
}
