//! The problems of a configuration file, reported together, each with its place.

use std::cell::RefCell;
use std::fmt;
use std::path::{Path, PathBuf};

/// All problems of a configuration file, in file order. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    file: PathBuf,
    problems: Vec<Problem>,
}

/// A problem in a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The position in the file; `None` if something is missing altogether or the file can't be read.
    pub position: Option<Position>,
    /// The key concerned, with its sections: `links.paris-oslo.start`; empty if the problem is about the file.
    pub key: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// A position in a text file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
}

impl ConfigErrors {
    pub(super) fn new(file: &Path, problems: Vec<Problem>) -> Self {
        Self {
            file: file.to_owned(),
            problems,
        }
    }

    /// The problems in file order.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}:{problem}", self.file.display())?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Position { line, column }) = self.position {
            write!(f, "{line}:{column}:")?;
        }
        if !self.key.is_empty() {
            write!(f, " {}:", self.key)?;
        }
        write!(f, " {}", self.message)
    }
}

/// The place of a value or section in the file, with its key.
#[derive(Debug, Clone, Default)]
pub(super) struct Place {
    offset: Option<usize>,
    key: String,
}

impl Place {
    /// The place of top-level keys.
    pub(super) fn root() -> Self {
        Self::default()
    }

    /// A place at a byte offset, without a key.
    pub(super) fn at(offset: Option<usize>) -> Self {
        Self {
            offset,
            key: String::new(),
        }
    }

    /// The place of a key within this section.
    pub(super) fn key(&self, key: &str, offset: usize) -> Self {
        Self {
            offset: Some(offset),
            key: self.path(key),
        }
    }

    /// The place of a key that is missing in this section.
    pub(super) fn missing(&self, key: &str) -> Self {
        Self {
            offset: self.offset,
            key: self.path(key),
        }
    }

    /// The place of an element of the list at this place.
    pub(super) fn element(&self, index: usize, offset: usize) -> Self {
        Self {
            offset: Some(offset),
            key: format!("{}[{index}]", self.key),
        }
    }

    fn path(&self, key: &str) -> String {
        let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let key = if !key.is_empty() && key.chars().all(bare) {
            key.to_owned()
        } else {
            format!("{key:?}")
        };
        if self.key.is_empty() {
            key
        } else {
            format!("{}.{key}", self.key)
        }
    }
}

/// Collects problems during reading.
#[derive(Debug, Default)]
pub(super) struct Problems(RefCell<Vec<(Place, String)>>);

impl Problems {
    pub(super) fn add(&self, place: &Place, message: impl Into<String>) {
        self.0.borrow_mut().push((place.clone(), message.into()));
    }

    /// Returns the collected problems, sorted by position in `text`.
    pub(super) fn into_sorted(self, text: &str) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self
            .0
            .into_inner()
            .into_iter()
            .map(|(place, message)| Problem {
                position: place.offset.map(|offset| position(text, offset)),
                key: place.key,
                message,
            })
            .collect();
        problems.sort();
        problems
    }
}

fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Position {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
    }
}
