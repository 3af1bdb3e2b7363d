//! The labels of counters.

use prometheus_client::encoding::EncodeLabelSet;

/// A link.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct LinkLabels {
    /// The link's name.
    pub link: String,
}

/// A way for batches.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct BatchLabels {
    /// The link's name.
    pub link: String,
    /// How the batch travelled: untouched or re-encoded.
    pub path: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// A cause of retries.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RetryLabels {
    /// The link's name.
    pub link: String,
    /// The cluster that was asked.
    pub cluster: String,
    /// The broker's error by its name, or how the connection failed.
    pub cause: &'static str,
}

/// An outcome of moves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct OperationLabels {
    /// The link's name.
    pub link: String,
    /// The kind of move.
    pub kind: &'static str,
    /// How it ended.
    pub outcome: &'static str,
}
