//! The requests farshore speaks, each with the versions it has been checked with.
//!
//! Promises: one table lists farshore's versions; every request is sent in the highest version that both sides support.
//! Doesn't: know what requests mean.

use kafka_protocol::messages as kafka;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message, VersionRange};

/// A request of Kafka's protocol, with its response type.
pub trait Request: Encodable + HeaderVersion + Send + 'static {
    const KEY: ApiKey;
    /// The versions farshore speaks.
    const SPOKEN: VersionRange;
    type Response: Decodable + HeaderVersion + Send + 'static;

    /// The highest version that can carry this particular request.
    fn highest_version(&self) -> i16 {
        Self::SPOKEN.max
    }

    /// The throttle time in milliseconds that the broker returned (KIP-219).
    fn throttle_ms(response: &Self::Response) -> i32;
}

macro_rules! requests {
    ($($key:ident: $request:ident => $response:ident, $min:literal ..= $max:literal $(, highest $highest:expr)?;)*) => {
        $(
            const _: () = assert!(
                kafka::$request::VERSIONS.min <= $min && $max <= kafka::$request::VERSIONS.max
            );

            impl Request for kafka::$request {
                const KEY: ApiKey = ApiKey::$key;
                const SPOKEN: VersionRange = VersionRange { min: $min, max: $max };
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
    Produce: ProduceRequest => ProduceResponse, 3..=13;
    Fetch: FetchRequest => FetchResponse, 4..=17, highest highest_fetch;
    ListOffsets: ListOffsetsRequest => ListOffsetsResponse, 4..=7;
    Metadata: MetadataRequest => MetadataResponse, 4..=12;
    OffsetCommit: OffsetCommitRequest => OffsetCommitResponse, 2..=9;
    OffsetFetch: OffsetFetchRequest => OffsetFetchResponse, 2..=9;
    FindCoordinator: FindCoordinatorRequest => FindCoordinatorResponse, 1..=3;
    DescribeGroups: DescribeGroupsRequest => DescribeGroupsResponse, 0..=5;
    ListGroups: ListGroupsRequest => ListGroupsResponse, 0..=5;
    CreateTopics: CreateTopicsRequest => CreateTopicsResponse, 2..=7;
    DeleteTopics: DeleteTopicsRequest => DeleteTopicsResponse, 1..=5;
    DeleteRecords: DeleteRecordsRequest => DeleteRecordsResponse, 0..=2;
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest => OffsetForLeaderEpochResponse, 3..=4;
    DescribeConfigs: DescribeConfigsRequest => DescribeConfigsResponse, 1..=4;
    CreatePartitions: CreatePartitionsRequest => CreatePartitionsResponse, 0..=3;
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest => IncrementalAlterConfigsResponse, 0..=1;
    DescribeProducers: DescribeProducersRequest => DescribeProducersResponse, 0..=0;
    DescribeTransactions: DescribeTransactionsRequest => DescribeTransactionsResponse, 0..=0;
    ListTransactions: ListTransactionsRequest => ListTransactionsResponse, 0..=0;
    ConsumerGroupDescribe: ConsumerGroupDescribeRequest => ConsumerGroupDescribeResponse, 0..=1;
    ApiVersions: ApiVersionsRequest => ApiVersionsResponse, 0..=3;
}

macro_rules! requests_never_throttled {
    ($($key:ident: $request:ident => $response:ident, $min:literal ..= $max:literal;)*) => {
        $(
            impl Request for kafka::$request {
                const KEY: ApiKey = ApiKey::$key;
                const SPOKEN: VersionRange = VersionRange { min: $min, max: $max };
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
    WriteTxnMarkers: WriteTxnMarkersRequest => WriteTxnMarkersResponse, 1..=1;
    SaslHandshake: SaslHandshakeRequest => SaslHandshakeResponse, 1..=1;
    SaslAuthenticate: SaslAuthenticateRequest => SaslAuthenticateResponse, 0..=2;
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
