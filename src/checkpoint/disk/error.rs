//! Errors of a DB that can't be used, each with its remedy.

use std::io;
use std::path::Path;

use super::room;
use crate::checkpoint::envelope;
use crate::error::{Error, Kind};

/// The remedy depends on the operating system's error.
pub(super) fn unusable(
    path: &Path,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let cause = cause.into();
    let remedy = room::remedy(&*cause).map_or(String::new(), |remedy| format!("; {remedy}"));
    let message = format!(
        "the checkpoint DB in {} cannot be used{remedy}",
        path.display()
    );
    Error::new(Kind::Store, message).caused_by(cause)
}

pub(super) fn damaged(path: &Path, key: &[u8], damage: envelope::Damage) -> Error {
    let message = format!(
        "a value of the checkpoint DB in {} cannot be used (key {}); restore the directory from a copy",
        path.display(),
        key.escape_ascii(),
    );
    Error::new(Kind::Store, message).caused_by(damage)
}

/// Maps an error that sled reports about the files.
pub(super) fn failure(directory: &Path, error: sled::Error) -> Error {
    match &error {
        sled::Error::Io(io) if !is_damage(io.kind()) => unusable(directory, error),
        _ => broken(directory, error),
    }
}

fn is_damage(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
    )
}

pub(super) fn broken(
    directory: &Path,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let message = format!(
        "the checkpoint DB in {} is damaged; restore the directory from a copy",
        directory.display()
    );
    Error::new(Kind::Invalid, message).caused_by(cause)
}

/// Names the DB in messages.
pub(super) fn whole(directory: &Path) -> String {
    format!("the checkpoint DB in {}", directory.display())
}
