//! The error type of everything that can fail at run time.
//!
//! An [`Error`] names the cluster, topic, partition, offset and broker code as far as they are known, and keeps its cause.
//! Code that returns an error doesn't log it; its owner (a loop or an edge) logs or shows it once.

use std::fmt;
use std::sync::Arc;

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
#[derive(Debug, Clone)]
pub struct Error(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: Kind,
    message: String,
    context: Context,
    is_of_cluster: bool,
    fix: Option<String>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// Returns an error; `message` says what was attempted and what to do, without the context added below.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            context: Context::default(),
            is_of_cluster: false,
            fix: None,
            source: None,
        }))
    }

    /// Adds the cluster, unless one is already set.
    #[must_use]
    pub fn cluster(mut self, cluster: &ClusterName) -> Self {
        let known = &mut self.0.context.cluster;
        known.get_or_insert_with(|| cluster.clone());
        self
    }

    /// Adds the partition, unless one is already set.
    #[must_use]
    pub fn partition(mut self, partition: &TopicPartition) -> Self {
        let known = &mut self.0.context.partition;
        known.get_or_insert_with(|| partition.clone());
        self
    }

    /// Adds the offset, unless one is already set.
    #[must_use]
    pub fn offset(mut self, offset: i64) -> Self {
        self.0.context.offset.get_or_insert(offset);
        self
    }

    /// Marks the failure as one of the whole cluster: no broker of it answers.
    #[must_use]
    pub fn of_whole_cluster(mut self) -> Self {
        self.0.is_of_cluster = true;
        self
    }

    /// Adds what to do about it, unless that is known already.
    #[must_use]
    pub fn fixed_by(mut self, fix: impl Into<String>) -> Self {
        if self.fix().is_none() {
            self.0.fix = Some(fix.into());
        }
        self
    }

    /// What to do about it, if that is known.
    pub fn fix(&self) -> Option<&str> {
        self.own_chain()
            .find_map(|Self(inner)| inner.fix.as_deref())
    }

    /// Adds the cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(cause.into()));
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

    /// Returns the error for one of several operations affected by this failure: same kind, caused by it.
    #[must_use]
    pub fn shared(&self, effect: &str) -> Self {
        Self::new(self.kind(), effect).caused_by(self.clone())
    }

    /// The message without context and causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Message, context, all causes and the fix in one line, for logs and `status`. Each circumstance and each cause is named
    /// once, by the outermost error that knows it.
    pub fn chain(&self) -> String {
        let mut named = Context::default();
        self.with_fix(self.joined(|inner| inner.text(&mut named, true)))
    }

    /// Message, context except for the partition, all causes and the fix: equal for the same failure of several partitions.
    pub fn without_partition(&self) -> String {
        let mut named = Context::default();
        self.with_fix(self.joined(|inner| inner.text(&mut named, false)))
    }

    fn with_fix(&self, text: String) -> String {
        match self.fix() {
            Some(fix) if !text.contains(fix) => format!("{text}; {fix}"),
            Some(_) | None => text,
        }
    }

    /// Whether this failed because no broker of a cluster answers.
    pub fn is_of_whole_cluster(&self) -> bool {
        self.own_chain().any(|Self(inner)| inner.is_of_cluster)
    }

    /// This error and those of its causes that are errors of this type.
    fn own_chain(&self) -> impl Iterator<Item = &Self> {
        let first: &(dyn std::error::Error + 'static) = self;
        let all = std::iter::successors(Some(first), |error| error.source());
        all.filter_map(as_own)
    }

    /// Message and all causes without context.
    pub fn causes(&self) -> String {
        self.joined(|inner| inner.message.clone())
    }

    fn joined(&self, mut text_of: impl FnMut(&Inner) -> String) -> String {
        let mut text = String::new();
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = next {
            let part = match as_own(error) {
                Some(Self(inner)) => text_of(inner),
                None => error.to_string(),
            };
            if !text.contains(&part) {
                let separator = if text.is_empty() { "" } else { ": " };
                text.push_str(separator);
                text.push_str(&part);
            }
            next = error.source();
        }
        text
    }
}

/// Returns one of these errors among others, shared or not.
fn as_own<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    let shared = || error.downcast_ref::<Arc<Error>>().map(|it| &**it);
    error.downcast_ref().or_else(shared)
}

/// Where something failed, as far as known.
#[derive(Debug, Clone, Default)]
struct Context {
    cluster: Option<ClusterName>,
    partition: Option<TopicPartition>,
    offset: Option<i64>,
}

impl Inner {
    /// Returns the message with the context that isn't among what was `named` before, and adds it there; the partition only
    /// if wanted.
    fn text(&self, named: &mut Context, with_partition: bool) -> String {
        let Context {
            cluster,
            partition,
            offset,
        } = &self.context;
        let partition = partition.as_ref().filter(|_| with_partition);
        let parts = [
            name("cluster", cluster.as_ref(), &mut named.cluster),
            name("partition", partition, &mut named.partition),
            name("offset", offset.as_ref(), &mut named.offset),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            return self.message.clone();
        }
        format!("{} ({})", self.message, parts.join(", "))
    }
}

/// Returns `what` with its value, unless it is unknown or was `named` before.
fn name<T: fmt::Display + Clone + PartialEq>(
    what: &str,
    value: Option<&T>,
    named: &mut Option<T>,
) -> Option<String> {
    let value = value.filter(|it| named.as_ref() != Some(*it))?;
    *named = Some(value.clone());
    Some(format!("{what} {value}"))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text(&mut Context::default(), true))
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
mod tests;
