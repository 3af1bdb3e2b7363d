//! Administrative requests: one short file per family, free functions over a [`Cluster`](super::client::Cluster).
//!
//! Promises: each sends its request to the responsible broker, retries transient errors up to the cluster's retry
//! limit, and returns all others as an error that names what was requested. All of them may be repeated.
//! Doesn't: decide what should exist; see `control` for that.

mod acls;
mod configs;
mod group_offsets;
mod groups;
mod identity;
mod markers;
mod offsets;
mod outdated;
mod permissions;
mod producers;
mod read;
mod records;
mod round_trip;
mod topics;
mod transactions;

pub use acls::{
    AclsSeen, SeenOnTopics, create_acls, delete_acls, describe_acls, describe_acls_and_topics,
    is_without_authorizer,
};
pub use configs::{
    ConfigValue, ConfigValues, alter_topic_configs, broker_configs, broker_configs_of,
    cleanup_policies, topic_configs,
};
pub use group_offsets::{GroupOffset, commit_group_offsets, group_offsets};
pub use groups::{GroupDescription, GroupKind, ListedGroup, describe_group, list_groups};
pub use identity::{Identity, identity};
pub use markers::{Markers, refused_markers, refuses_markers, try_marker, write_markers};
pub use offsets::{
    ListedOffset, ListedOffsets, OffsetSpec, end_of_epoch, list_offset, list_offsets,
    list_offsets_until, served,
};
pub use outdated::{Outdated, outdated};
pub use permissions::{Operations, hidden_topics, refused_creations, topic_operations};
pub(crate) use producers::ProducerStatus;
pub use producers::{ProducerState, describe_producers};
pub use read::{RawRead, ReadAt, read_at, read_committed, read_patiently, read_raw};
pub use records::delete_records;
pub use round_trip::{ping, round_trip};
pub use topics::{
    CreatedTopics, NewTopic, create_partitions, create_topic, create_topics, delete_topic,
    topic_ids,
};
pub use transactions::{CoordinatedTransaction, open_transactions};

use std::time::Duration;

use crate::error::{Error, Kind};

/// The error for a response that leaves out something that was requested.
fn missing(what: &str) -> Error {
    Error::new(
        Kind::Protocol,
        format!("the broker's answer leaves out {what}; is it an Apache Kafka broker?"),
    )
}

/// Converts a duration to a request field in milliseconds.
fn milliseconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_millis()).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests;
