//! A link, logs of the target and partitions for the tests of replication.

use std::sync::Arc;
use std::time::Duration;

use crate::checkpoint::audit::AuditLog;
use crate::checkpoint::{PartitionKey, Store};
use crate::config::{MirroredSources, Otherwise, PolicyRules, PreserveLimits, Start};
use crate::kafka::FetchedPartition;
use crate::kafka::admin::CoordinatedTransaction;
use crate::kafka::batch::testing::{joined, keyed, only_batch};
use crate::kafka::batch::{Attributes, Batch, Builder, Codec, Header, Stamp, Stamped};
use crate::kafka::client::Cluster;
use crate::model::{
    BrokerId, DataPath, Intent, LeaderEpoch, LinkIdentity, LinkName, OffsetsMode, Policies,
    ProducerId, Run, SourceOffset, TargetOffset, TopicId, TopicPartition, sequence_of,
};
use crate::task::{InFlight, Ownership};

use super::partition::effect::{Event, Resynced};
use super::partition::mirror::Mirror;
use super::partition::route::{Lane, Lanes, Route};
use super::produce::batcher::{Course, ProduceBatch};
use super::resync::explain::Tail;
use super::shared::held::FirstRecord;
use super::shared::partition::{PartitionProgress, TrackedPartition};
use super::shared::source_writers::OtherLinks;
use super::worker::state::Worker;
use super::{LinkView, ReplicationLink, Settings};

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

/// The names of partition `number` of topic `t`, without topic ids.
pub(crate) fn route(number: i32) -> Route {
    let partition = TopicPartition::new("t", number);
    Route {
        source: partition.clone(),
        target: partition,
        source_id: TopicId::NONE,
        target_id: TopicId::NONE,
    }
}

/// A partition whose start position is stored, before its first resync.
pub(crate) fn mirror(tracked: Arc<TrackedPartition>, offsets: OffsetsMode) -> Mirror {
    let route = route(tracked.key.partition.0);
    let wanted = (Policies::HALT, Intent::Mirror);
    Mirror::new(route, tracked, PID, None, offsets, wanted)
}

/// Link `l` between two clusters, mirrored on the raw path by its owner.
pub(crate) fn link(store: Arc<dyn Store>, source: Cluster, target: Cluster) -> ReplicationLink {
    let view = LinkView::load(&LinkName::new("l"), &store, |_| true).unwrap();
    let settings = Settings {
        fetch_connections: Some(1),
        produce_connections: 1,
        max_in_flight_bytes: 1 << 20,
        fetch_max_bytes: 1 << 20,
        partition_max_bytes: 1 << 20,
        max_bytes_per_second: None,
        request_timeout: Duration::from_secs(30),
        start: Start::Earliest,
        policies: PolicyRules::default(),
        quarantine_topic: "quarantine".into(),
        offsets: OffsetsMode::Translate,
        preserve: PreserveLimits {
            max_prefix: 0,
            max_markers: 0,
            otherwise: Otherwise::Refuse,
        },
        path: DataPath::Raw,
        mirrored_sources: MirroredSources::None,
    };
    ReplicationLink {
        view,
        source,
        target,
        identity: identity(),
        settings,
        memory_ms: 1_000_000_000,
        ownership: Ownership::permanent(),
        audit: Arc::new(AuditLog::open(store).unwrap()),
        in_flight: InFlight::default(),
        others: OtherLinks::default(),
    }
}

/// The first connections to broker 1 on both sides.
pub(crate) const LANES: Lanes = Lanes {
    intake: LANE,
    outlet: LANE,
};
pub(crate) const LANE: Lane = Lane {
    broker: BrokerId(1),
    slot: 0,
};

/// A worker with the first `partitions` partitions of topic `t`, of which nothing is mirrored yet and which wait for their
/// first resync.
pub(crate) fn worker(link: ReplicationLink, partitions: i32) -> Worker {
    let mut worker = Worker::new(link).unwrap();
    for number in 0..partitions {
        let partition = TopicPartition::new("t", number);
        let tracked = worker.link.view.track(&partition, &"t".into()).unwrap();
        tracked.lock().begun = true;
        worker.places.insert(partition, worker.mirrors.len());
        worker.mirrors.push(mirror(tracked, OffsetsMode::Translate));
    }
    worker
}

/// A worker whose partitions, one for each of `lanes`, flow there and have mirrored nothing yet.
pub(crate) fn flowing(link: ReplicationLink, lanes: &[Lanes]) -> Worker {
    let mut worker = worker(link, i32::try_from(lanes.len()).unwrap());
    for (mirror, lanes) in worker.mirrors.iter_mut().zip(lanes) {
        for event in [Event::Due, Event::Resynced(Ok(Resynced::Flows(*lanes)))] {
            mirror.life.advance(event, Policies::HALT);
        }
    }
    worker
}

/// Records that a transaction of producer 4711 has been open in a partition since a time, from an offset on.
pub(crate) fn open_transaction(known: &mut PartitionProgress, first_offset: i64, since_ms: i64) {
    let producer = ProducerId(4711);
    let transaction = CoordinatedTransaction {
        transactional_id: "payments".to_owned(),
        begun_ms: Some(since_ms),
    };
    let first = FirstRecord {
        timestamp: since_ms,
        producer: Some(producer),
    };
    known.note_read(first_offset, first, &[(producer, transaction)].into());
}

/// Three records from source offset `first` on.
pub(crate) fn three(first: i64) -> Builder {
    let mut builder = Builder::new(Codec::None);
    for offset in first..first + 3 {
        builder.push_record(&keyed(offset, 1_000 + offset, b"k"));
    }
    builder
}

/// A batch of three records from source offset `first` on, as its source would serve it.
pub(crate) fn source_batch(first: i64) -> Batch {
    three(first).finish_at(first, LeaderEpoch(3)).unwrap()
}

/// The same records as this link sends them to `target`.
pub(crate) fn sent_batch(first: i64, target: i64) -> Stamped {
    let stamp = Stamp {
        producer_id: identity().producer_id(0),
        producer_epoch: 0,
        base_sequence: sequence_of(TargetOffset(target)),
    };
    three(first).finish(stamp).unwrap()
}

/// The bytes of such batches, one from each of these source offsets on.
pub(crate) fn batches_at(bases: &[i64]) -> Vec<u8> {
    let each = bases.iter().map(|base| source_batch(*base));
    each.flat_map(|batch| batch.bytes().to_vec()).collect()
}

/// A partition's part of a fetch answer, whose readers see the offsets before 6.
pub(crate) fn answered(records: Vec<u8>) -> FetchedPartition {
    FetchedPartition {
        error: None,
        high_watermark: 6,
        last_stable: 6,
        log_start: 0,
        aborted: Vec::new(),
        diverging: None,
        preferred: None,
        records: records.into(),
        marked: None,
    }
}
