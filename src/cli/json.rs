//! Raw output of the service's answers, for programs.

use std::io::Write;

use super::Failure;

/// Writes an answer unchanged.
pub(super) fn write_json(out: &mut dyn Write, answer: &serde_json::Value) -> Result<(), Failure> {
    serde_json::to_writer_pretty(&mut *out, answer).map_err(std::io::Error::from)?;
    writeln!(out)?;
    Ok(())
}
