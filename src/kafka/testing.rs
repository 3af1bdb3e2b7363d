//! A partition in memory behind a fake broker, for tests of what reads and appends.

pub(crate) mod near;

use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::messages::describe_producers_response::{
    DescribeProducersResponse, PartitionResponse, ProducerState, TopicResponse,
};
use kafka_protocol::messages::fetch_response::{
    FetchResponse, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderEpochResponse, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{
    ApiKey, DescribeProducersRequest, FetchRequest, ListOffsetsRequest, MetadataRequest,
    OffsetForLeaderEpochRequest, ProduceRequest,
};
use parking_lot::Mutex;

use super::batch::testing::{joined, only_batch};
use super::batch::{Batch, Record, Stamped};
use super::client::Cluster;
use super::client::testing::{Call, FakeNet, Reply, metadata, produced, topic};

/// The address of the only broker.
const ADDRESS: &str = "a:1";
/// The first leader epoch.
const EPOCH: i32 = 3;

/// The only partition of a topic, on the only broker of its cluster. Every in-sync replica has everything.
#[derive(Debug, Clone)]
pub(crate) struct FakeLog {
    log: Arc<Mutex<Log>>,
    net: FakeNet,
}

/// The request whose answer doesn't have a late batch yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LandsAfter {
    AskedForEnd,
    Fetched,
}

#[derive(Debug)]
struct Log {
    topic: &'static str,
    leader_epoch: i32,
    start: i64,
    batches: Vec<Batch>,
    /// A batch that lands before the next one, and whether the broker takes the next one for the same.
    in_front: Option<(Stamped, bool)>,
    /// A batch that lands right after the answer to a request: for the end of the log, or for records.
    late: Option<(Stamped, LandsAfter)>,
    /// By how much the next answer with records misplaces its only batch.
    shift: Option<i64>,
    /// Whether requests to append are left unanswered, and nothing is appended.
    is_stuck: bool,
    /// The offset from which on reads show nothing, as if a length on disk pointed past the segment.
    hidden_from: i64,
    /// The offset at which an open transaction begins.
    open_from: i64,
}

impl FakeLog {
    /// An empty log, and its cluster.
    pub(crate) fn new(topic: &'static str) -> (Self, Cluster) {
        let log = Arc::new(Mutex::new(Log {
            topic,
            leader_epoch: EPOCH,
            start: 0,
            batches: Vec::new(),
            in_front: None,
            late: None,
            shift: None,
            is_stuck: false,
            hidden_from: i64::MAX,
            open_from: i64::MAX,
        }));
        let (net, served) = (FakeNet::default(), Arc::clone(&log));
        net.broker(ADDRESS, move |call| served.lock().answer(call));
        let cluster = net.cluster(&[ADDRESS]);
        (Self { log, net }, cluster)
    }

    /// Appends a batch as a producer sends it.
    pub(crate) fn append(&self, stamped: &Stamped) {
        self.log.lock().append(joined(stamped));
    }

    /// Appends a batch as it is, damaged or not, at the offset it names.
    pub(crate) fn hold(&self, batch: Batch) {
        self.log.lock().batches.push(batch);
    }

    /// Lets this batch land before the next one, with the same sequence numbers: the next one is acknowledged and dropped.
    pub(crate) fn put_instead(&self, stamped: Stamped) {
        self.log.lock().in_front = Some((stamped, true));
    }

    /// Lets this batch of another producer land before the next one.
    pub(crate) fn put_before(&self, stamped: Stamped) {
        self.log.lock().in_front = Some((stamped, false));
    }

    /// Lets this batch land late: right after the next request of a kind was answered.
    pub(crate) fn land_after(&self, request: LandsAfter, stamped: Stamped) {
        self.log.lock().late = Some((stamped, request));
    }

    /// Deletes everything before an offset.
    pub(crate) fn start_at(&self, offset: i64) {
        let mut log = self.log.lock();
        log.start = offset;
        log.batches.retain(|batch| batch.next_offset() > offset);
    }

    /// Begins another leader epoch, with the same leader and everything in place.
    pub(crate) fn elect(&self) {
        self.log.lock().leader_epoch += 1;
    }

    /// Lets the next answer to a fetch hold a single batch, whose base offset is wrong by this much.
    pub(crate) fn misplace_next(&self, by: i64) {
        self.log.lock().shift = Some(by);
    }

    /// Shows reads nothing from an offset on.
    pub(crate) fn hide_from(&self, offset: i64) {
        self.log.lock().hidden_from = offset;
    }

    /// Lets a transaction be open that begins at an offset.
    pub(crate) fn open_from(&self, offset: i64) {
        self.log.lock().open_from = offset;
    }

    /// Leaves requests to append unanswered.
    pub(crate) fn be_stuck(&self) {
        self.log.lock().is_stuck = true;
    }

    /// Lets the broker answer nothing any more.
    pub(crate) fn stop(&self) {
        self.net.stop(ADDRESS);
    }

    pub(crate) fn end(&self) -> i64 {
        self.log.lock().end()
    }

    /// The records, in order.
    pub(crate) fn records(&self) -> Vec<Record> {
        let log = self.log.lock();
        let of = |batch: &Batch| super::batch::testing::decoded(batch).unwrap();
        log.batches.iter().flat_map(of).collect()
    }
}

impl Log {
    fn end(&self) -> i64 {
        self.batches
            .last()
            .map_or(self.start, |batch| batch.next_offset().max(self.start))
    }

