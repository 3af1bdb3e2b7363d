//! Topic settings, and what farshore does with each of them on a mirror topic.
//!
//! One table is the source of what topic discovery changes, of what `config_exclude` may leave alone, of what `explain` shows
//! and of the page `docs/topic-settings.md`. Pure.

/// A setting of a topic.
#[derive(Debug, PartialEq, Eq)]
pub struct TopicSetting {
    pub name: &'static str,
    pub rule: SettingRule,
    /// Why the rule is what it is.
    pub why: &'static str,
}

/// What farshore does with a setting on a mirror topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingRule {
    /// It gets this value, whatever the source has.
    Set(&'static str),
    /// It gets the source's effective value, a list in any order.
    SameList,
    /// It is raised to the source's effective value, and never lowered; a negative number means unlimited.
    AtLeast(SettingNeed),
    /// It is never touched.
    NotMirrored,
}

/// Whether a mirror can be exact without a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingNeed {
    /// Without it records may be refused, or deleted before the source deletes them.
    Exactness,
    /// Only consumers that are late notice the difference.
    Comfort,
}

impl SettingRule {
    /// Whether farshore ever changes the setting.
    pub fn is_mirrored(self) -> bool {
        self != Self::NotMirrored
    }

    /// Whether `config_exclude` may leave the setting alone.
    pub fn is_optional(self) -> bool {
        match self {
            Self::Set(_) | Self::SameList | Self::AtLeast(SettingNeed::Exactness) => false,
            Self::AtLeast(SettingNeed::Comfort) | Self::NotMirrored => true,
        }
    }
}

/// No limit, for the settings that have no word for it.
pub const UNLIMITED: &str = "9223372036854775807";

const LAYOUT: &str = "how a broker stores the log; consumers see no difference";
const OPERATION: &str = "how the target is operated; its operators decide";
const TIERED: &str = "remote storage is a matter of each cluster";
const FORMAT: &str =
    "records keep the current format on the mirror, whatever they had on the source";

const fn set(name: &'static str, value: &'static str, why: &'static str) -> TopicSetting {
    let rule = SettingRule::Set(value);
    TopicSetting { name, rule, why }
}

const fn at_least(name: &'static str, need: SettingNeed, why: &'static str) -> TopicSetting {
    let rule = SettingRule::AtLeast(need);
    TopicSetting { name, rule, why }
}

const fn left(name: &'static str, why: &'static str) -> TopicSetting {
    let rule = SettingRule::NotMirrored;
    TopicSetting { name, rule, why }
}

/// The settings that topics have in any supported version of Kafka.
pub const TOPIC_SETTINGS: &[TopicSetting] = &[
    TopicSetting {
        name: "cleanup.policy",
        rule: SettingRule::SameList,
        why: "a mirror that is compacted although its source isn't loses records; one that isn't keeps what the source gave up",
    },
    set(
        "compression.type",
        "producer",
        "batches are stored as they are, not compressed again by the target's brokers",
    ),
    at_least(
        "delete.retention.ms",
        SettingNeed::Comfort,
        "a consumer of the mirror has as long to see a deletion",
    ),
    at_least(
        "max.compaction.lag.ms",
        SettingNeed::Comfort,
        "the mirror is not forced to compact earlier",
    ),
    at_least(
        "max.message.bytes",
        SettingNeed::Exactness,
        "whatever the source accepts has to be accepted by the mirror",
    ),
    set(
        "message.timestamp.after.max.ms",
        UNLIMITED,
        "timestamps are mirrored as they are, so none may be refused",
    ),
    set(
        "message.timestamp.before.max.ms",
        UNLIMITED,
        "timestamps are mirrored as they are, so none may be refused",
    ),
    set(
        "message.timestamp.difference.max.ms",
        UNLIMITED,
        "timestamps are mirrored as they are, so none may be refused",
    ),
    set(
        "message.timestamp.type",
        "CreateTime",
        "timestamps are mirrored as they are, those that the source's brokers assigned too",
    ),
    at_least(
        "min.compaction.lag.ms",
        SettingNeed::Comfort,
        "a consumer of the mirror has as long to see a record before it is compacted away",
    ),
    at_least(
        "retention.bytes",
        SettingNeed::Exactness,
        "the mirror must not delete what the source still has",
    ),
    at_least(
        "retention.ms",
        SettingNeed::Exactness,
        "the mirror must not delete what the source still has",
    ),
    left("compression.gzip.level", "the mirror doesn't compress"),
    left("compression.lz4.level", "the mirror doesn't compress"),
    left("compression.zstd.level", "the mirror doesn't compress"),
    left("file.delete.delay.ms", LAYOUT),
    left("flush.messages", OPERATION),
    left("flush.ms", OPERATION),
    left(
        "follower.replication.throttled.replicas",
        "it names brokers of the source",
    ),
    left("index.interval.bytes", LAYOUT),
    left(
        "leader.replication.throttled.replicas",
        "it names brokers of the source",
    ),
    left("local.retention.bytes", TIERED),
    left("local.retention.ms", TIERED),
    left("message.downconversion.enable", OPERATION),
    left("message.format.version", FORMAT),
    left("min.cleanable.dirty.ratio", LAYOUT),
    left(
        "min.insync.replicas",
        "it has to fit the target's brokers and the mirror's replicas",
    ),
    left("preallocate", LAYOUT),
    left("remote.log.copy.disable", TIERED),
    left("remote.log.delete.on.disable", TIERED),
    left("remote.storage.enable", TIERED),
    left("segment.bytes", LAYOUT),
    left("segment.index.bytes", LAYOUT),
    left("segment.jitter.ms", LAYOUT),
    left("segment.ms", LAYOUT),
    left(
        "unclean.leader.election.enable",
        "a mirror may lose what it acknowledged with it: the target's operators decide",
    ),
];

/// The settings that farshore reads, and changes on mirror topics where they differ.
pub fn mirrored_settings() -> impl Iterator<Item = &'static TopicSetting> {
    TOPIC_SETTINGS.iter().filter(|it| it.rule.is_mirrored())
}
