//! Resolves a link's section.

use std::collections::BTreeSet;

use super::super::defaults;
use super::super::field::{At, Field};
use super::super::filter::{GroupFilter, TopicFilter, compiled};
use super::super::problem::{Place, Problems};
use super::super::raw::{RawLink, RawVerify};
use super::super::settings::{LinkConfig, Naming, Otherwise, PreserveLimits, Start, VerifyConfig};
use super::super::values::{self, check_name, number_within, one_of, size_within};
use super::path::path;
use super::policy;
use crate::model::{ClusterName, LinkName, OffsetsMode, TopicName};

/// The lowest and the highest limit of a rate, per second.
const RATES: [&str; 2] = ["64KiB", "1024GiB"];

/// A link with what is needed to report its conflicts with other links.
pub(in crate::config) struct Link {
    pub(in crate::config) config: LinkConfig,
    /// The place of the section.
    pub(in crate::config) place: Place,
    /// The expressions of its topics.
    pub(in crate::config) topics: Vec<At<String>>,
    /// The expressions of excluded topics.
    pub(in crate::config) excluded: Vec<At<String>>,
}

pub(super) fn resolve(
    name: &At<String>,
    raw: RawLink,
    declared: &BTreeSet<ClusterName>,
    problems: &Problems,
) -> Option<Link> {
    check_name(name, problems);
    let policies = policy::resolve(raw.policies, raw.overrides, problems);
    let ends = ends(raw.source, raw.target, &name.place, declared, problems);
    let topics = topics(raw.topics, &name.place, problems);
    let excluded = listed(raw.topics_exclude);
    let duration =
        |field: Field<String>, default| field.parse(problems, values::duration).or(default);
    let connections = |field: Field<i64>| field.convert(problems, number_within(1..=64));
    let sizes = Sizes::resolve(
        raw.max_in_flight_bytes,
        raw.fetch_max_bytes,
        raw.partition_max_bytes,
        problems,
    );
    let offsets = mode(raw.offsets, problems);
    let mut config = LinkConfig {
        name: LinkName::new(name.value.as_str()),
        policies,
        quarantine_topic: quarantine(raw.quarantine_topic, &name.value, problems),
        groups: groups(raw.groups, raw.groups_exclude, problems),
        start: raw.start.parse(problems, values::start).or(Start::Earliest),
        offsets,
        path: path(raw.path, offsets, problems),
        preserve: preserve(
            raw.preserve_max_prefix,
            raw.preserve_max_markers,
            raw.preserve_otherwise,
            problems,
        ),
        naming: naming(raw.naming, problems),
        replication_factor: replicas(raw.replication_factor, problems),
        journal: raw.journal.or(true),
        refresh_interval: duration(raw.refresh_interval, defaults::REFRESH_INTERVAL),
        group_sync_interval: duration(raw.group_sync_interval, defaults::GROUP_SYNC_INTERVAL),
        fetch_connections: connections(raw.fetch_connections)
            .given()
            .map(|given| given.value),
        produce_connections: connections(raw.produce_connections).or(defaults::PRODUCE_CONNECTIONS),
        max_in_flight_bytes: sizes.in_flight,
        fetch_max_bytes: sizes.fetch,
        partition_max_bytes: sizes.partition,
        max_bytes_per_second: raw
            .max_bytes_per_second
            .parse(problems, values::size_or_off(RATES))
            .or(None),
        request_timeout: duration(raw.request_timeout, defaults::REQUEST_TIMEOUT),
        verify: verify(raw.verify, problems),
        topics: TopicFilter::of(compiled(&topics, problems), compiled(&excluded, problems)),
        source: ends.0?,
        target: ends.1?,
    };
    if config.naming == Naming::Prefix {
        config.topics = config.topics.without_copies_from(&config.target);
    }
    config.topics = config.topics.with_purged_ones(config.policies.clone());
    Some(Link {
        config,
        place: name.place.clone(),
        topics,
        excluded,
    })
}

fn quarantine(topic: Field<String>, link: &str, problems: &Problems) -> TopicName {
    let default = TopicName::new(format!("{}{link}", defaults::QUARANTINE_PREFIX));
    topic.parse(problems, values::topic).or(default)
}

const NAMINGS: &[(&str, Naming)] = &[("identity", Naming::Identity), ("prefix", Naming::Prefix)];

const MODES: &[(&str, OffsetsMode)] = &[
    ("translate", OffsetsMode::Translate),
    ("preserve", OffsetsMode::Preserve),
];

fn mode(field: Field<String>, problems: &Problems) -> OffsetsMode {
    field
        .parse(problems, one_of(MODES))
        .or(OffsetsMode::Translate)
}

const OTHERWISE: &[(&str, Otherwise)] = &[
    ("refuse", Otherwise::Refuse),
    ("translate", Otherwise::Translate),
];

