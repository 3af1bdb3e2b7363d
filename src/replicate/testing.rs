//! A link, logs of the target and partitions for the tests of replication.

use std::sync::Arc;

use crate::checkpoint::{PartitionKey, Store};
use crate::kafka::batch::testing::{joined, only_batch};
use crate::kafka::batch::{Attributes, Batch, Header};
use crate::model::{
    LeaderEpoch, LinkIdentity, LinkName, ProducerId, Run, SourceOffset, TargetOffset,
    TopicPartition,
};

use super::produce::batcher::{Course, ProduceBatch};
use super::resync::explain::Tail;
use super::shared::partition::TrackedPartition;

pub(crate) const PID: ProducerId = ProducerId(77);

pub(crate) fn identity() -> LinkIdentity {
    LinkIdentity {
        link: LinkName::new("paris-oslo"),
        source_cluster_id: "p".into(),
        target_cluster_id: "o".into(),
    }
}

pub(crate) fn run(source: i64, target: i64, length: i64) -> Run {
    Run::new(SourceOffset(source), TargetOffset(target), length)
}

/// The header of a batch in the target's log.
pub(crate) fn header(base: i64, count: i32, producer_id: ProducerId, sequence: i32) -> Header {
    Header {
        base_offset: base,
        length: 100,
        leader_epoch: LeaderEpoch(0),
        magic: 2,
        crc: 0,
        attributes: Attributes(0),
        last_offset_delta: count - 1,
        base_timestamp: 0,
        max_timestamp: 0,
        producer_id,
        producer_epoch: 0,
        base_sequence: sequence,
        record_count: count,
    }
}

/// The end of a log without markers behind its data.
pub(crate) fn tail(end: i64, last: Option<Header>) -> Tail {
    Tail {
        end: TargetOffset(end),
        log_start: TargetOffset(0),
        last,
        data_end: TargetOffset(end),
    }
}

/// A course on which nothing was sent yet.
pub(crate) fn course(target: i64, source: Option<i64>) -> Course {
    Course {
        producer_id: PID,
        epoch: 0,
        target: TargetOffset(target),
        unnumbered: 0,
        marker: 0,
        source: source.map(SourceOffset),
        records_limit: usize::MAX,
    }
}

/// The batch as the target would serve it.
pub(crate) fn served(produce_batch: &ProduceBatch) -> Batch {
    let mut bytes = Vec::from(joined(&produce_batch.stamped));
    bytes[..8].copy_from_slice(&produce_batch.target.get().to_be_bytes());
    let batch = only_batch(bytes.into());
    batch.check_crc().unwrap();
    batch
}

/// The state of the first partition of topic `t`, as stored.
pub(crate) fn tracked(store: Arc<dyn Store>) -> TrackedPartition {
    let partition = TopicPartition::new("t", 0);
    let key = PartitionKey::new(&LinkName::new("l"), &partition);
    TrackedPartition::new(key, "t".into(), store).unwrap()
}
