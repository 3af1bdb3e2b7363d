//! The problems of a configuration file, reported together, each with its place.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeValue;

use super::concealed::{Concealed, Expanded};

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

impl Position {
    pub(super) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }
}

impl ConfigErrors {
    pub(super) fn new(file: &Path, problems: Vec<Problem>) -> Self {
        Self {
            file: file.to_owned(),
            problems,
        }
    }

    /// The file as it was named.
    pub fn file(&self) -> &Path {
        &self.file
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

/// The byte range of a key or value in the file.
pub(super) type Span = Range<usize>;

/// Collects problems during reading.
pub(super) struct Problems<'a> {
    text: &'a str,
    document: &'a DeValue<'a>,
    found: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
    concealed: RefCell<Concealed>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(text: &'a str, document: &'a DeValue<'a>) -> Self {
        Self {
            text,
            document,
            found: RefCell::default(),
            warnings: RefCell::default(),
            concealed: RefCell::default(),
        }
    }

    /// Conceals what comes from the environment in the messages.
    pub(super) fn conceal(&self, expanded: Expanded) {
        self.concealed.borrow_mut().add(expanded);
    }

    /// Adds a problem of the key or value at `span`.
    pub(super) fn add(&self, span: &Span, message: impl Into<String>) {
        let problem = self.at(span, message.into());
        self.found.borrow_mut().push(problem);
    }

    /// Adds a warning about the key or value at `span`, in spite of which the file is used.
    pub(super) fn warn(&self, span: &Span, message: impl Into<String>) {
        let warning = self.at(span, message.into());
        self.warnings.borrow_mut().push(warning);
    }

    /// The problem `message` of the key or value at `span`.
    pub(super) fn at(&self, span: &Span, message: String) -> Problem {
        Problem {
            position: Some(Position::of(self.text, span.start)),
            key: self.paths(span).next().unwrap_or_default(),
            message,
        }
    }

    /// The place of the value of a key, given with its sections; `None` if the file doesn't have it.
    pub(super) fn place(&self, path: &[&str]) -> Option<Span> {
        let (first, rest) = path.split_first()?;
        let found = self.document.get(*first)?;
        let value = rest
            .iter()
            .try_fold(found, |value, key| value.get_ref().get(*key));
        value.map(Spanned::span)
    }

    /// Removes and returns the warnings in file order.
    pub(super) fn take_warnings(&self) -> Vec<Problem> {
        let mut warnings = self.told(self.warnings.take());
        warnings.sort();
        warnings
    }

    /// Adds the problem that a key is missing in a section, or in the file.
    pub(super) fn missing(&self, section: Option<&Span>, key: &str, message: &str) {
        let path = section.and_then(|span| self.paths(span).last());
        self.add_absence(section, joined(&path.unwrap_or_default(), key), message);
    }

    /// Adds the problem that a list is empty.
    pub(super) fn empty(&self, list: &Span, message: &str) {
        let path = self.paths(list).next();
        self.add_absence(Some(list), path.unwrap_or_default(), message);
    }

    /// Adds a problem unless there is one of this key or an element of it: then it was given, but removed as invalid.
    fn add_absence(&self, span: Option<&Span>, path: String, message: &str) {
        let was_removed = |problem: &Problem| {
            let rest = problem.key.strip_prefix(&path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        };
        let was_removed = self.found.borrow().iter().any(was_removed);
        if !was_removed {
            self.push(span, path, message.to_owned());
        }
    }

    /// Returns the value of a required key; its absence is a problem of the section.
    pub(super) fn required<T>(&self, value: Option<T>, section: &Span, key: &str) -> Option<T> {
        if value.is_none() {
            self.missing(Some(section), key, "missing");
        }
        value
    }

    /// Returns the value, or adds the error as a problem of the value at `span`.
    pub(super) fn checked<T>(&self, span: &Span, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.add(span, message)).ok()
    }

    /// Returns the collected problems in file order.
    pub(super) fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.told(self.found.take());
        problems.sort();
        problems
    }

    /// The problems as they may be shown.
    fn told(&self, mut problems: Vec<Problem>) -> Vec<Problem> {
        let concealed = self.concealed.borrow();
        for problem in &mut problems {
            problem.message = concealed.apply(&problem.message);
        }
        problems
    }

    fn push(&self, span: Option<&Span>, key: String, message: String) {
        self.found.borrow_mut().push(Problem {
            position: span.map(|span| Position::of(self.text, span.start)),
            key,
            message,
        });
    }

    /// The paths of the keys and values at `span`, outermost first.
    fn paths(&self, span: &Span) -> impl Iterator<Item = String> {
        let found = locate(self.document, span).into_iter();
        found.map(|(path, _)| path)
    }
}

/// Finds the keys and values at `span`, outermost first; a list of sections has the span of its first section. Returns their
/// paths and values.
pub(super) fn locate<'d, 'i>(
    document: &'d DeValue<'i>,
    span: &Span,
) -> Vec<(String, &'d DeValue<'i>)> {
    let mut found = Vec::new();
    within(document, "", span, &mut found);
    found
}

fn within<'d, 'i>(
    section: &'d DeValue<'i>,
    path: &str,
    span: &Span,
    found: &mut Vec<(String, &'d DeValue<'i>)>,
) {
    let mut look = |key: Option<Span>, path: String, value: &'d Spanned<DeValue<'i>>| {
        if key.as_ref() == Some(span) || value.span() == *span {
            found.push((path.clone(), value.get_ref()));
        }
        within(value.get_ref(), &path, span, found);
    };
    match section {
        DeValue::Table(table) => table
            .iter()
            .for_each(|(key, value)| look(Some(key.span()), joined(path, key.get_ref()), value)),
        DeValue::Array(elements) => elements
            .iter()
            .enumerate()
            .for_each(|(index, value)| look(None, format!("{path}[{index}]"), value)),
        _ => {}
    }
}

fn joined(path: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let key = if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        format!("{key:?}")
    };
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}