fn preserve(
    prefix: Field<i64>,
    markers: Field<i64>,
    otherwise: Field<String>,
    problems: &Problems,
) -> PreserveLimits {
    let count = |field: Field<i64>, default| {
        let any = number_within(0..=i64::MAX);
        field.convert(problems, any).or(default)
    };
    PreserveLimits {
        max_prefix: count(prefix, defaults::PRESERVE_MAX_PREFIX),
        max_markers: count(markers, defaults::PRESERVE_MAX_MARKERS),
        otherwise: otherwise
            .parse(problems, one_of(OTHERWISE))
            .or(Otherwise::Refuse),
    }
}

fn verify(raw: RawVerify, problems: &Problems) -> VerifyConfig {
    let interval = raw.interval.parse(problems, values::duration_or_off);
    let rate = raw.max_bytes_per_second.parse(problems, size_within(RATES));
    VerifyConfig {
        interval: interval.or(None),
        max_bytes_per_second: rate.or(defaults::VERIFY_MAX_BYTES_PER_SECOND),
    }
}

/// Source and target, each a configured cluster, and different ones.
fn ends(
    source: Field<String>,
    target: Field<String>,
    section: &Place,
    declared: &BTreeSet<ClusterName>,
    problems: &Problems,
) -> (Option<ClusterName>, Option<ClusterName>) {
    let cluster = |field: Field<String>, key| {
        field
            .required(key, section, problems)
            .map(|At { value, place }| At {
                value: ClusterName::new(value),
                place,
            })
    };
    let (source, target) = (cluster(source, "source"), cluster(target, "target"));
    for end in [&source, &target].into_iter().flatten() {
        if !declared.contains(&end.value) {
            problems.add(
                &end.place,
                format!("no cluster {:?} is configured", end.value.as_str()),
            );
        }
    }
    if let (Some(source), Some(target)) = (&source, &target)
        && source.value == target.value
    {
        problems.add(&target.place, "source and target are the same cluster");
    }
    (source.map(|end| end.value), target.map(|end| end.value))
}

fn topics(field: Field<Vec<At<String>>>, section: &Place, problems: &Problems) -> Vec<At<String>> {
    let Some(topics) = field.required("topics", section, problems) else {
        return Vec::new();
    };
    if topics.value.is_empty() {
        problems.add(&topics.place, "at least one expression is needed");
    }
    topics.value
}

fn groups(
    include: Field<Vec<At<String>>>,
    exclude: Field<Vec<At<String>>>,
    problems: &Problems,
) -> GroupFilter {
    let every = At {
        value: defaults::GROUPS.to_owned(),
        place: Place::root(),
    };
    let (include, exclude) = (include.or(vec![every]), listed(exclude));
    GroupFilter::of(compiled(&include, problems), compiled(&exclude, problems))
}

fn listed(field: Field<Vec<At<String>>>) -> Vec<At<String>> {
    field.or(Vec::new())
}

/// Sizes, each of which is limited by the previous one; defaults are reduced to fit.
struct Sizes {
    in_flight: u64,
    fetch: i32,
    partition: i32,
}

impl Sizes {
    fn resolve(
        in_flight: Field<String>,
        fetch: Field<String>,
        partition: Field<String>,
        problems: &Problems,
    ) -> Self {
        let in_flight = in_flight
            .parse(problems, size_within(["1MiB", "1024GiB"]))
            .or(defaults::MAX_IN_FLIGHT_BYTES);
        let room = i32::try_from(in_flight).unwrap_or(i32::MAX);
        let fetch = fetch
            .parse(problems, size_within(["1KiB", "1GiB"]))
            .convert(problems, at_most(room, "max_in_flight_bytes"))
            .or(defaults::FETCH_MAX_BYTES.min(room));
        let partition = partition
            .parse(problems, size_within(["1KiB", "1GiB"]))
            .convert(problems, at_most(fetch, "fetch_max_bytes"))
            .or(defaults::PARTITION_MAX_BYTES.min(fetch));
        Self {
            in_flight,
            fetch,
            partition,
        }
    }
}

fn at_most(limit: i32, key: &'static str) -> impl Fn(&i32) -> Result<i32, String> {
    move |bytes| {
        if *bytes > limit {
            return Err(format!(
                "has to be at most {key}, which is {limit} bytes, found {bytes} bytes"
            ));
        }
        Ok(*bytes)
    }
}

fn replicas(field: Field<i64>, problems: &Problems) -> Option<i16> {
    let given = field.convert(problems, number_within(1..=1000)).given();
    given.map(|given| given.value)
}

fn naming(field: Field<String>, problems: &Problems) -> Naming {
    field.parse(problems, one_of(NAMINGS)).or(Naming::Identity)
}
