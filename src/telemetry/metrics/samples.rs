//! What the metrics are samples of.

use std::fmt;

use crate::model::{ClusterName, LinkName, PartitionState, TopicPartition, Totals};

/// The source of samples. Called at each scrape; must not block.
pub trait Samples: fmt::Debug + Send + Sync + 'static {
    /// Samples every link and every mirror partition.
    fn links(&self) -> (Vec<LinkSample>, Vec<PartitionSample>);
    /// Counts the partitions of groups by state of group sync.
    fn groups(&self) -> Vec<GroupSample>;
    /// Whether the checkpoint DB can't be written, so that nothing is mirrored.
    fn checkpoint_failed(&self) -> bool;
    /// Returns for how many milliseconds `max_bytes_per_second` throttled each link.
    fn rate_limited(&self) -> Vec<(LinkName, u64)>;
    /// Samples every mirror partition that has been verified.
    fn verified(&self) -> Vec<VerifiedSample>;
    /// Returns the bytes that this process read to verify, by link.
    fn bytes_verified(&self) -> Vec<(LinkName, u64)>;
    /// Samples every cluster.
    fn clusters(&self) -> Vec<ClusterSample>;
}

/// A sample of a link as a whole.
#[derive(Debug, Clone)]
pub struct LinkSample {
    pub link: LinkName,
    /// The state's name in the API.
    pub state: &'static str,
    /// The number of failures since the process started.
    pub failures: u64,
}

/// A sample of a mirror partition.
#[derive(Debug, Clone)]
pub struct PartitionSample {
    pub link: LinkName,
    /// The source partition.
    pub partition: TopicPartition,
    pub state: PartitionState,
    /// Whether its records come from a follower.
    pub is_from_follower: bool,
    /// Acknowledged source records missing on the target.
    pub lag_records: i64,
    /// How many of them are behind an open transaction.
    pub held_records: i64,
    /// When the transaction that they are behind was begun, in milliseconds since 1970.
    pub held_since_ms: Option<i64>,
    /// For how long something has been missing, in milliseconds; -1 if that isn't known.
    pub lag_ms: i64,
    /// When the source's ends were last heard, in milliseconds since 1970.
    pub heard_ms: Option<i64>,
    /// The next source offset to mirror.
    pub position: i64,
    /// The log end offset of the mirror partition.
    pub target_end: i64,
    /// Records mirrored by this process.
    pub records: u64,
    /// Bytes mirrored by this process, as written.
    pub bytes: u64,
    /// Batches written by this process.
    pub batches: u64,
    /// How often this process determined the position again from the target's log.
    pub resyncs: u64,
    /// Records that the target removed while the source still has them.
    pub expired: i64,
    /// Offsets without an image on the other side, since the partition was first mirrored.
    pub without_image: Totals,
    /// Whether deletions of keys may be missing.
    pub missed_deletions: bool,
}

/// The number of partitions of a link's groups in a state.
#[derive(Debug, Clone)]
pub struct GroupSample {
    pub link: LinkName,
    /// The state's name in the API.
    pub state: &'static str,
    /// The pairs of group and partition in that state.
    pub count: u64,
}

/// A sample of a partition's verifications.
#[derive(Debug, Clone)]
pub struct VerifiedSample {
    pub link: LinkName,
    /// The source partition.
    pub partition: TopicPartition,
    /// The source offset up to which both sides have been compared.
    pub offset: i64,
    /// The time since the last comparison, in milliseconds.
    pub age_ms: i64,
    pub differences: u64,
}

/// A sample of a cluster.
#[derive(Debug, Clone)]
pub struct ClusterSample {
    pub cluster: ClusterName,
    /// When certificates end, in seconds since 1970, by side (`client` or `server`).
    pub certificates: Vec<(&'static str, i64)>,
    /// The number of brokers that can't be reached although the cluster answers.
    pub unreachable_brokers: u64,
}
