//! Resolves a link's section.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;

use super::super::defaults;
use super::super::document::Section;
use super::super::excluded_settings::ExcludedSettings;
use super::super::expression::Expression;
use super::super::filter::{GroupFilter, TopicFilter};
use super::super::policies::{AclRules, Otherwise, PreserveLimits};
use super::super::problem::{Problems, Span};
use super::super::settings::{LinkConfig, Naming, Start, VerifyConfig};
use super::super::values::{As, Bytes, GIB, KIB, MIB, Number, OrOff, TIB, Word, check_name, or};
use super::policy::{self, Override, PolicyWord};
use crate::model::{ClusterName, DataPath, LinkName, OffsetsMode, TopicName};

/// The keys of the section.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    source: Option<Spanned<ClusterName>>,
    target: Option<Spanned<ClusterName>>,
    topics: Option<Spanned<Vec<Spanned<String>>>>,
    topics_exclude: Vec<Spanned<String>>,
    groups: Option<Vec<Spanned<String>>>,
    groups_exclude: Vec<Spanned<String>>,
    start: Option<As<Start>>,
    offsets: Option<As<Word<OffsetsMode>>>,
    path: Option<Spanned<As<DataPath>>>,
    preserve_max_prefix: Option<As<Number<i64, 0, { i64::MAX }>>>,
    preserve_max_markers: Option<As<Number<i64, 0, { i64::MAX }>>>,
    preserve_otherwise: Option<As<Word<Otherwise>>>,
    naming: Option<As<Word<Naming>>>,
    allow_mirrored_source: Option<bool>,
    replication_factor: Option<As<Number<i16, 1, 1000>>>,
    config_exclude: Vec<Spanned<String>>,
    journal: Option<bool>,
    refresh_interval: Option<As<Duration>>,
    group_sync_interval: Option<As<Duration>>,
    sync_acls: Option<bool>,
    guard_mirrors: Option<bool>,
    acl_interval: Option<As<Duration>>,
    fetch_connections: Option<As<Number<u16, 1, 64>>>,
    produce_connections: Option<As<Number<u16, 1, 64>>>,
    max_in_flight_bytes: Option<As<Bytes<u64, MIB, TIB>>>,
    fetch_max_bytes: Option<FetchBytes>,
    partition_max_bytes: Option<FetchBytes>,
    max_bytes_per_second: Option<As<OrOff<Rate>>>,
    request_timeout: Option<As<Duration>>,
    verify_interval: Option<As<OrOff<Duration>>>,
    verify_max_bytes_per_second: Option<As<Rate>>,
    on_gap: PolicyWord,
    on_recreate: PolicyWord,
    on_truncate: PolicyWord,
    on_foreign_write: PolicyWord,
    on_refused: PolicyWord,
    on_corrupt: PolicyWord,
    on_target_truncate: PolicyWord,
    quarantine_topic: Option<As<TopicName>>,
    overrides: Vec<Spanned<Section<Override>>>,
}

/// A rate per second.
type Rate = Bytes<u64, { 64 * KIB }, TIB>;

/// The size of a fetch response, or of one partition in it.
type FetchBytes = Spanned<As<Bytes<i32, KIB, GIB>>>;

/// A link with what is needed to report its conflicts with other links.
pub(in crate::config) struct Link {
    pub(in crate::config) config: LinkConfig,
    /// The place of the section.
    pub(in crate::config) place: Span,
    /// The expressions of its topics.
    pub(in crate::config) topics: Vec<Spanned<Expression>>,
    /// The expressions of excluded topics, sorted.
    pub(in crate::config) excluded: Vec<Arc<str>>,
}

