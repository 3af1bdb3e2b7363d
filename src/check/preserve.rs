//! Gathers and judges the requirements of preserved offsets: probes the permissions, and counts the offsets to fill.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::{LinkConfig, Otherwise, Start};
use crate::error::{Error, Kind, Result};
use crate::kafka::acl::{AclOperation, Need, Resource};
use crate::kafka::admin::{self, ListedOffsets, OffsetSpec};
use crate::kafka::client::Cluster;
use crate::model::{BrokerId, LeaderEpoch, OffsetsMode, TopicName, TopicPartition};

use super::deadline::{Deadline, Stage};
use super::facts::{
    ClusterFacts, Fill, Found, LinkFacts, MirrorFacts, PreserveFacts, Reached, Sides, TopicFacts,
};
use super::finding::{Finding, Severity, advice, finding, grant, granted_by, listed};
use super::probe::{self, Probe};

/// Returns the facts about a link that preserves offsets; `None` for others.
pub(super) async fn facts(
    link: &LinkConfig,
    sides: Sides<'_>,
    topics: &BTreeMap<TopicName, TopicFacts>,
    deadline: Deadline,
) -> Result<Option<PreserveFacts>> {
    if link.offsets != OffsetsMode::Preserve {
        return Ok(None);
    }
    let (source, (target, target_told)) = (sides.source.0, sides.target);
    let is_new = |topic: &TopicFacts| matches!(topic.on_target, MirrorFacts::Missing { .. });
    let new = topics.iter().filter(|(_, topic)| is_new(topic));
    let partitions: Vec<(TopicPartition, LeaderEpoch)> = new
        .flat_map(|(name, topic)| (0..topic.partitions).map(|number| (name.clone(), number)))
        .map(|(name, number)| (TopicPartition::new(name, number), LeaderEpoch::UNKNOWN))
        .collect();
    let begin = match link.start {
        Start::Earliest => OffsetSpec::Earliest,
        Start::Latest => OffsetSpec::LastStable,
        Start::At(timestamp) => OffsetSpec::Timestamp(timestamp),
    };
    let begins = admin::list_offsets(source, &partitions, begin).await?;
    let ends = admin::list_offsets(source, &partitions, OffsetSpec::HighWatermark).await?;
    let mut fills: BTreeMap<TopicName, Fill> = BTreeMap::new();
    for (partition, _) in partitions {
        let Some(end) = offset(&ends, &partition) else {
            continue;
        };
        // Without a record of that time or later, everything before the end is filled.
        let begin = offset(&begins, &partition).filter(|it| *it >= 0);
        let begin = begin.unwrap_or(end);
        let fill = fills.entry(partition.topic).or_default();
        fill.longest_prefix = fill.longest_prefix.max(begin);
        fill.prefixes += begin;
        fill.history += end - begin;
    }
    Ok(Some(PreserveFacts {
        limits: link.preserve,
        // Where the brokers are too old, everything else about it is beside the point.
        probe: if target_told.gapless.is_empty() {
            try_out(target, target_told, deadline).await?
        } else {
            Probe::default()
        },
        fills,
    }))
}

/// Tries on a scratch topic what preserving offsets takes; not while brokers can't be reached, among which the topic might be.
async fn try_out(target: &Cluster, told: &Reached, deadline: Deadline) -> Result<Probe> {
    if let Some(one) = told.unreached.first() {
        let text = format!(
            "not tried while brokers of {} can't be reached: {}",
            target.name(),
            one.why
        );
        return Err(Error::new(Kind::Disconnected, text));
    }
    probe::probe(target, Some(deadline.of(Stage::Probe))).await
}

fn offset(listed: &ListedOffsets, partition: &TopicPartition) -> Option<i64> {
    Some(listed.get(partition)?.as_ref().ok()?.offset)
}

/// The rate at which offsets of a prefix are filled, per second, and the bytes that each takes until it is deleted;
/// measured with one partition at a time.
const PREFIX_RATE: f64 = 20e6;
const PREFIX_BYTES: f64 = 0.8;
/// The same for control markers, which are kept until the target compacts or deletes them.
const MARKER_RATE: f64 = 70e3;
const MARKER_BYTES: f64 = 78.0;
/// Fewer offsets aren't worth mentioning.
const WORTH_TELLING: i64 = 1_000_000;

/// Returns the findings that prevent preserving a link's offsets, and its cost.
pub(super) fn findings(link: &LinkFacts, found: &Found, target: &ClusterFacts) -> Vec<Finding> {
    let Some(preserve) = &found.preserve else {
        return Vec::new();
    };
    let subject = format!("link {}", link.name);
    let mut findings = Vec::new();
    findings.extend(outdated(&subject, link, preserve, target));
    findings.extend(markers(&subject, preserve, target));
    findings.extend(deletion(&subject, preserve, target));
    findings.extend(too_long(&subject, preserve));
    findings.extend(prefixes(&subject, preserve));
    findings.extend(holes(&subject, found, preserve));
    findings
}

/// The severity of offsets that can't be preserved.
fn severity(preserve: &PreserveFacts) -> Severity {
    match preserve.limits.otherwise {
        Otherwise::Refuse => Severity::Problem,
        Otherwise::Translate => Severity::Advice,
    }
}

