//! Single requests that librdkafka doesn't send: the controller's identity, elections, reassignments, producers.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, DescribeQuorumRequest, ElectLeadersRequest, RequestHeader,
    ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};

use super::wait::blocking;

const LIMIT: Duration = Duration::from_secs(10);

/// Sends a request to the broker at `address`, over its own connection.
pub(crate) async fn ask<R>(address: &str, request: R, version: i16) -> io::Result<R::Response>
where
    R: Request + Send + 'static,
    R::Response: Send,
{
    let address = address.to_owned();
    blocking(move || exchange(&address, &request, version)).await
}

fn exchange<R: Request>(address: &str, request: &R, version: i16) -> io::Result<R::Response> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version);
    let mut body = Vec::new();
    header
        .encode(&mut body, R::header_version(version))
        .and_then(|()| request.encode(&mut body, version))
        .expect("a request");
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(LIMIT))?;
    let length = u32::try_from(body.len()).expect("a small request");
    connection.write_all(&[&length.to_be_bytes(), body.as_slice()].concat())?;
    let mut length = [0; 4];
    connection.read_exact(&mut length)?;
    let mut answer = vec![0; u32::from_be_bytes(length) as usize];
    connection.read_exact(&mut answer)?;
    let mut answer = bytes::Bytes::from(answer);
    ResponseHeader::decode(&mut answer, R::Response::header_version(version)).expect("a header");
    Ok(R::Response::decode(&mut answer, version).expect("an answer"))
}

/// Like [`ask`], to the first of the `bootstrap` brokers that answers. The error describes the last state, for
/// `eventually`.
async fn ask_any<R>(bootstrap: &str, request: R, version: i16) -> Result<R::Response, String>
where
    R: Request + Clone + Send + 'static,
    R::Response: Send,
{
    let mut errors = Vec::new();
    for address in bootstrap.split(',') {
        match ask(address, request.clone(), version).await {
            Ok(answer) => return Ok(answer),
            Err(error) => errors.push(error.to_string()),
        }
    }
    Err(errors.join(", "))
}

fn topic_name(name: &str) -> TopicName {
    StrBytes::from_string(name.to_owned()).into()
}

/// The active controller of a cluster whose brokers are also controllers. The error describes the last state, for
/// `eventually`.
pub(crate) async fn active_controller(bootstrap: &str) -> Result<i32, String> {
    let topic = TopicData::default()
        .with_topic_name(topic_name("__cluster_metadata"))
        .with_partitions(vec![PartitionData::default()]);
    let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
    let answer = ask_any(bootstrap, request, 1).await?;
    let partition = answer.topics.first().and_then(|it| it.partitions.first());
    match partition {
        Some(found) if found.error_code == 0 && found.leader_id.0 >= 0 => Ok(found.leader_id.0),
        _ => Err(format!("{answer:?}")),
    }
}

/// Makes the preferred replica of every partition its leader again. The error describes the last state, for `eventually`.
pub(crate) async fn elect_preferred(bootstrap: &str) -> Result<(), String> {
    let request = ElectLeadersRequest::default()
        .with_election_type(0)
        .with_topic_partitions(None)
        .with_timeout_ms(5_000);
    let answer = ask_any(bootstrap, request, 2).await?;
    match answer.error_code {
        0 => Ok(()),
        code => Err(format!("code {code}")),
    }
}

/// Assigns these replicas to a partition. The error describes the last state, for `eventually`.
pub(crate) async fn reassign(
    bootstrap: &str,
    (topic, partition): (&str, i32),
    replicas: &[i32],
) -> Result<(), String> {
    let replicas = replicas.iter().map(|id| (*id).into()).collect();
    let moved = ReassignablePartition::default()
        .with_partition_index(partition)
        .with_replicas(Some(replicas));
    let topic = ReassignableTopic::default()
        .with_name(topic_name(topic))
        .with_partitions(vec![moved]);
    let request = AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(5_000)
        .with_topics(vec![topic]);
    let answer = ask_any(bootstrap, request, 0).await?;
    let parts = answer.responses.iter().flat_map(|it| &it.partitions);
    let refused = parts.map(|it| it.error_code).find(|code| *code != 0);
    match (answer.error_code, refused) {
        (0, None) => Ok(()),
        (code, refused) => Err(format!("codes {code} and {refused:?}")),
    }
}
