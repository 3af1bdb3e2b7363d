//! Says a failure once, and once more when it is over.

use tracing::{info, warn};

use crate::error::Error;

/// A repeated attempt whose failures are worth one line each time they change.
#[derive(Debug)]
pub(crate) struct Notice {
    what: String,
    last: Option<String>,
}

impl Notice {
    /// Of an attempt, named as in "cannot ...".
    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            last: None,
        }
    }

    /// It failed.
    pub(crate) fn failed(&mut self, error: &Error) {
        let text = error.chain();
        if self.last.as_ref() != Some(&text) {
            warn!("cannot {}: {text}", self.what);
            self.last = Some(text);
        }
    }

    /// It worked.
    pub(crate) fn worked(&mut self) {
        if self.last.take().is_some() {
            info!("can {} again", self.what);
        }
    }
}