    fn append(&mut self, bytes: Bytes) -> i64 {
        let (base, mut bytes) = (self.end(), Vec::from(bytes));
        bytes[..8].copy_from_slice(&base.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.leader_epoch.to_be_bytes());
        self.batches.push(only_batch(bytes.into()));
        base
    }

    fn answer(&mut self, call: &Call) -> Reply {
        match call.key {
            ApiKey::Metadata => {
                let mut topic = topic(self.topic, &[1]);
                topic.partitions[0].leader_epoch = self.leader_epoch;
                let answer = metadata("A", &[ADDRESS]).with_topics(vec![topic]);
                call.answer::<MetadataRequest>(&answer)
            }
            ApiKey::ListOffsets => self.listed(call),
            ApiKey::Fetch => self.fetched(call),
            ApiKey::Produce if self.is_stuck => Reply::Nothing,
            ApiKey::Produce => self.produced(call),
            ApiKey::DescribeProducers => self.described(call),
            ApiKey::OffsetForLeaderEpoch => {
                let end = EpochEndOffset::default()
                    .with_leader_epoch(self.leader_epoch)
                    .with_end_offset(self.end());
                let topic = OffsetForLeaderTopicResult::default().with_partitions(vec![end]);
                let answer = OffsetForLeaderEpochResponse::default().with_topics(vec![topic]);
                call.answer::<OffsetForLeaderEpochRequest>(&answer)
            }
            other => panic!("{other:?} isn't answered"),
        }
    }

    fn lands_late(&mut self, request: LandsAfter) {
        if let Some((stamped, _)) = self.late.take_if(|(_, after)| *after == request) {
            self.append(joined(&stamped));
        }
    }

    fn listed(&mut self, call: &Call) -> Reply {
        let request: ListOffsetsRequest = call.request();
        let asked = &request.topics[0];
        let earliest = asked.partitions[0].timestamp == -2;
        let one = ListOffsetsPartitionResponse::default()
            .with_offset(if earliest { self.start } else { self.end() })
            .with_leader_epoch(self.leader_epoch);
        let topic = ListOffsetsTopicResponse::default()
            .with_name(asked.name.clone())
            .with_partitions(vec![one]);
        if !earliest {
            self.lands_late(LandsAfter::AskedForEnd);
        }
        let answer = ListOffsetsResponse::default().with_topics(vec![topic]);
        call.answer::<ListOffsetsRequest>(&answer)
    }

    /// Returns the batches from the one that holds the offset on.
    fn fetched(&mut self, call: &Call) -> Reply {
        let request: FetchRequest = call.request();
        let from = request.topics[0].partitions[0].fetch_offset;
        let stable = self.end().min(self.open_from);
        let visible = if request.isolation_level == 1 {
            stable
        } else {
            self.end()
        };
        let until = visible.min(self.hidden_from);
        let shown = |it: &&Batch| it.next_offset() > from && it.base_offset() < until;
        let batches = self.batches.iter().filter(shown);
        let shift = self.shift.take();
        let most = shift.map_or(usize::MAX, |_| 1);
        let served = batches.take(most);
        let mut records: Vec<u8> = served.flat_map(|it| it.bytes().to_vec()).collect();
        if let (Some(shift), Some(base)) = (shift, records.first_chunk_mut()) {
            *base = (i64::from_be_bytes(*base) + shift).to_be_bytes();
        }
        let one = PartitionData::default()
            .with_high_watermark(self.end())
            .with_last_stable_offset(stable)
            .with_log_start_offset(self.start)
            .with_records(Some(records.into()));
        let topic = FetchableTopicResponse::default()
            .with_topic_id(request.topics[0].topic_id)
            .with_topic(request.topics[0].topic.clone())
            .with_partitions(vec![one]);
        self.lands_late(LandsAfter::Fetched);
        call.answer::<FetchRequest>(&FetchResponse::default().with_responses(vec![topic]))
    }

    fn produced(&mut self, call: &Call) -> Reply {
        let request: ProduceRequest = call.request();
        let sent = request.topic_data[0].partition_data[0].records.clone();
        let in_front = self.in_front.take();
        let landed = in_front.map(|(it, instead)| (self.append(joined(&it)), instead));
        let base = match landed {
            Some((base, true)) => base,
            Some((_, false)) | None => self.append(sent.expect("a batch")),
        };
        produced(call, Ok(base))
    }

    /// Describes the producer of the last batch.
    fn described(&self, call: &Call) -> Reply {
        let last = self.batches.last().map(|it| *it.header());
        let state = last.filter(|it| it.producer_id.0 >= 0).map(|it| {
            ProducerState::default()
                .with_producer_id(it.producer_id.0.into())
                .with_producer_epoch(i32::from(it.producer_epoch))
                .with_last_sequence(it.base_sequence + it.last_offset_delta)
                .with_last_timestamp(it.max_timestamp)
        });
        let request: DescribeProducersRequest = call.request();
        let asked = &request.topics[0];
        let one = PartitionResponse::default()
            .with_partition_index(asked.partition_indexes[0])
            .with_active_producers(state.into_iter().collect());
        let topic = TopicResponse::default()
            .with_name(asked.name.clone())
            .with_partitions(vec![one]);
        let answer = DescribeProducersResponse::default().with_topics(vec![topic]);
        call.answer::<DescribeProducersRequest>(&answer)
    }
}
