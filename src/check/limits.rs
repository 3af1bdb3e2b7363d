//! Judges the brokers' settings for a link.
//!
//! `replica.fetch.max.bytes` and similar settings don't limit what can be mirrored: a broker returns at least one batch to
//! a follower, whatever its size.

use std::time::Duration;

use crate::model::TopicName;
use crate::replicate::connections_over;

use super::facts::{ClusterFacts, Found, LinkFacts, Reached, Settings};
use super::finding::{Finding, advice, listed, set_for_brokers};

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How many days the target should remember producers while history is mirrored.
const MEMORY_DAYS: i64 = 7;
/// The largest overhead of a produce request around a batch, in bytes.
const REQUEST_OVERHEAD: i64 = 1024;
/// 1 Gb/s in bytes per second: on a line this fast the source's buffers matter.
const FAST_LINE: f64 = 125e6;
/// Clusters with a shorter round trip aren't limited by buffers.
const FAR: Duration = Duration::from_millis(5);
/// The limit of a link's connections to each broker.
const CONNECTIONS_MOST: f64 = 64.0;

/// Returns advice on settings that limit a link.
pub(super) fn findings(
    link: &LinkFacts,
    found: &Found,
    source: &ClusterFacts,
    target: &ClusterFacts,
) -> Vec<Finding> {
    let (Ok(from), Ok(to)) = (&source.reached, &target.reached) else {
        return Vec::new();
    };
    let mut findings = Vec::new();
    findings.extend(send_buffer(link, from));
    if let Ok(settings) = &to.settings {
        findings.extend(producer_memory(link, found, target, settings));
        findings.extend(request_size(link, found, settings));
        if let Ok(theirs) = &from.settings {
            findings.extend(offsets_retention(link, theirs, settings));
            findings.extend(offset_metadata(link, theirs, settings));
        }
    }
    findings
}

fn number(settings: &Settings, name: &str) -> Option<i64> {
    settings.get(name)?.trim().parse().ok()
}

/// How long brokers remember producers, in milliseconds.
pub(super) fn producer_memory_ms(settings: &Settings) -> Option<i64> {
    number(settings, "producer.id.expiration.ms")
}

/// Records older than half of the time for which the target remembers producers can't be pipelined.
fn producer_memory(
    link: &LinkFacts,
    found: &Found,
    target: &ClusterFacts,
    settings: &Settings,
) -> Option<Finding> {
    let memory = producer_memory_ms(settings)?;
    let topics: Vec<&TopicName> = found.unpipelined.keys().collect();
    let offsets: i64 = found.unpipelined.values().sum();
    (offsets > 0 && memory <= DAY_MS).then(|| {
        advice(
            &format!("link {}", link.name),
            format!(
                "producer.id.expiration.ms on {} is {memory}: {offsets} offsets of {}, which aren't mirrored yet, are older than half of that and are written one request at a time",
                link.target,
                listed(&topics)
            ),
            format!(
                "Raise it, at least until the history is mirrored (a change without a restart needs brokers of 3.5 or newer): {}",
                set_for_brokers(target, &format!("producer.id.expiration.ms={}", MEMORY_DAYS * DAY_MS))
            ),
        )
    })
}

fn request_size(link: &LinkFacts, found: &Found, settings: &Settings) -> Option<Finding> {
    let limit = number(settings, "socket.request.max.bytes")?;
    let is_larger = |bytes: i64| bytes.saturating_add(REQUEST_OVERHEAD) > limit;
    let larger = found.topics.iter();
    let larger: Vec<&TopicName> = larger
        .filter(|(_, topic)| topic.max_message_bytes.is_some_and(is_larger))
        .map(|(name, _)| name)
        .collect();
    (!larger.is_empty()).then(|| {
        advice(
            &format!("link {}", link.name),
            format!(
                "{} may hold batches larger than socket.request.max.bytes on {}, which is {limit}: one that large can't be mirrored",
                listed(&larger),
                link.target
            ),
            format!(
                "Raise socket.request.max.bytes in the brokers' files on {} above the topics' max.message.bytes.",
                link.target
            ),
        )
    })
}

fn offsets_retention(link: &LinkFacts, source: &Settings, target: &Settings) -> Option<Finding> {
    const NAME: &str = "offsets.retention.minutes";
    let (theirs, ours) = (number(source, NAME)?, number(target, NAME)?);
    (ours < theirs).then(|| {
        advice(
            &format!("link {}", link.name),
            format!(
                "{NAME} is {ours} on {} and {theirs} on {}: on the target, group offsets expire earlier while farshore isn't running",
                link.target, link.source
            ),
            format!("Set {NAME}={theirs} in the brokers' files on {}.", link.target),
        )
    })
}

fn offset_metadata(link: &LinkFacts, source: &Settings, target: &Settings) -> Option<Finding> {
    const NAME: &str = "offset.metadata.max.bytes";
    let (theirs, ours) = (number(source, NAME)?, number(target, NAME)?);
    (ours < theirs).then(|| {
        advice(
            &format!("link {}", link.name),
            format!(
                "{NAME} is {ours} on {} and {theirs} on {}: group offsets committed with more metadata than {ours} bytes can't be carried, and block moves",
                link.target, link.source
            ),
            format!("Set {NAME}={theirs} in the brokers' files on {}.", link.target),
        )
    })
}

/// A broker's send buffer limits the throughput of one connection over a long distance, whatever the reader does: the
/// kernel doubles the configured size, and that many bytes are sent per round trip.
fn send_buffer(link: &LinkFacts, source: &Reached) -> Option<Finding> {
    const NAME: &str = "socket.send.buffer.bytes";
    let buffer = number(source.settings.as_ref().ok()?, NAME).filter(|bytes| *bytes > 0)?;
    let buffer = f64::from(i32::try_from(buffer).unwrap_or(i32::MAX));
    let brokers = f64::from(u32::try_from(source.brokers.max(1)).unwrap_or(u32::MAX));
    let per_connection = 2.0 * buffer / source.round_trip.as_secs_f64();
    let chosen = || connections_over(Some(source.round_trip));
    let connections = link.fetch_connections.unwrap_or_else(chosen);
    let rate = per_connection * f64::from(connections) * brokers;
    let needed = (FAST_LINE / per_connection / brokers).ceil();
    (source.round_trip >= FAR && rate < FAST_LINE).then(|| {
        let more_connections = if needed <= CONNECTIONS_MOST {
            format!(", or fetch_connections = {needed:.0} for [links.{}]", link.name)
        } else {
            String::new()
        };
        advice(
            &format!("link {}", link.name),
            format!(
                "{} is {:.0} ms away and its {NAME} is {buffer:.0}: {connections} connections to each of its {brokers:.0} brokers carry about {:.0} MB/s",
                link.source,
                source.round_trip.as_secs_f64() * 1e3,
                rate / 1e6
            ),
            format!(
                "To fill a line of 1 Gb/s, set {NAME}=-1 in the brokers' files on {}{more_connections}.",
                link.source
            ),
        )
    })
}
