//! Regular expressions that match whole names.

use std::sync::Arc;

use regex::Regex;
use toml::Spanned;

use super::problem::Problems;

/// A regular expression that matches whole names; its `.` matches every character, a line break too.
#[derive(Debug, Clone)]
pub(super) struct Expression {
    regex: Regex,
    written: Arc<str>,
}

impl Expression {
    /// Compiles an expression. Errors: the reason why it isn't one.
    pub(super) fn new(written: &str) -> Result<Self, String> {
        let refused = |error: &regex::Error| {
            let text = error.to_string();
            let reason = text.lines().last().unwrap_or_default();
            let reason = reason.trim_start_matches("error: ");
            format!("not a regular expression: {written:?}: {reason}")
        };
        let regex =
            Regex::new(written).and_then(|_| Regex::new(&format!(r"(?s)\A(?:{written})\z")));
        Ok(Self {
            regex: regex.map_err(|error| refused(&error))?,
            written: written.into(),
        })
    }

    /// Compiles expressions; invalid ones are reported as problems.
    pub(super) fn all(written: &[Spanned<String>], problems: &Problems<'_>) -> Vec<Self> {
        let compiled = written.iter().filter_map(|expression| {
            problems.checked(&expression.span(), Self::new(expression.get_ref()))
        });
        compiled.collect()
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
    pub(super) fn literal(&self) -> Option<String> {
        literal(&self.written)
    }
}

/// The name if an expression is plainly a single one: letters, digits, `_`, `-`, and escaped or bare dots.
pub(super) fn literal(expression: &str) -> Option<String> {
    let name = expression.replace("\\.", ".");
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}
