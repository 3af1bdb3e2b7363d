//! Logs the failure of a repeated operation once.

use tracing::{debug, info, warn};

use crate::error::{Error, Kind};

/// The limit of failures remembered as told.
const TOLD_LIMIT: usize = 16;

/// A repeated operation. Each of its failures is logged once until it works again, whatever other failures come between. A
/// lost cluster is reported once by the watch of that cluster, and a connection that broke only if the operation fails for
/// that reason twice in a row: it may be the beginning of such a loss.
#[derive(Debug)]
pub(crate) struct Notice {
    what: String,
    told: Vec<String>,
    broke: bool,
}

impl Notice {
    /// Returns a notice for an operation, named as in "cannot ...".
    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            told: Vec::new(),
            broke: false,
        }
    }

    /// Records a failure, and logs it unless that isn't worth a line.
    pub(crate) fn failed(&mut self, error: &Error) {
        let text = error.chain();
        if self.is_news(error, &text) {
            warn!("cannot {}: {text}", self.what);
        } else {
            debug!("cannot {}: {text}", self.what);
        }
    }

    fn is_news(&mut self, error: &Error, text: &str) -> bool {
        let is_connection = matches!(error.kind(), Kind::Disconnected | Kind::TimedOut);
        let broke_before = std::mem::replace(&mut self.broke, is_connection);
        let is_known = error.is_of_whole_cluster() || self.told.iter().any(|it| it == text);
        if is_known || is_connection && !broke_before || self.told.len() >= TOLD_LIMIT {
            return false;
        }
        self.told.push(text.to_owned());
        true
    }

    /// Records a success, and logs it after a failure.
    pub(crate) fn worked(&mut self) {
        self.broke = false;
        if !self.told.is_empty() {
            self.told.clear();
            info!("can {} again", self.what);
        }
    }
}

#[cfg(test)]
mod tests;
