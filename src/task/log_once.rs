//! Logs a failure once: [`Notice`] that of one repeated operation until it changes or ends, [`Complaints`] those of many
//! partitions that have one cause until a minute has passed.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::{info, warn};

use crate::error::Error;
use crate::model::{LinkName, TopicPartition};

/// A repeated operation whose failures are logged when they change.
#[derive(Debug)]
pub(crate) struct Notice {
    what: String,
    last: Option<String>,
}

impl Notice {
    /// Returns a notice for an operation, named as in "cannot ...".
    pub(crate) fn of(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            last: None,
        }
    }

    /// Records a failure, and logs it if it differs from the last one.
    pub(crate) fn failed(&mut self, error: &Error) {
        let text = error.chain();
        if self.last.as_ref() != Some(&text) {
            warn!("cannot {}: {text}", self.what);
            self.last = Some(text);
        }
    }

    /// Records a success, and logs it after a failure.
    pub(crate) fn worked(&mut self) {
        if self.last.take().is_some() {
            info!("can {} again", self.what);
        }
    }
}

/// The time for which a logged cause isn't logged again.
const SILENCE: Duration = Duration::from_secs(60);
/// The limit of remembered causes.
const CAUSES_LIMIT: usize = 256;

/// The causes logged recently.
#[derive(Debug)]
pub(crate) struct Complaints {
    link: LinkName,
    causes: Mutex<HashMap<String, Instant>>,
}

impl Complaints {
    pub(crate) fn new(link: LinkName) -> Self {
        Self {
            link,
            causes: Mutex::new(HashMap::new()),
        }
    }

    /// Logs an error after which a partition retries, unless one with the same cause was logged recently.
    pub(crate) fn note(&self, partition: &TopicPartition, cause: &str, error: &str) {
        let now = Instant::now();
        {
            let mut causes = self.causes.lock();
            causes.retain(|_, logged| now.duration_since(*logged) < SILENCE);
            if causes.contains_key(cause) || causes.len() >= CAUSES_LIMIT {
                return;
            }
            causes.insert(cause.to_owned(), now);
        }
        tracing::warn!(
            link = %self.link, %partition, error,
            "partition retries; others with the same cause follow in silence"
        );
    }
}
