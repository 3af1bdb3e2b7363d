//! Identifiers: cheap to clone, ordered, and never interchangeable.

use std::fmt::{self, Write};
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = String)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps `name` unchecked; the code that read it is responsible for validating it.
            pub fn new(name: impl Into<Arc<str>>) -> Self {
                Self(name.into())
            }

            /// The name unchanged; shown, its control characters are escaped.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&OneLine(&self.0), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> Self {
                Self::new(name)
            }
        }
    };
}

/// Text from a cluster, shown in one line: the characters that would break it, or control a terminal, are escaped. Kafka
/// accepts any in a group's id, and brokers repeat it in their messages.
#[derive(Debug)]
pub struct OneLine<'a>(pub &'a str);

impl OneLine<'_> {
    /// Whether a character breaks a line or controls a terminal instead of being shown.
    pub fn is_obeyed(it: char) -> bool {
        it.is_control() || matches!(it, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    }
}

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(Self::is_obeyed) {
            return f.write_str(self.0);
        }
        self.0.chars().try_for_each(|it| {
            if Self::is_obeyed(it) {
                write!(f, "{}", it.escape_default())
            } else {
                f.write_char(it)
            }
        })
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(
            Debug,
            Clone,
            Copy,
            PartialEq,
            Eq,
            PartialOrd,
            Ord,
            Hash,
            Serialize,
            Deserialize,
            ToSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    };
}

name! {
    /// A cluster's name in the configuration (not Kafka's cluster id).
    ClusterName
}
name! {
    /// A link's name in the configuration.
    LinkName
}
name! {
    /// A topic's name.
    TopicName
}
name! {
    /// A consumer group's id.
    GroupId
}
number! {
    /// A partition's number within its topic.
    Partition(i32)
}
number! {
    /// A broker's node id.
    BrokerId(i32)
}
number! {
    /// A partition leader epoch; -1 means unknown.
    LeaderEpoch(i32)
}

impl LeaderEpoch {
    /// The value Kafka uses when no epoch is known.
    pub const UNKNOWN: Self = Self(-1);
}

/// A topic's id (KIP-516), which changes when a topic is deleted and created again. All zeros if the broker gave none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TopicId(pub uuid::Uuid);

impl TopicId {
    /// The id reported by brokers that predate topic ids.
    pub const NONE: Self = Self(uuid::Uuid::nil());

    /// Whether the broker gave an id at all.
    pub fn is_known(self) -> bool {
        !self.0.is_nil()
    }

    /// Whether two ids prove that there were two topics; brokers without topic ids can't tell them apart.
    pub fn differs_from(self, other: Self) -> bool {
        self.is_known() && other.is_known() && self != other
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A partition of a named topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct TopicPartition {
    pub topic: TopicName,
    pub partition: Partition,
}

impl TopicPartition {
    /// The partition number `partition` of `topic`.
    pub fn new(topic: impl Into<TopicName>, partition: i32) -> Self {
        Self {
            topic: topic.into(),
            partition: Partition(partition),
        }
    }

    /// The range that holds every partition of `topic` in an ordered collection.
    pub fn all_of(topic: &TopicName) -> RangeInclusive<Self> {
        Self::new(topic.clone(), i32::MIN)..=Self::new(topic.clone(), i32::MAX)
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

#[cfg(test)]
mod tests;