fn outdated(
    subject: &str,
    link: &LinkFacts,
    preserve: &PreserveFacts,
    target: &ClusterFacts,
) -> Option<Finding> {
    let brokers = &target.reached.as_ref().ok()?.gapless;
    (!brokers.is_empty()).then(|| {
        let brokers: Vec<&BrokerId> = brokers.iter().collect();
        let target = &link.target;
        finding(
            severity(preserve),
            subject,
            format!(
                "offsets can't be preserved on {target}, where broker {} is older than Kafka 2.8: such a broker doesn't report the producers that it knows, without which farshore can't tell whether a gap was filled once",
                listed(&brokers)
            ),
            format!("Upgrade the brokers of {target} to Kafka 2.8 or newer, or set offsets = \"translate\"."),
        )
    })
}

fn markers(subject: &str, preserve: &PreserveFacts, target: &ClusterFacts) -> Option<Finding> {
    let refused = preserve.probe.markers.as_ref()?;
    let consequence = match preserve.limits.otherwise {
        Otherwise::Refuse => "partitions with transactions, compaction or other gaps will halt",
        Otherwise::Translate => "offsets of topics that aren't mirrored yet will be translated",
    };
    let marks_as_broker = target.reached.as_ref().is_ok_and(|it| it.marks_as_broker);
    let fix = if marks_as_broker {
        let (operation, cluster) = (AclOperation::ClusterAction, Resource::cluster());
        let command = target.grantee.command([operation], [&cluster]);
        format!(
            "{command} (Kafka before 3.8 takes this right, with which everything can be done that brokers do)"
        )
    } else {
        let command = target.grantee.command_for(Need::WriteMarkers, "");
        format!("{command} (it also permits changing ACLs)")
    };
    Some(finding(
        severity(preserve),
        subject,
        format!("{}: {consequence}", refused.chain()),
        granted_by(refused, || fix),
    ))
}

fn deletion(subject: &str, preserve: &PreserveFacts, target: &ClusterFacts) -> Option<Finding> {
    let refused = preserve.probe.deletion.as_ref()?;
    let topics = preserve.fills.iter().filter(|(_, fill)| fill.prefixes > 0);
    let topics: Vec<&TopicName> = topics.map(|(name, _)| name).collect();
    (!topics.is_empty()).then(|| {
        advice(
            subject,
            format!(
                "{}: if this also applies to the mirrors of {}, what fills the offsets before their first records can't be deleted",
                refused.chain(),
                listed(&topics)
            ),
            granted_by(refused, || grant(target, &[AclOperation::Delete], &topics)),
        )
    })
}

fn too_long(subject: &str, preserve: &PreserveFacts) -> Option<Finding> {
    let limit = preserve.limits.max_prefix;
    let longer = |(_, fill): &(&TopicName, &Fill)| fill.longest_prefix > limit;
    let longer: Vec<(&TopicName, &Fill)> = preserve.fills.iter().filter(longer).collect();
    let most = longer.iter().map(|(_, fill)| fill.longest_prefix).max()?;
    let names: Vec<&TopicName> = longer.iter().map(|(name, _)| *name).collect();
    Some(finding(
        severity(preserve),
        subject,
        format!(
            "{} begin above preserve_max_prefix = {limit}, up to offset {most}",
            listed(&names)
        ),
        format!(
            "Set preserve_max_prefix = {most} (filling takes {} and {} on the target for a while), or mirror these topics over a link with offsets = \"translate\".",
            time(most, PREFIX_RATE),
            size(most, PREFIX_BYTES)
        ),
    ))
}

fn prefixes(subject: &str, preserve: &PreserveFacts) -> Option<Finding> {
    let all: i64 = preserve.fills.values().map(|fill| fill.prefixes).sum();
    (all >= WORTH_TELLING).then(|| {
        advice(
            subject,
            format!(
                "{all} offsets before the first records will be filled, which takes about {} and {} on the target for a while",
                time(all, PREFIX_RATE),
                size(all, PREFIX_BYTES)
            ),
            "Nothing to do if the target has enough space.",
        )
    })
}

fn holes(subject: &str, found: &Found, preserve: &PreserveFacts) -> Option<Finding> {
    let compacted = |name: &TopicName| found.topics.get(name).is_some_and(|topic| topic.compacted);
    let compacted = preserve.fills.iter().filter(|(name, _)| compacted(name));
    let compacted: Vec<(&TopicName, &Fill)> = compacted.collect();
    let most: i64 = compacted.iter().map(|(_, fill)| fill.history).sum();
    let names: Vec<&TopicName> = compacted.iter().map(|(name, _)| *name).collect();
    (most >= WORTH_TELLING).then(|| {
        advice(
            subject,
            format!(
                "{} are compacted: each offset without a record takes a control marker, together at most {most}, which is {} and {} on the target until it compacts them",
                listed(&names),
                time(most, MARKER_RATE),
                size(most, MARKER_BYTES)
            ),
            "Nothing to do if few offsets are missing; otherwise mirror these topics over a link with offsets = \"translate\".",
        )
    })
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn time(offsets: i64, rate: f64) -> String {
    let seconds = (offsets as f64 / rate).max(1.0);
    format!("{:.0?}", Duration::from_secs_f64(seconds.ceil()))
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn size(offsets: i64, bytes: f64) -> String {
    format!("{:.1} MB", offsets as f64 * bytes / 1e6)
}
