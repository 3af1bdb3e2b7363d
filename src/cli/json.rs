//! Raw output of the service's answers, for programs.

use std::io::Write;

use super::Failure;
use crate::model::OneLine;

/// Writes an answer; its characters that a terminal would obey are escaped, which means the same in JSON.
pub(crate) fn write_json(out: &mut dyn Write, answer: &serde_json::Value) -> Result<(), Failure> {
    let text = format!("{answer:#}");
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|it: char| it != '\n' && OneLine::is_obeyed(it)) {
        let (plain, obeyed) = rest.split_at(start);
        out.write_all(plain.as_bytes())?;
        let mut characters = obeyed.chars();
        if let Some(obeyed) = characters.next() {
            write!(out, "\\u{:04x}", u32::from(obeyed))?;
        }
        rest = characters.as_str();
    }
    writeln!(out, "{rest}")?;
    Ok(())
}

#[cfg(test)]
mod tests;
