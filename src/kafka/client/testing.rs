//! In-memory brokers for tests: scripts behind addresses, reached through their own [`Transport`].

mod door;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::future::BoxFuture;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsRequest, ApiVersionsResponse, BrokerId as KafkaBroker, MetadataRequest,
    MetadataResponse, ProduceRequest, ProduceResponse, RequestHeader, ResponseHeader,
    TopicName as KafkaName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, split};
use uuid::Uuid;

use crate::error::Result;
use crate::model::ClusterName;
use crate::task::Owned;

use super::frame::{FRAME_LIMIT, Frames};
use super::request::our_versions;
use super::transport::{ByteStream, Transport, not_connected};
use super::{AddressMap, Cluster, ClusterSettings, Endpoint, HostPort, Request};

pub(crate) use door::{Manner, advertising, door};

type Script = Arc<dyn Fn(DuplexStream) -> BoxFuture<'static, ()> + Send + Sync>;

/// Addresses with scripts behind them; all others refuse connections.
#[derive(Clone, Default)]
pub(crate) struct FakeNet(Arc<Mutex<Net>>, ClusterIds);

/// The standard library's error for a name that doesn't resolve.
const NO_NAME: &str = "failed to lookup address information: Name or service not known";

/// The cluster's id by address, where a broker confirms one.
type ClusterIds = Arc<Mutex<BTreeMap<String, &'static str>>>;

#[derive(Default)]
struct Net {
    scripts: BTreeMap<HostPort, Script>,
    /// Addresses that swallow every packet.
    holes: BTreeSet<HostPort>,
    /// Hosts whose names don't resolve.
    nameless: BTreeSet<String>,
    dialed: Vec<HostPort>,
    tasks: Vec<Owned>,
}

impl FakeNet {
    /// Runs `script` on every connection to `address`.
    pub(crate) fn script<F, A>(&self, address: &str, script: F)
    where
        F: Fn(DuplexStream) -> A + Send + Sync + 'static,
        A: Future<Output = ()> + Send + 'static,
    {
        let script: Script = Arc::new(move |stream| Box::pin(script(stream)));
        let address = address.parse().unwrap();
        self.0.lock().scripts.insert(address, script);
    }

    /// Answers the requests on every connection to `address` with `answer`, except `ApiVersions`, which is answered
    /// automatically.
    pub(crate) fn broker<F>(&self, address: &str, answer: F)
    where
        F: Fn(&Call) -> Reply + Send + Sync + 'static,
    {
        self.broker_speaking(address, versions(), answer);
    }

    /// Like [`FakeNet::broker`], for a broker that speaks other versions.
    pub(crate) fn broker_speaking<F>(&self, address: &str, spoken: ApiVersionsResponse, answer: F)
    where
        F: Fn(&Call) -> Reply + Send + Sync + 'static,
    {
        let shared = Arc::new((spoken, answer));
        let (ids, name) = (Arc::clone(&self.1), address.to_owned());
        self.script(address, move |stream| {
            let id = ids.lock().get(&name).copied();
            serve(stream, id, Arc::clone(&shared))
        });
    }

    /// Makes the broker at `address` confirm to belong to the cluster `id`; others leave it open.
    pub(crate) fn belongs_to(&self, address: &str, id: &'static str) {
        self.1.lock().insert(address.to_owned(), id);
    }

    /// Makes `address` swallow every packet.
    pub(crate) fn swallow(&self, address: &str) {
        self.0.lock().holes.insert(address.parse().unwrap());
    }

    /// Makes the name `host` resolve to nothing.
    pub(crate) fn forget_name(&self, host: &str) {
        self.0.lock().nameless.insert(host.to_owned());
    }

    /// Makes the name `host` resolve again.
    pub(crate) fn remember_name(&self, host: &str) {
        self.0.lock().nameless.remove(host);
    }

    /// Removes `address` and closes every open connection, whatever its address.
    pub(crate) fn stop(&self, address: &str) {
        let mut net = self.0.lock();
        net.scripts.remove(&address.parse().unwrap());
        net.tasks.clear();
    }

    /// The addresses that were connected to, in order.
    pub(crate) fn dialed(&self) -> Vec<String> {
        self.0
            .lock()
            .dialed
            .iter()
            .map(HostPort::to_string)
            .collect()
    }

    /// Creates a cluster on this net.
    pub(crate) fn cluster(&self, bootstrap: &[&str]) -> Cluster {
        self.cluster_with(bootstrap, |_| {})
    }

