//! Committed offsets on both sides, and what is remembered of those this link wrote.

use std::fmt;

use jiff::Timestamp;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{SourceOffset, TargetOffset};

/// What a group committed on the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCommit {
    /// The next offset the group reads.
    pub offset: SourceOffset,
    /// The application's own text; Kafka Streams keeps state in it, so it is carried unchanged.
    pub metadata: Option<String>,
}

/// What is committed on the target now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetCommit {
    /// The next offset the group reads.
    pub offset: TargetOffset,
    /// The text that came with it.
    pub metadata: Option<String>,
}

/// What the checkpoint DB knows of this link's commits for a group and partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The last offset known to be committed by this link.
    pub last: Option<TargetOffset>,
    /// An offset sent whose answer isn't known: it may be committed, or may still be.
    pub intended: Option<TargetOffset>,
    /// When the last one was written, in milliseconds since 1970.
    pub at_ms: i64,
    /// The source offset that `intended`, or else `last`, stands for.
    pub stands_for: Option<SourceOffset>,
    /// The metadata of `intended`, or else of `last`.
    pub metadata: Option<String>,
    /// Somebody else committed on the target: left alone until a move takes it back.
    pub released: bool,
}

impl Written {
    /// Whether this link may write over what is committed on the target (H16).
    pub fn may_replace(&self, found: Option<&TargetCommit>) -> bool {
        found.is_none_or(|found| {
            self.last == Some(found.offset) || self.intended == Some(found.offset)
        })
    }

    /// The intention to write something, to be durable before it is sent.
    #[must_use]
    pub fn intending(&self, intent: &PlannedCommit) -> Self {
        Self {
            intended: Some(intent.offset),
            stands_for: Some(intent.stands_for),
            metadata: intent.metadata.clone(),
            ..self.clone()
        }
    }

    /// The same left alone from now on.
    #[must_use]
    pub fn released(&self) -> Self {
        Self {
            released: true,
            ..self.clone()
        }
    }

    /// The intention fulfilled.
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

/// When the target forgets an offset that isn't written again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Expiry {
    /// Nobody can say: the target doesn't tell its `offsets.retention.minutes`.
    #[serde(serialize_with = "unknown", deserialize_with = "is_unknown")]
    Unknown,
    /// At this time, if the group has no members until then.
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
            Self::Unknown => f.write_str("at a time that the target doesn't tell"),
            Self::At(time) => write!(f, "at {time}"),
        }
    }
}

impl Written {
    /// When the written offset expires on the target, given its retention as reported; `None` if nothing was written.
    pub fn expiry(&self, retention_ms: Option<i64>) -> Option<Expiry> {
        self.last?;
        let at = retention_ms.map(|retention| self.at_ms.saturating_add(retention));
        let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
        Some(at.map_or(Expiry::Unknown, Expiry::At))
    }
}

/// One commit to make on the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedCommit {
    /// The offset to commit.
    pub offset: TargetOffset,
    /// The source offset it stands for.
    pub stands_for: SourceOffset,
    /// The metadata to commit with it.
    pub metadata: Option<String>,
}

impl PlannedCommit {
    /// The same, but not above the end of what the target's log still holds.
    #[must_use]
    pub fn at_most(self, end: TargetOffset) -> Self {
        Self {
            offset: self.offset.min(end),
            ..self
        }
    }
}
