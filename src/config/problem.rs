//! What is wrong with a configuration file, all of it at once, each with its place.

use std::cell::RefCell;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeValue;

/// Everything found wrong with a configuration file, in the order of the file. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    file: PathBuf,
    problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where in the file; nowhere if something is missing altogether or the file cannot be read.
    pub position: Option<Position>,
    /// The key concerned, with its sections: `links.paris-oslo.start`; empty if it's about the file.
    pub key: String,
    /// What is wrong and what would be right.
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

    /// The problems in the order of the file.
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

/// The bytes of a key or a value in the file.
pub(super) type Span = Range<usize>;

/// Collects problems while reading goes on.
pub(super) struct Problems<'a> {
    text: &'a str,
    document: &'a DeValue<'a>,
    found: RefCell<Vec<Problem>>,
}

impl<'a> Problems<'a> {
    /// None yet with the document that a text is.
    pub(super) fn new(text: &'a str, document: &'a DeValue<'a>) -> Self {
        Self {
            text,
            document,
            found: RefCell::default(),
        }
    }

    /// A problem with the key or value at `span`.
    pub(super) fn add(&self, span: &Span, message: impl Into<String>) {
        self.push(Some(span), self.path(span), message.into());
    }

    /// A problem with a key that a section, or else the file, lacks.
    pub(super) fn missing(&self, section: Option<&Span>, key: &str, message: &str) {
        let section_path = section.map_or_else(String::new, |span| self.path(span));
        self.lack(section, joined(&section_path, key), message);
    }

    /// A problem with a list that lacks elements.
    pub(super) fn empty(&self, list: &Span, message: &str) {
        self.lack(Some(list), self.path(list), message);
    }

    /// Says nothing if there is a problem with what is lacking, or with an element of it: it was left out because of that.
    fn lack(&self, span: Option<&Span>, path: String, message: &str) {
        let is_left_out = |problem: &Problem| {
            let rest = problem.key.strip_prefix(&path);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        };
        let is_left_out = self.found.borrow().iter().any(is_left_out);
        if !is_left_out {
            self.push(span, path, message.to_owned());
        }
    }

    /// The value of a key that a section has to have.
    pub(super) fn required<T>(&self, value: Option<T>, section: &Span, key: &str) -> Option<T> {
        if value.is_none() {
            self.missing(Some(section), key, "missing");
        }
        value
    }

    /// What the text at `span` stands for; a refusal is a problem.
    pub(super) fn checked<T>(&self, span: &Span, result: Result<T, String>) -> Option<T> {
        result.map_err(|message| self.add(span, message)).ok()
    }

    /// What was collected, in the order of the file.
    pub(super) fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.found.into_inner();
        problems.sort();
        problems
    }

    fn push(&self, span: Option<&Span>, key: String, message: String) {
        self.found.borrow_mut().push(Problem {
            position: span.map(|span| Position::of(self.text, span.start)),
            key,
            message,
        });
    }

    fn path(&self, span: &Span) -> String {
        locate(self.document, span).map_or_else(String::new, |(path, _)| path)
    }
}

/// The path of the key or value at `span`, and the value; the innermost, as a list of sections begins where the first does.
pub(super) fn locate<'d, 'i>(
    document: &'d DeValue<'i>,
    span: &Span,
) -> Option<(String, &'d DeValue<'i>)> {
    within(document, "", span)
}

fn within<'d, 'i>(
    section: &'d DeValue<'i>,
    path: &str,
    span: &Span,
) -> Option<(String, &'d DeValue<'i>)> {
    let find = |key: Option<Span>, path: String, value: &'d Spanned<DeValue<'i>>| {
        let is_here = key.as_ref() == Some(span) || value.span() == *span;
        let value = value.get_ref();
        within(value, &path, span).or_else(|| is_here.then_some((path, value)))
    };
    match section {
        DeValue::Table(table) => table
            .iter()
            .find_map(|(key, value)| find(Some(key.span()), joined(path, key.get_ref()), value)),
        DeValue::Array(elements) => elements
            .iter()
            .enumerate()
            .find_map(|(index, value)| find(None, format!("{path}[{index}]"), value)),
        _ => None,
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
