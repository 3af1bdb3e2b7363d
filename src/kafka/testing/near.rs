//! A partition on two brokers: its leader, which names the other one to clients that tell it a rack, and a follower that
//! serves what it is made to.

use std::sync::Arc;

use kafka_protocol::messages::fetch_response::{
    EpochEndOffset, FetchResponse, FetchableTopicResponse, PartitionData,
};
use kafka_protocol::messages::{ApiKey, FetchRequest, MetadataRequest};
use parking_lot::Mutex;

use super::super::batch::Batch;
use super::super::client::Cluster;
use super::super::client::testing::{Call, FakeNet, Reply, metadata, topic};

/// The addresses of leader and follower, brokers 1 and 2.
const ADDRESSES: [&str; 2] = ["a:1", "b:1"];

/// What the follower answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Follower {
    /// What the leader has.
    Serves,
    Refuses(i16),
    Diverges,
    /// The second batch is missing.
    HasGap,
    /// The last byte is another one.
    IsDamaged,
    /// Always the first batch.
    IsBehind,
    /// The name of another broker.
    Names(i32),
    HangsUp,
    /// Its address refuses connections.
    IsGone,
}

/// A fetch: its broker, its offset, and whether it had a rack.
pub(crate) type SeenFetch = (i32, i64, bool);

/// The only partition of topic `t`, with these batches. Its log begins at 0 on the leader, and at 2 on the follower.
#[derive(Debug, Clone)]
pub(crate) struct NearLog {
    batches: Arc<Vec<Batch>>,
    follower: Follower,
    fetches: Arc<Mutex<Vec<SeenFetch>>>,
}

impl NearLog {
    /// Returns the log, and its cluster for a client in a rack.
    pub(crate) fn new(batches: Vec<Batch>, follower: Follower) -> (Self, Cluster) {
        let log = Self {
            batches: Arc::new(batches),
            follower,
            fetches: Arc::default(),
        };
        let net = FakeNet::default();
        for (broker, address) in (1..).zip(ADDRESSES) {
            if broker == 1 || follower != Follower::IsGone {
                let log = log.clone();
                net.broker(address, move |call| log.answer(broker, call));
            }
        }
        let cluster = net.cluster_with(&ADDRESSES[..1], |it| it.rack = Some("r2".to_owned()));
        (log, cluster)
    }

    /// The fetches so far.
    pub(crate) fn fetches(&self) -> Vec<SeenFetch> {
        self.fetches.lock().clone()
    }

    fn answer(&self, broker: i32, call: &Call) -> Reply {
        match call.key {
            ApiKey::Metadata => {
                let all = metadata("A", &ADDRESSES).with_topics(vec![topic("t", &[1])]);
                call.answer::<MetadataRequest>(&all)
            }
            ApiKey::Fetch => {
                let request: FetchRequest = call.request();
                let offset = request.topics[0].partitions[0].fetch_offset;
                let has_rack = !request.rack_id.is_empty();
                self.fetches.lock().push((broker, offset, has_rack));
                let part = match (broker, has_rack) {
                    (1, true) => Some(self.part(&[]).with_preferred_read_replica(2.into())),
                    (1, false) => Some(self.part(&self.from(offset))),
                    _ => self.of_follower(offset),
                };
                part.map_or(Reply::HangUp, |part| served(call, &request, part))
            }
            other => panic!("{other:?} isn't answered"),
        }
    }

    fn from(&self, offset: i64) -> Vec<&Batch> {
        let all = self.batches.iter();
        all.filter(|it| it.next_offset() > offset).collect()
    }

    fn part(&self, batches: &[&Batch]) -> PartitionData {
        let end = self.batches.last().map_or(0, Batch::next_offset);
        let records = batches.iter().flat_map(|it| it.bytes().to_vec());
        PartitionData::default()
            .with_high_watermark(end)
            .with_last_stable_offset(end)
            .with_log_start_offset(0)
            .with_records(Some(records.collect::<Vec<u8>>().into()))
    }

    fn of_follower(&self, offset: i64) -> Option<PartitionData> {
        let mut sound = self.from(offset);
        let part = match self.follower {
            Follower::Serves => self.part(&sound),
            Follower::Refuses(code) => self.part(&[]).with_error_code(code),
            Follower::Diverges => {
                let end = EpochEndOffset::default().with_epoch(2).with_end_offset(0);
                self.part(&[]).with_diverging_epoch(end)
            }
            Follower::HasGap => {
                sound.retain(|it| it.base_offset() != self.batches[1].base_offset());
                self.part(&sound)
            }
            Follower::IsDamaged => {
                let part = self.part(&sound);
                let mut damaged = part.records.clone().unwrap_or_default().to_vec();
                if let Some(last) = damaged.last_mut() {
                    *last ^= 1;
                }
                part.with_records(Some(damaged.into()))
            }
            Follower::IsBehind => self.part(&[&self.batches[0]]),
            Follower::Names(broker) => self.part(&[]).with_preferred_read_replica(broker.into()),
            Follower::HangsUp | Follower::IsGone => return None,
        };
        Some(part.with_log_start_offset(2))
    }
}

fn served(call: &Call, request: &FetchRequest, part: PartitionData) -> Reply {
    let topic = FetchableTopicResponse::default()
        .with_topic(request.topics[0].topic.clone())
        .with_topic_id(request.topics[0].topic_id)
        .with_partitions(vec![part]);
    call.answer::<FetchRequest>(&FetchResponse::default().with_responses(vec![topic]))
}
