//! Foreign writes to the journal end a term: by the broker's refusal, and by the offset at which the owner's next batch
//! lands.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use farshore::kafka::admin::{OffsetSpec, list_offset, read_at};
use farshore::kafka::batch::{Builder, Codec, Stamp};
use farshore::kafka::client::{AddressMap, Cluster, ClusterSettings, HostPort, Plain, Slot};
use farshore::kafka::{ProducePart, start_produce};
use farshore::model::{LeaderEpoch, TopicPartition};

use crate::setting::Setting;
use crate::support::brokers::KafkaVersion;

use super::{logged, logs, shows};

const LIMIT: Duration = Duration::from_secs(30);

/// The batch of the journal to append again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Copied {
    First,
    Last,
}

/// A cluster, accessed through farshore's own client.
pub(crate) fn wire(bootstrap: &str) -> Cluster {
    let settings = ClusterSettings {
        name: "asked".into(),
        bootstrap: vec![HostPort::from_str(bootstrap).expect("an address")],
        address_map: AddressMap::default(),
        principal: None,
        client_id: "test".to_owned(),
        login: None,
        tls: None,
        rack: None,
        connect_timeout: LIMIT,
        request_timeout: LIMIT,
        retry_limit: LIMIT * 2,
        metadata_max_age: LIMIT,
    };
    Cluster::new(settings, Arc::new(Plain))
}

/// Appends a copy of a batch to the journal on the target, under another identity.
pub(super) async fn copy(setting: &Setting, which: Copied, under: impl FnOnce(Stamp) -> Stamp) {
    let oslo = wire(&setting.oslo.bootstrap());
    let journal = TopicPartition::new("__farshore.paris-oslo", 0);
    let leader = oslo.leader(&journal).await.expect("a leader");
    let end = list_offset(
        &oslo,
        &journal,
        LeaderEpoch::UNKNOWN,
        OffsetSpec::HighWatermark,
    )
    .await;
    let offset = match which {
        Copied::First => 0,
        Copied::Last => end.expect("an end").offset - 1,
    };
    let read = read_at(&oslo, &journal, offset, 1).await.expect("a batch");
    let batch = read.batches.first().expect("a batch");
    let header = batch.header();
    let stamp = Stamp {
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        base_sequence: header.base_sequence,
    };
    // Rebuilt, because producers may not send timestamps set by the broker.
    let mut copy = Builder::new(Codec::Lz4);
    for record in &batch.records().expect("records") {
        let record = record.and_then(|it| it.to_record()).expect("a record");
        copy.push_record(&record);
    }
    let part = ProducePart {
        partition: journal,
        topic_id: leader.topic_id,
        batch: copy.finish(under(stamp)).expect("a batch"),
    };
    let connection = oslo.connection(leader.broker, Slot::Journal).await;
    let connection = connection.expect("a connection");
    let answers = start_produce(&connection, vec![part], LIMIT, None).expect("a request");
    let answers = answers.await.expect("an answer");
    assert!(answers[0].error.is_none(), "{answers:?}");
}

/// Only the broker's refusal reveals a copy of its own batch to the owner.
#[tokio::test]
async fn brokers_refuse_a_former_term() {
    for version in [KafkaVersion::V4_1, KafkaVersion::V3_9Zk] {
        let mut setting = Setting::start(version, "topics = [\"none\"]").await;
        setting.farshore.start().await;
        shows(&setting.farshore, "running").await;
        copy(&setting, Copied::Last, |stamp| Stamp {
            producer_epoch: stamp.producer_epoch + 1,
            base_sequence: 0,
            ..stamp
        })
        .await;
        // What waited for the journal may report the refusal, too.
        let lost = "the link is no longer owned by this process";
        logs(&setting.farshore, lost).await;
        assert_eq!(logged(&setting.farshore, lost), 1);
        assert_ne!(logged(&setting.farshore, "INVALID_PRODUCER_EPOCH"), 0);
    }
}