pub(super) fn resolve(
    name: &Spanned<String>,
    raw: Raw,
    declared: &BTreeSet<ClusterName>,
    problems: &Problems<'_>,
) -> Option<Link> {
    check_name(name, problems);
    let place = name.span();
    let ends = ends(raw.source, raw.target, &place, declared, problems);
    let topics = topics(raw.topics, &place, problems);
    let excluded = Expression::of_topics(&raw.topics_exclude, problems);
    let words = [
        raw.on_gap,
        raw.on_recreate,
        raw.on_truncate,
        raw.on_foreign_write,
        raw.on_refused,
        raw.on_corrupt,
        raw.on_target_truncate,
    ];
    let quarantine = format!("{}{name}", defaults::QUARANTINE_PREFIX);
    let in_flight = or(raw.max_in_flight_bytes, defaults::MAX_IN_FLIGHT_BYTES);
    let room = i32::try_from(in_flight).unwrap_or(i32::MAX);
    let [fetch, partition] = sizes(room, raw.fetch_max_bytes, raw.partition_max_bytes, problems);
    let offsets = or(raw.offsets, OffsetsMode::Translate);
    let mut config = LinkConfig {
        name: LinkName::new(name.get_ref().as_str()),
        policies: policy::resolve(words, raw.overrides, problems),
        quarantine_topic: or(raw.quarantine_topic, TopicName::new(quarantine)),
        groups: groups(raw.groups, &raw.groups_exclude, problems),
        start: or(raw.start, Start::Earliest),
        offsets,
        path: path(raw.path, offsets, problems),
        preserve: PreserveLimits {
            max_prefix: or(raw.preserve_max_prefix, defaults::PRESERVE_MAX_PREFIX),
            max_markers: or(raw.preserve_max_markers, defaults::PRESERVE_MAX_MARKERS),
            otherwise: or(raw.preserve_otherwise, Otherwise::Refuse),
        },
        naming: or(raw.naming, Naming::Identity),
        allow_mirrored_source: raw.allow_mirrored_source.unwrap_or(false),
        replication_factor: raw.replication_factor.map(|given| given.0),
        excluded_settings: ExcludedSettings::of(&raw.config_exclude, problems),
        journal: raw.journal.unwrap_or(true),
        refresh_interval: or(raw.refresh_interval, defaults::REFRESH_INTERVAL),
        group_sync_interval: or(raw.group_sync_interval, defaults::GROUP_SYNC_INTERVAL),
        acls: acls(raw.sync_acls, raw.guard_mirrors, raw.acl_interval),
        fetch_connections: raw.fetch_connections.map(|given| given.0),
        produce_connections: or(raw.produce_connections, defaults::PRODUCE_CONNECTIONS),
        max_in_flight_bytes: in_flight,
        fetch_max_bytes: fetch,
        partition_max_bytes: partition,
        max_bytes_per_second: or(raw.max_bytes_per_second, None),
        request_timeout: or(raw.request_timeout, defaults::REQUEST_TIMEOUT),
        verify: verify(raw.verify_interval, raw.verify_max_bytes_per_second),
        topics: TopicFilter::of(values(&topics), values(&excluded)),
        source: ends.0?,
        target: ends.1?,
    };
    if config.naming == Naming::Prefix {
        let topics = config.topics;
        config.topics = topics.without_copies(&config.source, &config.target, declared);
    }
    config.topics = config.topics.with_purged_ones(config.policies.clone());
    Some(Link {
        config,
        place,
        topics,
        excluded: sorted(&excluded),
    })
}

fn acls(sync: Option<bool>, guard: Option<bool>, interval: Option<As<Duration>>) -> AclRules {
    AclRules {
        sync: sync.unwrap_or(false),
        guard: guard.unwrap_or(false),
        interval: or(interval, defaults::ACL_INTERVAL),
    }
}

/// Has no link mirror what another one has put into quarantine on its source.
pub(super) fn leave_out_quarantines(links: &mut [Link]) {
    let known = links.iter().map(|it| {
        let config = &it.config;
        (config.target.clone(), config.quarantine_topic.clone())
    });
    let known: Vec<(ClusterName, TopicName)> = known.collect();
    for Link { config, .. } in links {
        let on_source = known
            .iter()
            .filter(|(cluster, _)| *cluster == config.source);
        let topics = on_source.map(|(_, topic)| topic.clone()).collect();
        config.topics.leave_out_quarantines(topics);
    }
}

