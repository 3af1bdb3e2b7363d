//! Regular expressions that match whole names.

use std::sync::Arc;

use regex::Regex;
use regex_automata::util::syntax;
use toml::Spanned;

use super::problem::Problems;

#[cfg(test)]
thread_local! {
    /// How many expressions this thread has compiled.
    pub(super) static COMPILED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A regular expression that matches whole names; its `.` matches every character, a line break too.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    regex: Regex,
    written: Arc<str>,
    literal: Option<Arc<str>>,
}

impl Expression {
    /// Compiles an expression. Errors: the reason why it isn't one.
    pub(super) fn new(written: &str) -> Result<Self, String> {
        #[cfg(test)]
        COMPILED.with(|count| count.set(count.get() + 1));
        let refused = |text: &str| {
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            format!("not a regular expression: {written:?}: {reason}")
        };
        // An expression has to be one by itself, not only between the anchors.
        syntax::parse(written).map_err(|error| refused(&error.to_string()))?;
        let regex = Regex::new(&format!(r"(?s)\A(?:{written})\z"));
        Ok(Self {
            regex: regex.map_err(|error| refused(&error.to_string()))?,
            written: written.into(),
            literal: literal(written).map(Arc::from),
        })
    }

    /// Compiles expressions; invalid ones are reported as problems.
    pub(super) fn all(written: &[Spanned<String>], problems: &Problems<'_>) -> Vec<Spanned<Self>> {
        let compiled = written.iter().filter_map(|expression| {
            let span = expression.span();
            let compiled = problems.checked(&span, Self::new(expression.get_ref()))?;
            Some(Spanned::new(span, compiled))
        });
        compiled.collect()
    }

    /// Compiles expressions for topics: an empty one, which a group's id could be, is a problem.
    pub(super) fn of_topics(
        written: &[Spanned<String>],
        problems: &Problems<'_>,
    ) -> Vec<Spanned<Self>> {
        for empty in written.iter().filter(|it| it.get_ref().is_empty()) {
            problems.add(&empty.span(), "must not be empty: no topic's name is");
        }
        Self::all(written, problems)
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }

    /// The expression as it is matched, with anchors.
    pub(super) fn pattern(&self) -> &str {
        self.regex.as_str()
    }

    /// The expression as written.
    pub(super) fn written(&self) -> &Arc<str> {
        &self.written
    }

    /// The name if the expression is plainly a single one.
    pub(super) fn literal(&self) -> Option<&str> {
        self.literal.as_deref()
    }
}

/// The names that an expression matches, in the terms of Kafka's permissions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamePattern {
    /// One name.
    Name(String),
    /// All names that begin with it.
    Prefix(String),
    /// Names that no pattern describes, by the expression as written.
    Other(String),
}

impl Expression {
    /// The names that it matches.
    pub(super) fn names(&self) -> NamePattern {
        if let Some(name) = self.literal() {
            return NamePattern::Name(name.to_owned());
        }
        let front = [".*", ".+"].into_iter();
        let mut front = front.filter_map(|rest| self.written.strip_suffix(rest));
        let prefix = front.find_map(|front| match front {
            "" => Some(String::new()),
            // A bare dot in front would be any character.
            front if front.replace("\\.", "").contains('.') => None,
            front => literal(front),
        });
        prefix.map_or_else(
            || NamePattern::Other(self.written.to_string()),
            NamePattern::Prefix,
        )
    }
}

/// The name if an expression is plainly a single one: letters, digits, `_`, `-`, and escaped or bare dots.
fn literal(expression: &str) -> Option<String> {
    let name = expression.replace("\\.", ".");
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}
