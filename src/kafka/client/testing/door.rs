//! The answers of an address behind which brokers are that advertise others.

use kafka_protocol::messages::describe_configs_response::DescribeConfigsResult;
use kafka_protocol::messages::{
    ApiKey, DescribeConfigsRequest, DescribeConfigsResponse, ListOffsetsRequest,
    ListOffsetsResponse, MetadataRequest, MetadataResponse,
};

use super::{Call, Reply, metadata, topic};

/// What such a broker does with questions other than for metadata.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Manner {
    /// Tells its own settings, as the broker of this id.
    Itself(i32),
    /// Refuses to tell settings, and leads nothing.
    Reserved,
    Silent,
    HangsUp,
}

/// Metadata of a cluster `id` whose brokers advertise these addresses, with a topic of three partitions.
pub(crate) fn advertising(id: &'static str, brokers: &[&str]) -> MetadataResponse {
    let orders = topic("orders", &[1, 2, 3]).with_topic_authorized_operations(i32::MAX);
    metadata(id, brokers).with_topics(vec![orders])
}

/// Answers with metadata, and otherwise in the given manner.
pub(crate) fn door(told: MetadataResponse, manner: Manner) -> impl Fn(&Call) -> Reply {
    move |call| match (call.key, manner) {
        (ApiKey::Metadata, _) => call.answer::<MetadataRequest>(&told),
        (_, Manner::Silent) => Reply::Nothing,
        (_, Manner::HangsUp) => Reply::HangUp,
        (ApiKey::DescribeConfigs, Manner::Itself(id)) => settings(call, Some(id)),
        (ApiKey::DescribeConfigs, Manner::Reserved) => settings(call, None),
        (_, Manner::Itself(_) | Manner::Reserved) => {
            call.answer::<ListOffsetsRequest>(&ListOffsetsResponse::default())
        }
    }
}

/// Answers whose settings are asked for: those of the broker `own`, or nobody's without the right to ask.
fn settings(call: &Call, own: Option<i32>) -> Reply {
    let request: DescribeConfigsRequest = call.request();
    let results = request.resources.into_iter().map(|it| {
        let code = match own.map(|own| it.resource_name.as_str() == own.to_string()) {
            Some(true) => 0,
            Some(false) => 42,
            None => 31,
        };
        DescribeConfigsResult::default()
            .with_resource_name(it.resource_name)
            .with_error_code(code)
    });
    let answer = DescribeConfigsResponse::default().with_results(results.collect());
    call.answer::<DescribeConfigsRequest>(&answer)
}