    /// Creates a cluster with changed settings.
    pub(crate) fn cluster_with(
        &self,
        bootstrap: &[&str],
        change: impl FnOnce(&mut ClusterSettings),
    ) -> Cluster {
        let mut settings = cluster_settings(bootstrap);
        change(&mut settings);
        Cluster::new(settings, Arc::new(self.clone()))
    }
}

/// The settings of a cluster with these bootstrap addresses.
pub(crate) fn cluster_settings(bootstrap: &[&str]) -> ClusterSettings {
    ClusterSettings {
        name: ClusterName::new("paris"),
        bootstrap: bootstrap.iter().map(|text| text.parse().unwrap()).collect(),
        address_map: AddressMap::default(),
        principal: None,
        client_id: "farshore".to_owned(),
        login: None,
        tls: None,
        rack: None,
        connect_timeout: Duration::from_secs(10),
        request_timeout: Duration::from_secs(30),
        retry_limit: Duration::from_mins(1),
        metadata_max_age: Duration::from_mins(5),
    }
}

impl fmt::Debug for FakeNet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeNet")
    }
}

impl Transport for FakeNet {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, Result<ByteStream>> {
        Box::pin(async move {
            let is_hole = self.0.lock().holes.contains(&to.dial);
            if is_hole {
                self.0.lock().dialed.push(to.dial.clone());
                return std::future::pending().await;
            }
            let mut net = self.0.lock();
            net.dialed.push(to.dial.clone());
            if net.nameless.contains(&to.dial.host) {
                return Err(not_connected(io::Error::other(NO_NAME)));
            }
            let script = net.scripts.get(&to.dial).cloned();
            let refused = || not_connected(io::Error::from(io::ErrorKind::ConnectionRefused));
            let script = script.ok_or_else(refused)?;
            let (ours, theirs) = duplex(1 << 16);
            net.tasks.push(Owned::spawn("fake broker", async move {
                script(theirs).await;
                Ok(())
            }));
            let (read, write) = split(ours);
            Ok(ByteStream::plain(read, write))
        })
    }
}

/// A request as it was received.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) key: ApiKey,
    pub(crate) version: i16,
    pub(crate) client_id: Option<String>,
    correlation: i32,
    body: Bytes,
}

/// What a fake broker does with a request.
#[derive(Debug)]
pub(crate) enum Reply {
    Frame(Bytes),
    /// Leaves the request unanswered.
    Nothing,
    /// Closes the connection.
    HangUp,
}

impl Call {
    fn read(mut frame: Bytes) -> Self {
        let key = i16::from_be_bytes(frame[..2].try_into().unwrap());
        let version = i16::from_be_bytes(frame[2..4].try_into().unwrap());
        let key = ApiKey::try_from(key).unwrap();
        let header =
            RequestHeader::decode(&mut frame, key.request_header_version(version)).unwrap();
        Self {
            key,
            version,
            client_id: header.client_id.map(|id| id.to_string()),
            correlation: header.correlation_id,
            body: frame,
        }
    }

    /// Decodes the request.
    pub(crate) fn request<R: Request + Decodable>(&self) -> R {
        assert_eq!(self.key, R::KEY);
        R::decode(&mut self.body.clone(), self.version).unwrap()
    }

    /// Whether it asks for the cluster's id alone.
    fn asks_for_id(&self) -> bool {
        self.request::<MetadataRequest>().topics == Some(Vec::new())
    }

    /// Encodes the response to a request of type `R`.
    pub(crate) fn answer<R: Request>(&self, response: &R::Response) -> Reply
    where
        R::Response: Encodable,
    {
        self.answer_as::<R>(self.version, response)
    }

    /// Encodes the response in the layout of another version.
    pub(crate) fn answer_as<R: Request>(&self, version: i16, response: &R::Response) -> Reply
    where
        R::Response: Encodable,
    {
        assert_eq!(self.key, R::KEY);
        let mut frame = BytesMut::new();
        ResponseHeader::default()
            .with_correlation_id(self.correlation)
            .encode(&mut frame, R::Response::header_version(version))
            .unwrap();
        response.encode(&mut frame, version).unwrap();
        Reply::Frame(frame.freeze())
    }
}

/// Reads the next request; `None` once the client has closed the connection.
pub(crate) async fn next_call(
    frames: &mut Frames,
    read: &mut (impl AsyncRead + Unpin),
) -> Option<Call> {
    frames.next(read, || FRAME_LIMIT).await.ok().map(Call::read)
}

