//! The requests farshore speaks, each with the versions it has been checked with.
//!
//! Promises: one table lists farshore's versions; every request is sent in the highest version that both sides support.
//! Doesn't: know what requests mean.

use kafka_protocol::messages as kafka;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message, VersionRange};

use super::frame::FRAME_LIMIT;

/// How large a response may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseSize {
    /// What is said of one thing.
    Small,
    /// What is said of the things that the request names.
    Named,
    /// A list of all there is: topics, groups, a group's members or offsets.
    Listed,
    /// Record batches; a broker returns the first one whole, whatever the limit of the request.
    Batches,
}

/// What a [`ResponseSize::Small`] response has at most, in bytes.
const SMALL: usize = 64 << 10;
/// What a [`ResponseSize::Named`] response has at most, in bytes: this much, and for each byte of the request more.
const NAMED: (usize, usize) = (1 << 20, 256);
/// What a [`ResponseSize::Listed`] response has at most, in bytes: the metadata of a million partitions.
const LISTED: usize = 64 << 20;

impl ResponseSize {
    /// The limit in bytes for the response to a request of `size` bytes.
    pub(crate) fn limit(self, size: usize) -> usize {
        match self {
            Self::Small => SMALL,
            Self::Named => LISTED.min(NAMED.0 + size.saturating_mul(NAMED.1)),
            Self::Listed => LISTED,
            Self::Batches => FRAME_LIMIT,
        }
    }
}

/// A request of Kafka's protocol, with its response type.
pub trait Request: Encodable + HeaderVersion + Send + 'static {
    const KEY: ApiKey;
    /// The versions farshore speaks.
    const SPOKEN: VersionRange;
    /// How large a response may be.
    const SIZE: ResponseSize;
    type Response: Decodable + HeaderVersion + Send + 'static;

    /// The highest version that can carry this particular request.
    fn highest_version(&self) -> i16 {
        Self::SPOKEN.max
    }

    /// The throttle time in milliseconds that the broker returned (KIP-219).
    fn throttle_ms(response: &Self::Response) -> i32;
}

macro_rules! requests {
    ($($key:ident: $request:ident => $response:ident, $min:literal ..= $max:literal, $size:ident $(, highest $highest:expr)?;)*) => {
        $(
            const _: () = assert!(
                kafka::$request::VERSIONS.min <= $min && $max <= kafka::$request::VERSIONS.max
            );

            impl Request for kafka::$request {
                const KEY: ApiKey = ApiKey::$key;
                const SPOKEN: VersionRange = VersionRange { min: $min, max: $max };
                const SIZE: ResponseSize = ResponseSize::$size;
                type Response = kafka::$response;

                $(fn highest_version(&self) -> i16 {
                    $highest(self)
                })?

                fn throttle_ms(response: &Self::Response) -> i32 {
                    response.throttle_time_ms
                }
            }
        )*

        /// The versions of a request that farshore speaks; `None` for a request it doesn't send.
        pub(crate) fn our_versions(key: ApiKey) -> Option<VersionRange> {
            match key {
                $(ApiKey::$key => Some(VersionRange { min: $min, max: $max }),)*
                ApiKey::WriteTxnMarkers => Some(kafka::WriteTxnMarkersRequest::SPOKEN),
                ApiKey::SaslHandshake => Some(kafka::SaslHandshakeRequest::SPOKEN),
                ApiKey::SaslAuthenticate => Some(kafka::SaslAuthenticateRequest::SPOKEN),
                _ => None,
            }
        }
    };
}

// Produce and Fetch name topics by id from version 13 on; Fetch 18 is for followers.
requests! {
    Produce: ProduceRequest => ProduceResponse, 3..=13, Named;
    Fetch: FetchRequest => FetchResponse, 4..=17, Batches, highest highest_fetch;
    ListOffsets: ListOffsetsRequest => ListOffsetsResponse, 4..=7, Named;
    Metadata: MetadataRequest => MetadataResponse, 4..=12, Listed;
    OffsetCommit: OffsetCommitRequest => OffsetCommitResponse, 2..=9, Named;
    OffsetFetch: OffsetFetchRequest => OffsetFetchResponse, 2..=9, Listed;
    FindCoordinator: FindCoordinatorRequest => FindCoordinatorResponse, 1..=3, Small;
    DescribeGroups: DescribeGroupsRequest => DescribeGroupsResponse, 0..=5, Listed;
    ListGroups: ListGroupsRequest => ListGroupsResponse, 0..=5, Listed;
    CreateTopics: CreateTopicsRequest => CreateTopicsResponse, 2..=7, Named;
    DeleteTopics: DeleteTopicsRequest => DeleteTopicsResponse, 1..=5, Named;
    DeleteRecords: DeleteRecordsRequest => DeleteRecordsResponse, 0..=2, Named;
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse, 3..=4, Named;
    DescribeConfigs: DescribeConfigsRequest => DescribeConfigsResponse, 1..=4, Listed;
    CreatePartitions: CreatePartitionsRequest => CreatePartitionsResponse, 0..=3, Named;
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse, 0..=1, Named;
    DescribeProducers: DescribeProducersRequest => DescribeProducersResponse, 0..=0, Listed;
    DescribeTransactions: DescribeTransactionsRequest => DescribeTransactionsResponse, 0..=0, Listed;
    ListTransactions: ListTransactionsRequest => ListTransactionsResponse, 0..=0, Listed;
    DescribeAcls: DescribeAclsRequest => DescribeAclsResponse, 1..=3, Listed;
    CreateAcls: CreateAclsRequest => CreateAclsResponse, 1..=3, Named;
    DeleteAcls: DeleteAclsRequest => DeleteAclsResponse, 1..=3, Named;
    ConsumerGroupDescribe: ConsumerGroupDescribeRequest => ConsumerGroupDescribeResponse, 0..=1, Listed;
    ApiVersions: ApiVersionsRequest => ApiVersionsResponse, 0..=3, Small;
}

macro_rules! requests_never_throttled {
    ($($key:ident: $request:ident => $response:ident, $min:literal ..= $max:literal, $size:ident;)*) => {
        $(
            impl Request for kafka::$request {
                const KEY: ApiKey = ApiKey::$key;
                const SPOKEN: VersionRange = VersionRange { min: $min, max: $max };
                const SIZE: ResponseSize = ResponseSize::$size;
                type Response = kafka::$response;

                fn throttle_ms(_: &Self::Response) -> i32 {
                    0
                }
            }
        )*
    };
}

// A request between brokers, and those sent before authentication: their responses have no throttle time.
requests_never_throttled! {
    WriteTxnMarkers: WriteTxnMarkersRequest => WriteTxnMarkersResponse, 1..=1, Named;
    SaslHandshake: SaslHandshakeRequest => SaslHandshakeResponse, 1..=1, Small;
    SaslAuthenticate: SaslAuthenticateRequest => SaslAuthenticateResponse, 0..=2, Small;
}

const LAST_FETCH_BY_NAME: i16 = 12;

fn highest_fetch(request: &kafka::FetchRequest) -> i16 {
    if request.topics.iter().all(|topic| !topic.topic_id.is_nil()) {
        kafka::FetchRequest::SPOKEN.max
    } else {
        LAST_FETCH_BY_NAME
    }
}

#[cfg(test)]
mod tests;
