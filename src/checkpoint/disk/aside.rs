//! Sets a damaged DB aside, so that it can be rebuilt from the journals while its remains are kept.

use std::path::{Path, PathBuf};

use super::lock;
use crate::error::{Error, Kind, Result};

/// Moves everything but the lock and earlier remains into a new subdirectory, and returns its path.
pub(super) fn set_aside(directory: &Path) -> Result<PathBuf> {
    let name = format!("damaged-{}", crate::telemetry::now_ms());
    let aside = directory.join(name);
    let moved = || {
        std::fs::create_dir(&aside)?;
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let kept = name == lock::FILE || name.to_string_lossy().starts_with("damaged-");
            if !kept {
                std::fs::rename(entry.path(), aside.join(&name))?;
            }
        }
        Ok(())
    };
    moved().map_err(|error: std::io::Error| {
        let message = format!(
            "the damaged checkpoint DB in {} can't be set aside; move its files away",
            directory.display()
        );
        Error::new(Kind::Store, message).caused_by(error)
    })?;
    Ok(aside)
}
