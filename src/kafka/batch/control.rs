//! Decoding of the marker in a control batch.

use super::varint::Checked;
use super::{Batch, BatchError};

/// The meaning of a control batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlKind {
    /// Aborts the producer's open transaction.
    Abort,
    /// Commits the producer's open transaction.
    Commit,
    /// A marker of another type; none of them says anything about data.
    Other(i16),
    /// Compaction removed the marker but kept the empty batch to preserve its producer's state: it ends no transaction.
    Removed,
}

impl Batch {
    /// Returns the meaning of the control batch's marker.
    pub fn control(&self) -> Result<ControlKind, BatchError> {
        if !self.header().attributes.is_control() {
            return Err(self.header().malformed("it is not a control batch"));
        }
        let records = self.records()?;
        let Some(first) = records.iter().next() else {
            return Ok(ControlKind::Removed);
        };
        let key = first?.to_record()?.key;
        kind_of(key.as_deref()).map_err(|what| self.header().malformed(what))
    }
}

/// The key is a version, which may increase as fields are added, and a type; both are 16 bits.
fn kind_of(key: Option<&[u8]>) -> Checked<ControlKind> {
    let Some(&[_, _, high, low, ..]) = key else {
        return Err("its marker has no type");
    };
    Ok(match i16::from_be_bytes([high, low]) {
        0 => ControlKind::Abort,
        1 => ControlKind::Commit,
        other => ControlKind::Other(other),
    })
}
