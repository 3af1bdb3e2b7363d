//! Values that must not be disclosed by accident.

use std::fmt;
use std::sync::Arc;

/// What is shown instead.
const SHOWN: &str = "\u{2022}\u{2022}\u{2022}";

/// A password or similar; its `Debug` output is three bullets.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The plain text, to be passed only to what authenticates with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns the words of somebody who was told the secret, without it.
    pub fn conceal_in(&self, words: &str) -> String {
        if self.0.is_empty() {
            return words.to_owned();
        }
        words.replace(&*self.0, SHOWN)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}
