//! The token that requests have to carry, and its file.
//!
//! Promises: the file is complete or absent, readable by its owner alone, and never replaced; of several processes that
//! create it at once, all end up with the same token.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;

use crate::error::{Error, Kind, Result};
use crate::files;
use crate::model::Secret;

/// The random bytes of a token.
const RANDOM: usize = 32;
/// Limits of a token's length, for those that an operator provides.
const LENGTH: std::ops::RangeInclusive<usize> = 16..=1024;
/// The bits of a file's mode that let others than its owner read or write it.
const OTHERS: u32 = 0o077;

/// The token of a service.
#[derive(Debug, Clone)]
pub struct ApiToken(Secret);

impl ApiToken {
    /// Reads the token from its file, which is created with a new one if there is none.
    ///
    /// Errors: the file can't be created or read, or holds no token.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                create(path).map_err(|cause| unusable("created", path, cause))?;
                tracing::info!(file = %path.display(), "made the API's token");
            }
            Ok(known) if known.permissions().mode() & OTHERS != 0 => {
                tracing::warn!(file = %path.display(), "other users may read the API's token");
            }
            _ => {}
        }
        Self::read(path).map_err(|cause| unusable("read", path, cause))
    }

    /// Reads the token from its file.
    pub fn read(path: &Path) -> io::Result<Self> {
        Self::new(files::secret(path)?).map_err(io::Error::other)
    }

    /// Returns a token, which has to fit into a header.
    pub fn new(text: Secret) -> std::result::Result<Self, String> {
        let visible = text.reveal().bytes().all(|byte| byte.is_ascii_graphic());
        if visible && LENGTH.contains(&text.reveal().len()) {
            return Ok(Self(text));
        }
        let (least, most) = LENGTH.into_inner();
        Err(format!(
            "a token has {least} to {most} visible ASCII characters"
        ))
    }

    /// Whether this is the token; takes equally long whatever it differs in, except for its length.
    pub(super) fn is(&self, presented: &str) -> bool {
        let own = self.0.reveal().as_bytes();
        own.ct_eq(presented.as_bytes()).into()
    }

    /// The value of a request's `Authorization` header.
    pub fn authorization(&self) -> String {
        format!("Bearer {}", self.0.reveal())
    }
}

/// Creates the file with a new token, unless there is one by then.
fn create(path: &Path) -> io::Result<()> {
    let mut random = [0; RANDOM];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let token: Vec<String> = random.iter().map(|byte| format!("{byte:02x}")).collect();
    let draft = draft(path);
    let written = write(&draft, &token.concat()).and_then(|()| publish(&draft, path));
    // After a failure there may be nothing to remove; what remains is no token of anything.
    let _ = std::fs::remove_file(&draft);
    written
}

/// A file beside the token's that no other process uses.
fn draft(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{:016x}", fastrand::u64(..)));
    path.with_file_name(name)
}

fn write(path: &Path, token: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{token}")?;
    file.sync_all()
}

/// Gives the finished file its name, unless that is taken.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match std::fs::hard_link(draft, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        // Some file systems have no links. Only there could a process that starts at the same moment end up with another token.
        Err(_) => std::fs::rename(draft, path)?,
        Ok(()) => {}
    }
    let directory = path.parent().filter(|it| !it.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

fn unusable(what: &str, path: &Path, cause: io::Error) -> Error {
    let message = format!(
        "the API's token can't be {what} in {}: correct [api] token_file, or the permissions there",
        path.display()
    );
    Error::new(Kind::Invalid, message).caused_by(cause)
}

#[cfg(test)]
mod tests;
