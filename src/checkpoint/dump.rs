//! Entries as lines of JSON, to be read, archived and restored.
//!
//! ```text
//!  {"layout":2,"oldest_reader":2}                                             first, if not every farshore may read it
//!  {"space":"partitions","link":"paris-oslo","key":"000a…","text":"{…}"}     values that are text
//!  {"space":"runs","link":"paris-oslo","key":"000a…","hex":"8001…"}          all others
//! ```

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::keys;
use super::layout::{self, Layout, Mark};
use super::store::{Space, Store, Update};
use crate::error::{Error, Kind, Result};
use crate::model::LinkName;

/// One entry; the link is given for human readers only.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    space: Space,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    link: Option<LinkName>,
    key: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    hex: Option<String>,
}

/// The first line, if the export has a mark.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstLine {
    layout: Layout,
    oldest_reader: Layout,
}

/// The full key and the value of an entry.
pub type FullEntry = (Vec<u8>, Vec<u8>);

/// Everything in a DB, or everything of one link, except what belongs to the directory itself.
pub fn entries(store: &dyn Store, link: Option<&LinkName>) -> Result<Vec<FullEntry>> {
    let mut found = Vec::new();
    for space in Space::ALL {
        for (key, value) in store.scan(space, &[], usize::MAX)? {
            let full = space.full_key(&key);
            let of_link = keys::link_of(&full, Some(&value)).or_else(|| keys::revised(&full));
            let is_wanted = match link {
                Some(link) => of_link.as_ref() == Some(link),
                None => space != Space::Meta || of_link.is_some(),
            };
            if is_wanted {
                found.push((full, value));
            }
        }
    }
    Ok(found)
}

/// Writes entries, one per line.
pub fn write(entries: &[FullEntry], out: &mut dyn Write) -> io::Result<()> {
    let needed = layout::needed_by_all(entries.iter().map(|(key, _)| key));
    if needed > Layout::FIRST {
        let first = FirstLine {
            layout: needed,
            oldest_reader: needed,
        };
        serde_json::to_writer(&mut *out, &first)?;
        writeln!(out)?;
    }
    for (full, value) in entries {
        let Some((space, key)) = full.split_first() else {
            continue;
        };
        let Some(space) = Space::of(*space) else {
            continue;
        };
        let text = match space {
            Space::Meta | Space::Runs | Space::RunsBySource => None,
            _ => String::from_utf8(value.clone()).ok(),
        };
        let line = Line {
            space,
            link: keys::link_of(full, Some(value)).or_else(|| keys::revised(full)),
            key: hex(key),
            hex: text.is_none().then(|| hex(value)),
            text,
        };
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)?;
    }
    Ok(())
}

/// Reads what [`write()`] wrote.
///
/// Errors: `Invalid` with the number of the first line that isn't an entry; `Refused` if only later readers may use the
/// export.
pub fn read(input: &mut dyn BufRead) -> Result<Update> {
    let mut update = Update::new();
    for (number, line) in input.lines().enumerate() {
        let bad = |what: &str| {
            let message = format!("line {} is not an entry of an export: {what}", number + 1);
            Error::new(Kind::Invalid, message)
        };
        let line = line.map_err(|error| bad("it can't be read").caused_by(error))?;
        if let Ok(first) = serde_json::from_str(&line) {
            let FirstLine {
                layout,
                oldest_reader,
            } = first;
            let mark = Mark {
                layout,
                oldest_reader,
            };
            mark.check("the export")?;
            continue;
        }
        let line: Line = serde_json::from_str(&line).map_err(|error| bad(&error.to_string()))?;
        let key = unhex(&line.key).ok_or_else(|| bad("its key is not hexadecimal"))?;
        let value = match (line.text, line.hex) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(hex)) => unhex(&hex).ok_or_else(|| bad("its value is not hexadecimal"))?,
            (None, None) | (Some(_), Some(_)) => return Err(bad("it has no value, or two")),
        };
        update.put(line.space, key, value);
    }
    Ok(update)
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(digit).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests;
