//! Keeps values of the environment out of messages: they may be secrets, or parts of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

/// A string of the file in which variables were replaced.
#[derive(Debug)]
pub(super) struct Expanded {
    /// The string as written, with its variables.
    pub(super) written: String,
    pub(super) text: String,
    /// The variables with their values.
    pub(super) values: Vec<(String, String)>,
}

/// What isn't shown, and what is shown instead.
#[derive(Debug, Default)]
pub(super) struct Concealed {
    /// By length, the longest first: a value may be a part of another one.
    replacements: BTreeMap<(Reverse<usize>, String), String>,
}

impl Concealed {
    pub(super) fn add(&mut self, expanded: Expanded) {
        let Expanded {
            written,
            text,
            values,
        } = expanded;
        let values = values
            .into_iter()
            .map(|(name, value)| (value, format!("${{{name}}}")));
        for (hidden, shown) in std::iter::once((text, written)).chain(values) {
            // Messages quote values, some of them with escapes.
            let escaped = format!("{hidden:?}");
            let escaped = escaped[1..escaped.len() - 1].to_owned();
            for hidden in [escaped, hidden] {
                let key = (Reverse(hidden.len()), hidden);
                self.replacements.entry(key).or_insert(shown.clone());
            }
        }
    }

    /// The message as it may be shown.
    pub(super) fn apply(&self, message: &str) -> String {
        let mut shown = String::with_capacity(message.len());
        let mut rest = message;
        while let Some(next) = rest.chars().next() {
            let hidden = self.replacements.iter().find(|((_, hidden), _)| {
                !hidden.is_empty() && rest.starts_with(hidden) && is_whole(&shown, rest, hidden)
            });
            let length = if let Some(((_, hidden), instead)) = hidden {
                shown.push_str(instead);
                hidden.len()
            } else {
                shown.push(next);
                next.len_utf8()
            };
            rest = &rest[length..];
        }
        shown
    }
}

/// A value of a letter or two isn't recognised within words, as it would be everywhere.
const SHORT: usize = 2;

fn is_whole(before: &str, rest: &str, hidden: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric();
    let is_inside_word = before.ends_with(inside) || rest[hidden.len()..].starts_with(inside);
    hidden.len() > SHORT || !is_inside_word
}

#[cfg(test)]
mod tests;