/// Answers the requests that arrive on a stream; `id` is the cluster that the broker confirms.
pub(crate) async fn serve<F>(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    id: Option<&'static str>,
    shared: Arc<(ApiVersionsResponse, F)>,
) where
    F: Fn(&Call) -> Reply,
{
    let (spoken, answer) = &*shared;
    let (mut read, mut write) = split(stream);
    let mut frames = Frames::default();
    while let Some(call) = next_call(&mut frames, &mut read).await {
        let reply = match call.key {
            ApiKey::ApiVersions => call.answer::<ApiVersionsRequest>(spoken),
            ApiKey::Metadata if call.asks_for_id() => {
                let id = id.map(StrBytes::from_static_str);
                call.answer::<MetadataRequest>(&MetadataResponse::default().with_cluster_id(id))
            }
            _ => answer(&call),
        };
        match reply {
            Reply::Frame(frame) => {
                if write.write_all(&framed(&frame)).await.is_err() {
                    return;
                }
            }
            Reply::Nothing => {}
            Reply::HangUp => return,
        }
    }
}

/// Prefixes a frame with its length.
pub(crate) fn framed(frame: &[u8]) -> Bytes {
    let mut bytes = BytesMut::new();
    bytes.put_i32(i32::try_from(frame.len()).unwrap());
    bytes.put_slice(frame);
    bytes.freeze()
}

/// A broker that supports everything farshore speaks.
pub(crate) fn versions() -> ApiVersionsResponse {
    let keys = (0..100).filter_map(|key| {
        let range = our_versions(ApiKey::try_from(key).ok()?)?;
        let api = ApiVersion::default().with_api_key(key);
        Some(api.with_min_version(range.min).with_max_version(range.max))
    });
    ApiVersionsResponse::default().with_api_keys(keys.collect())
}

/// A broker that supports `key` only up to version `max`, or not at all if `max` is -1.
pub(crate) fn versions_but(key: ApiKey, max: i16) -> ApiVersionsResponse {
    let mut spoken = versions();
    for api in &mut spoken.api_keys {
        if api.api_key == key as i16 {
            api.max_version = max;
        }
    }
    spoken
}

/// A broker that also supports `key`, in versions from 0 to `max`.
pub(crate) fn versions_with(key: ApiKey, max: i16) -> ApiVersionsResponse {
    let mut spoken = versions();
    let api = ApiVersion::default().with_api_key(key as i16);
    spoken.api_keys.push(api.with_max_version(max));
    spoken
}

/// A topic `name` whose partitions, numbered from 0, have these leaders in epoch 3.
pub(crate) fn topic(name: &str, leaders: &[i32]) -> MetadataResponseTopic {
    let partitions = (0..).zip(leaders).map(|(number, leader)| {
        MetadataResponsePartition::default()
            .with_partition_index(number)
            .with_leader_id(KafkaBroker(*leader))
            .with_leader_epoch(3)
    });
    MetadataResponseTopic::default()
        .with_name(Some(KafkaName(StrBytes::from_string(name.to_owned()))))
        .with_topic_id(Uuid::from_u128(7))
        .with_partitions(partitions.collect())
}

/// Metadata of a cluster `id` without topics, with brokers at these addresses, numbered from 1.
pub(crate) fn metadata(id: &'static str, brokers: &[&str]) -> MetadataResponse {
    let brokers = (1..).zip(brokers).map(|(number, text)| {
        let address: HostPort = text.parse().unwrap();
        MetadataResponseBroker::default()
            .with_node_id(KafkaBroker(number))
            .with_host(StrBytes::from_string(address.host))
            .with_port(i32::from(address.port))
    });
    MetadataResponse::default()
        .with_cluster_id(Some(StrBytes::from_static_str(id)))
        .with_controller_id(KafkaBroker(1))
        .with_brokers(brokers.collect())
}

/// Answers a produce request for one partition with an offset or a code.
pub(crate) fn produced(call: &Call, result: Result<i64, i16>) -> Reply {
    let request: ProduceRequest = call.request();
    let asked = &request.topic_data[0];
    let one = PartitionProduceResponse::default()
        .with_index(asked.partition_data[0].index)
        .with_error_code(result.err().unwrap_or(0))
        .with_base_offset(result.unwrap_or(-1));
    let topic = TopicProduceResponse::default()
        .with_name(asked.name.clone())
        .with_topic_id(asked.topic_id)
        .with_partition_responses(vec![one]);
    call.answer::<ProduceRequest>(&ProduceResponse::default().with_responses(vec![topic]))
}
