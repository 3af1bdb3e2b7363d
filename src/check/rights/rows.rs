//! Every right that farshore uses, and for what: the table in `docs/security.md` is this one. Pure.

use std::collections::BTreeSet;

use crate::kafka::acl::{AclOperation, Need};

/// The side of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::check) enum Side {
    Source,
    Target,
}

/// What a right is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Subject {
    SourceTopics,
    MirrorTopics,
    Groups,
    Journal,
    QuarantineTopic,
    ScratchTopics,
    /// The journals of other links.
    Journals,
    OwnTransactions,
    AllTransactions,
    Cluster,
}

/// What rights are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Feature {
    Mirroring,
    /// Following changes of the source topics.
    Changes,
    Groups,
    Journal,
    JournalPolicy,
    Markers,
    /// Filling the offsets before a partition's first record.
    Prefixes,
    /// Trying beforehand whether offsets can be preserved.
    Probe,
    RecordPath,
    Quarantine,
    Reseed,
    BrokerSettings,
    Transactions,
    Circles,
    SyncAcls,
    GuardMirrors,
}

/// Whether farshore does without a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::check) enum Weight {
    Needed,
    /// What depends on it is left out; nothing stops.
    Optional,
}

/// The rights on one kind of subject that a feature takes.
#[derive(Debug)]
pub(in crate::check) struct Row {
    pub(in crate::check) feature: Feature,
    pub(in crate::check) side: Side,
    pub(in crate::check) subject: Subject,
    pub(in crate::check) needs: &'static [Need],
    pub(in crate::check) weight: Weight,
    /// What the rights are for, as the table and the printed comments say it.
    pub(in crate::check) purpose: &'static str,
    /// What happens without them.
    pub(in crate::check) otherwise: &'static str,
}