/// Source and target, each a configured cluster, and different ones.
fn ends(
    source: Option<Spanned<ClusterName>>,
    target: Option<Spanned<ClusterName>>,
    section: &Span,
    declared: &BTreeSet<ClusterName>,
    problems: &Problems<'_>,
) -> (Option<ClusterName>, Option<ClusterName>) {
    let source = problems.required(source, section, "source");
    let target = problems.required(target, section, "target");
    for end in [&source, &target].into_iter().flatten() {
        if !declared.contains(end.get_ref()) {
            let name = end.get_ref().as_str();
            problems.add(&end.span(), format!("no cluster {name:?} is configured"));
        }
    }
    if let (Some(source), Some(target)) = (&source, &target)
        && source == target
    {
        problems.add(&target.span(), "source and target are the same cluster");
    }
    (
        source.map(Spanned::into_inner),
        target.map(Spanned::into_inner),
    )
}

fn topics(
    topics: Option<Spanned<Vec<Spanned<String>>>>,
    section: &Span,
    problems: &Problems<'_>,
) -> Vec<Spanned<Expression>> {
    let Some(topics) = problems.required(topics, section, "topics") else {
        return Vec::new();
    };
    if topics.get_ref().is_empty() {
        problems.empty(&topics.span(), "at least one expression is needed");
    }
    Expression::of_topics(topics.get_ref(), problems)
}

/// Expressions without their places.
fn values(expressions: &[Spanned<Expression>]) -> Vec<Expression> {
    let values = expressions.iter().map(|it| it.get_ref().clone());
    values.collect()
}

fn sorted(expressions: &[Spanned<Expression>]) -> Vec<Arc<str>> {
    let texts = expressions.iter().map(|it| it.get_ref().written());
    let mut texts: Vec<Arc<str>> = texts.map(Arc::clone).collect();
    texts.sort();
    texts
}

fn groups(
    include: Option<Vec<Spanned<String>>>,
    exclude: &[Spanned<String>],
    problems: &Problems<'_>,
) -> GroupFilter {
    let compiled = |written: &[Spanned<String>]| values(&Expression::all(written, problems));
    let every = || vec![Spanned::new(0..0, defaults::GROUPS.to_owned())];
    let include = include.unwrap_or_else(every);
    GroupFilter::of(compiled(&include), compiled(exclude))
}

fn verify(interval: Option<As<OrOff<Duration>>>, rate: Option<As<Rate>>) -> VerifyConfig {
    VerifyConfig {
        interval: or(interval, None),
        max_bytes_per_second: or(rate, defaults::VERIFY_MAX_BYTES_PER_SECOND),
    }
}

/// The sizes of a fetch response and of one partition in it, each limited by the previous one.
fn sizes(
    room: i32,
    fetch: Option<FetchBytes>,
    partition: Option<FetchBytes>,
    problems: &Problems<'_>,
) -> [i32; 2] {
    let limit = ("max_in_flight_bytes", room);
    let fetch = at_most(limit, fetch, defaults::FETCH_MAX_BYTES, problems);
    let limit = ("fetch_max_bytes", fetch);
    let partition = at_most(limit, partition, defaults::PARTITION_MAX_BYTES, problems);
    [fetch, partition]
}

/// A size that is limited by another one; the default is reduced to fit.
fn at_most(
    (key, limit): (&str, i32),
    given: Option<FetchBytes>,
    default: i32,
    problems: &Problems<'_>,
) -> i32 {
    let Some(given) = given else {
        return default.min(limit);
    };
    let bytes = given.get_ref().0;
    if bytes > limit {
        let message =
            format!("has to be at most {key}, which is {limit} bytes, found {bytes} bytes");
        problems.add(&given.span(), message);
    }
    bytes
}

/// The path, which has to be compatible with the offsets mode.
fn path(
    given: Option<Spanned<As<DataPath>>>,
    offsets: OffsetsMode,
    problems: &Problems<'_>,
) -> DataPath {
    let Some(given) = given else {
        return DataPath::Raw;
    };
    let path = given.get_ref().0;
    if (path, offsets) == (DataPath::Record, OffsetsMode::Preserve) {
        let message = "the record path can't preserve offsets, because each of its transactions takes one: use \"raw\", or offsets = \"translate\"";
        problems.add(&given.span(), message);
    }
    path
}
