//! The error type of everything that can fail at run time.
//!
//! An [`Error`] names the cluster, topic, partition, offset and broker code as far as they are known, and keeps its cause.
//! Code that returns an error doesn't log it; its owner (a loop or an edge) logs or shows it once.

use std::fmt;

use crate::model::{ClusterName, TopicPartition};

/// The result of anything that can fail at run time.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A broker's error code as sent on the wire (Kafka's `Errors` enumeration).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BrokerCode(pub i16);

/// The kind of a failure, by which its owner decides how to react.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// No connection, or it broke: requests in flight on it may or may not have taken effect.
    Disconnected,
    /// No answer in time: the request may or may not have taken effect.
    TimedOut,
    /// The peer doesn't speak the protocol, or supports no common version.
    Protocol,
    /// The broker answered with an error code.
    Broker(BrokerCode),
    /// The checkpoint DB can't be read or written.
    Store,
    /// A value from outside can't be used.
    Invalid,
    /// A precondition of the request doesn't hold.
    Refused,
    /// farshore is stopping.
    Stopping,
}

/// A failure with its context: cluster, partition, offset and cause.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    cluster: Option<ClusterName>,
    partition: Option<TopicPartition>,
    offset: Option<i64>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Returns an error; `message` says what was attempted and what to do, without the context added below.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            cluster: None,
            partition: None,
            offset: None,
            source: None,
        }))
    }

    /// Adds the cluster, unless one is already set.
    #[must_use]
    pub fn cluster(mut self, cluster: &ClusterName) -> Self {
        self.0.cluster.get_or_insert_with(|| cluster.clone());
        self
    }

    /// Adds the partition, unless one is already set.
    #[must_use]
    pub fn partition(mut self, partition: &TopicPartition) -> Self {
        self.0.partition.get_or_insert_with(|| partition.clone());
        self
    }

    /// Adds the offset, unless one is already set.
    #[must_use]
    pub fn offset(mut self, offset: i64) -> Self {
        self.0.offset.get_or_insert(offset);
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(cause.into());
        self
    }

    /// The kind of the failure.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The broker's code, if a broker answered with one.
    pub fn code(&self) -> Option<BrokerCode> {
        match self.0.kind {
            Kind::Broker(code) => Some(code),
            Kind::Disconnected
            | Kind::TimedOut
            | Kind::Protocol
            | Kind::Store
            | Kind::Invalid
            | Kind::Refused
            | Kind::Stopping => None,
        }
    }

    /// Returns the error for one of several operations affected by this failure: same kind, its text after `effect`.
    #[must_use]
    pub fn shared(&self, effect: &str) -> Self {
        Self::new(self.kind(), format!("{effect}: {}", self.chain()))
    }

    /// The message without context and causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Message, context and all causes in one line, for logs and `status`.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        let mut separator = " (";
        let mut part = |f: &mut fmt::Formatter<'_>, name: &str, value: &dyn fmt::Display| {
            let written = write!(f, "{separator}{name} {value}");
            separator = ", ";
            written
        };
        if let Some(cluster) = &self.0.cluster {
            part(f, "cluster", cluster)?;
        }
        if let Some(partition) = &self.0.partition {
            part(f, "partition", partition)?;
        }
        if let Some(offset) = &self.0.offset {
            part(f, "offset", offset)?;
        }
        if separator == ", " {
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_carries_circumstances_and_causes_in_order() {
        let error = Error::new(Kind::Broker(BrokerCode(6)), "produce refused: NOT_LEADER")
            .offset(7)
            .partition(&TopicPartition::new("t", 1))
            .cluster(&ClusterName::new("oslo"))
            .caused_by(std::io::Error::other("reset"));
        assert_eq!(
            error.chain(),
            "produce refused: NOT_LEADER (cluster oslo, partition t-1, offset 7): reset"
        );
        assert_eq!(
            Error::new(Kind::Stopping, "stopping").to_string(),
            "stopping"
        );
    }
}