/// Every right that farshore uses.
pub(in crate::check) const ROWS: &[Row] = &[
    Row {
        feature: Feature::Mirroring,
        side: Side::Source,
        subject: Subject::SourceTopics,
        needs: &[Need::ReadRecords, Need::ReadTopicConfigs],
        weight: Weight::Needed,
        purpose: "mirroring, verifying",
        otherwise: "the topic's partitions halt as `not_permitted`; so does a topic that was never seen and is named literally in `topics`, while others stay unseen",
    },
    Row {
        feature: Feature::Mirroring,
        side: Side::Target,
        subject: Subject::MirrorTopics,
        needs: &[
            Need::CreateTopic,
            Need::ReadRecords,
            Need::WriteRecords,
            Need::ReadTopicConfigs,
        ],
        weight: Weight::Needed,
        purpose: "mirroring, verifying",
        otherwise: "the topic's partitions halt as `not_permitted`; without Read, they do at their next resync, and offsets of groups in them wait",
    },
    Row {
        feature: Feature::Changes,
        side: Side::Target,
        subject: Subject::MirrorTopics,
        needs: &[Need::GrowTopic, Need::ChangeTopicConfigs],
        weight: Weight::Needed,
        purpose: "following the source topics' partitions and settings",
        otherwise: "new partitions wait; a topic whose settings have to be changed halts as `not_permitted`",
    },
    Row {
        feature: Feature::Groups,
        side: Side::Source,
        subject: Subject::Groups,
        needs: &[Need::ReadOffsets],
        weight: Weight::Needed,
        purpose: "carrying over the offsets of groups, moving them",
        otherwise: "the group's offsets wait; a group that was never seen stays unseen",
    },
    Row {
        feature: Feature::Groups,
        side: Side::Target,
        subject: Subject::Groups,
        needs: &[Need::CommitOffsets],
        weight: Weight::Needed,
        purpose: "carrying over the offsets of groups, moving them",
        otherwise: "the group's offsets wait",
    },
    Row {
        feature: Feature::Journal,
        side: Side::Target,
        subject: Subject::Journal,
        needs: &[Need::CreateTopic, Need::ReadRecords, Need::WriteRecords],
        weight: Weight::Needed,
        purpose: "the journal, and the lease in it",
        otherwise: "the link waits, or gives up its lease and waits",
    },
    Row {
        feature: Feature::JournalPolicy,
        side: Side::Target,
        subject: Subject::Journal,
        needs: &[Need::ReadTopicConfigs],
        weight: Weight::Optional,
        purpose: "noticing that somebody changed the journal's `cleanup.policy`",
        otherwise: "nobody is warned",
    },
    Row {
        feature: Feature::Markers,
        side: Side::Target,
        subject: Subject::Cluster,
        needs: &[Need::WriteMarkers],
        weight: Weight::Needed,
        purpose: "preserving offsets across gaps; it also permits changing ACLs (before Kafka 3.8: ClusterAction instead)",
        otherwise: "a partition halts as `not_permitted` at its first gap (`preserve_otherwise` decides)",
    },
    Row {
        feature: Feature::Prefixes,
        side: Side::Target,
        subject: Subject::MirrorTopics,
        needs: &[Need::DeleteRecords],
        weight: Weight::Needed,
        purpose: "preserving offsets where the source begins above 0",
        otherwise: "a partition halts as `not_permitted` before its first record, behind what fills the offsets before it",
    },
    Row {
        feature: Feature::Probe,
        side: Side::Target,
        subject: Subject::ScratchTopics,
        needs: &[Need::CreateTopic, Need::DeleteTopic],
        weight: Weight::Optional,
        purpose: "trying beforehand whether offsets can be preserved",
        otherwise: "only markers are tried, and on no topic",
    },
    Row {
        feature: Feature::RecordPath,
        side: Side::Target,
        subject: Subject::OwnTransactions,
        needs: &[Need::Transact],
        weight: Weight::Needed,
        purpose: "the record path's transactions",
        otherwise: "all partitions of the link halt as `not_permitted`",
    },
    Row {
        feature: Feature::Quarantine,
        side: Side::Target,
        subject: Subject::QuarantineTopic,
        needs: &[Need::CreateTopic, Need::ReadRecords, Need::WriteRecords],
        weight: Weight::Needed,
        purpose: "receipts (`skip_with_receipt`)",
        otherwise: "the partition halts instead of skipping",
    },
    Row {
        feature: Feature::Reseed,
        side: Side::Target,
        subject: Subject::MirrorTopics,
        needs: &[Need::DeleteTopic],
        weight: Weight::Needed,
        purpose: "mirroring a topic anew (`reseed`)",
        otherwise: "the topic stays as it is",
    },
    Row {
        feature: Feature::BrokerSettings,
        side: Side::Source,
        subject: Subject::Cluster,
        needs: &[Need::ReadBrokerConfigs],
        weight: Weight::Optional,
        purpose: "the brokers' settings",
        otherwise: "`check` compares no limits; a transaction counts as hanging by Kafka's default",
    },
    Row {
        feature: Feature::BrokerSettings,
        side: Side::Target,
        subject: Subject::Cluster,
        needs: &[Need::ReadBrokerConfigs],
        weight: Weight::Optional,
        purpose: "the brokers' settings",
        otherwise: "`check` compares no limits; when offsets expire is unknown, and Kafka's default counts for how long producers are remembered",
    },
    Row {
        feature: Feature::Transactions,
        side: Side::Source,
        subject: Subject::AllTransactions,
        needs: &[Need::SeeTransactions],
        weight: Weight::Optional,
        purpose: "whose an open transaction is",
        otherwise: "`held_by` has the producer id alone",
    },
    Row {
        feature: Feature::Circles,
        side: Side::Source,
        subject: Subject::Journals,
        needs: &[Need::SeeTopic],
        weight: Weight::Optional,
        purpose: "recognising links of other configurations, so that nothing goes round in a circle",
        otherwise: "a batch of such a link is one of an unknown link, which `allow_mirrored_source` mirrors",
    },
    Row {
        feature: Feature::SyncAcls,
        side: Side::Source,
        subject: Subject::Cluster,
        needs: &[Need::ReadAcls],
        weight: Weight::Needed,
        purpose: "carrying over the ACLs of topics (`sync_acls`)",
        otherwise: "what was carried over stays as it is; the link is `degraded`",
    },
    Row {
        feature: Feature::SyncAcls,
        side: Side::Target,
        subject: Subject::Cluster,
        needs: &[Need::ReadAcls, Need::ChangeAcls],
        weight: Weight::Needed,
        purpose: "carrying over the ACLs of topics (`sync_acls`)",
        otherwise: "none is added or removed; the link is `degraded`",
    },
    Row {
        feature: Feature::GuardMirrors,
        side: Side::Target,
        subject: Subject::Cluster,
        needs: &[Need::ReadAcls, Need::ChangeAcls],
        weight: Weight::Needed,
        purpose: "keeping others from writing to mirrors (`guard_mirrors`)",
        otherwise: "others can write to them; the link is `degraded`",
    },
];

impl Row {
    /// The operations that its needs take.
    pub(in crate::check) fn operations(&self) -> BTreeSet<AclOperation> {
        self.needs.iter().map(|need| need.operation()).collect()
    }
}

/// The operations that a feature takes on a subject of one side.
pub(in crate::check) fn operations(
    feature: Feature,
    side: Side,
    subject: Subject,
) -> Vec<AclOperation> {
    let rows = ROWS.iter();
    let rows = rows.filter(|it| (it.feature, it.side, it.subject) == (feature, side, subject));
    let operations: BTreeSet<AclOperation> = rows.flat_map(Row::operations).collect();
    operations.into_iter().collect()
}

/// Like [`operations`], on something that exists already.
pub(in crate::check) fn operations_on_existing(
    feature: Feature,
    side: Side,
    subject: Subject,
) -> Vec<AclOperation> {
    let mut operations = operations(feature, side, subject);
    operations.retain(|it| *it != AclOperation::Create);
    operations
}
