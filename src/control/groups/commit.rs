//! Committed offsets on both sides, and the link's own record of what it committed.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{SourceOffset, TargetOffset};

/// An offset that a group committed on the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCommit {
    /// The next offset the group reads.
    pub offset: SourceOffset,
    /// Text set by the application, carried unchanged: Kafka Streams keeps state in it.
    pub metadata: Option<String>,
}

impl SourceCommit {
    /// The length of the metadata as brokers measure it: in UTF-16 units, although their setting is named after bytes.
    pub fn metadata_length(&self) -> usize {
        let metadata = self.metadata.as_deref();
        metadata.map_or(0, |text| text.encode_utf16().count())
    }
}

/// The offset currently committed on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetCommit {
    /// The next offset the group reads.
    pub offset: TargetOffset,
    pub metadata: Option<String>,
}

/// What the checkpoint DB records about this link's commits for a group and partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The last offset this link is known to have committed.
    pub last: Option<TargetOffset>,
    /// An offset sent but not yet acknowledged: it may already be committed, or be committed later.
    pub intended: Option<TargetOffset>,
    /// When `last` was committed, in milliseconds since 1970.
    pub at_ms: i64,
    /// The source offset that `intended`, or else `last`, represents.
    pub stands_for: Option<SourceOffset>,
    /// The metadata of `intended`, or else of `last`.
    pub metadata: Option<String>,
    /// Another client committed on the target: the offset is left alone until a move reclaims it.
    pub released: bool,
}

impl Written {
    /// Whether this link may overwrite the offset committed on the target (H16).
    pub fn may_replace(&self, found: Option<&TargetCommit>) -> bool {
        found.is_none_or(|found| {
            self.last == Some(found.offset) || self.intended == Some(found.offset)
        })
    }

    /// The record of the intent to commit `intent`, to be made durable before the commit is sent.
    #[must_use]
    pub fn intending(&self, intent: &PlannedCommit) -> Self {
        Self {
            intended: Some(intent.offset),
            stands_for: Some(intent.stands_for),
            metadata: intent.metadata.clone(),
            ..self.clone()
        }
    }

    /// The record of an offset that is left alone from now on.
    #[must_use]
    pub fn released(&self) -> Self {
        Self {
            released: true,
            ..self.clone()
        }
    }

    /// The record to go on from where nothing is committed on the target, in a partition whose map began at `map_since_ms`.
    ///
    /// What another client committed there is gone, for example with a mirror topic that was created anew, so nothing is left
    /// to be left alone. What this link committed before the map began is gone with it and must not come back: the new topic
    /// has other records there.
    #[must_use]
    pub fn absent(self, map_since_ms: i64) -> Self {
        let is_former = self.intended.is_none() && map_since_ms > 0 && self.at_ms <= map_since_ms;
        if self.released || is_former {
            Self::default()
        } else {
            self
        }
    }

    /// The record after the intended commit was acknowledged.
    #[must_use]
    pub fn fulfilled(&self, now_ms: i64) -> Self {
        Self {
            last: self.intended.or(self.last),
            intended: None,
            at_ms: now_ms,
            ..self.clone()
        }
    }
}

/// When the target expires an offset that isn't committed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Expiry {
    /// Unknown: the target doesn't report its `offsets.retention.minutes`.
    #[serde(serialize_with = "unknown", deserialize_with = "is_unknown")]
    Unknown,
    /// At this time, unless the group gains members before.
    At(Timestamp),
}

fn unknown<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("unknown")
}

fn is_unknown<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "unknown" => Ok(()),
        other => Err(D::Error::invalid_value(Unexpected::Str(other), &"unknown")),
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("at a time that the target doesn't report"),
            Self::At(time) => write!(f, "at {time}"),
        }
    }
}

impl Written {
    /// When the written offset expires on the target, given the retention it reports; `None` if nothing was written.
    pub fn expiry(&self, retention_ms: Option<i64>) -> Option<Expiry> {
        self.last?;
        let at = retention_ms.map(|retention| self.at_ms.saturating_add(retention));
        let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
        Some(at.map_or(Expiry::Unknown, Expiry::At))
    }
}

/// A commit to make on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCommit {
    pub offset: TargetOffset,
    /// The source offset that `offset` represents.
    pub stands_for: SourceOffset,
    pub metadata: Option<String>,
}

impl PlannedCommit {
    /// The same commit, with its offset lowered to `end` if it is above what the target's log still holds.
    #[must_use]
    pub fn at_most(self, end: TargetOffset) -> Self {
        Self {
            offset: self.offset.min(end),
            ..self
        }
    }
}
