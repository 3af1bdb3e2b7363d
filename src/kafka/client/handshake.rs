//! Making a connection usable: open the byte stream, negotiate versions, log in if a login is configured, and confirm the
//! cluster's id if it is known.
//!
//! Promises: a connection returned from here knows its broker's versions, is authenticated if a login is configured, and
//! doesn't lead to another cluster than earlier ones: an address may have a new owner by the time it is dialed again.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use kafka_protocol::protocol::StrBytes;
use tokio::time::timeout;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::model::ClusterName;

use super::auth::{self, Login};
use super::connection::Peer;
use super::encode::{ThrottledResponse, answer_to};
use super::error_codes::describe;
use super::metadata::{check_cluster, request_of_id};
use super::request::Request;
use super::transport::Transport;
use super::versions::Versions;
use super::{Connection, Endpoint};

const UNSUPPORTED_VERSION: BrokerCode = BrokerCode(35);
/// The error code follows the correlation id.
const CODE_AT: usize = 4;
const SOFTWARE_NAME: &str = "farshore";

/// Connects to a broker, negotiates versions, logs in and confirms the cluster's id, all within `limit`.
///
/// Errors: `Disconnected` or `TimedOut` if the broker doesn't answer, `Protocol` if the peer isn't a broker farshore
/// can talk to, `Refused` if it belongs to another cluster, and those of the login.
pub(crate) async fn connect(
    transport: &dyn Transport,
    peer: Peer,
    client_id: StrBytes,
    (login, cluster_id): (Option<&Login>, Option<String>),
    limit: Duration,
) -> Result<Connection> {
    peer.endpoint.check()?;
    let (to, cluster) = (peer.endpoint.clone(), peer.cluster.clone());
    let mut waits_for = Stage::Connection;
    let connected = timeout(limit, async {
        let stream = transport.connect(&to).await?;
        waits_for = Stage::Versions;
        let connection = Connection::open(peer, client_id, stream);
        connection.set_versions(ask_versions(&connection, limit).await?);
        if let Some(login) = login {
            waits_for = Stage::Login;
            auth::authenticate(&connection, login, limit).await?;
        }
        waits_for = Stage::ClusterId;
        if let Some(known) = cluster_id {
            let answer = connection.call(request_of_id(), limit).await?;
            check_cluster(Some(&known), answer.cluster_id.as_deref())?;
        }
        Ok(connection)
    });
    let connected = connected.await;
    connected.unwrap_or_else(|_| Err(too_slow(&cluster, &to, waits_for, limit)))
}

/// What is waited for until a connection can be used.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// TCP, and TLS over it.
    Connection,
    Versions,
    /// What the login takes, such as a token, and the broker's answers.
    Login,
    ClusterId,
}

fn too_slow(cluster: &ClusterName, to: &Endpoint, stage: Stage, limit: Duration) -> Error {
    let dial = &to.dial;
    let text = match stage {
        Stage::Connection => format!("{dial} didn't answer within {limit:?}"),
        Stage::Versions => format!(
            "{dial} accepted the connection, but didn't answer as a Kafka broker within {limit:?}"
        ),
        Stage::Login => format!("the login at {dial} took longer than {limit:?}"),
        Stage::ClusterId => {
            format!("{dial} didn't say within {limit:?} which cluster it belongs to")
        }
    };
    let error = Error::new(Kind::TimedOut, text);
    match stage {
        Stage::Login => error.fixed_by(format!(
            "look into what the login of [clusters.{cluster}.sasl] waits for: its token server or command, or the broker"
        )),
        Stage::Connection | Stage::Versions | Stage::ClusterId => error,
    }
}

/// Asks in the newest version farshore speaks; a broker that doesn't support it answers with an error in the layout of
/// version 0.
async fn ask_versions(connection: &Connection, limit: Duration) -> Result<Versions> {
    let newest = ApiVersionsRequest::SPOKEN.max;
    let mut answer = api_versions(connection, newest, limit).await?;
    if BrokerCode(answer.error_code) == UNSUPPORTED_VERSION {
        answer = api_versions(connection, 0, limit).await?;
    }
    match BrokerCode(answer.error_code) {
        BrokerCode(0) => Ok(Versions::new(&answer)),
        code => {
            let peer = connection.peer();
            let text = format!("{peer} refused to list its versions: {}", describe(code));
            Err(Error::new(Kind::Broker(code), text))
        }
    }
}

async fn api_versions(
    connection: &Connection,
    version: i16,
    limit: Duration,
) -> Result<ApiVersionsResponse> {
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str(SOFTWARE_NAME))
        .with_client_software_version(StrBytes::from_static_str(env!("CARGO_PKG_VERSION")));
    connection
        .start_version(&request, version, limit, read_versions)?
        .await
}

fn read_versions(
    frame: Bytes,
    version: i16,
) -> anyhow::Result<ThrottledResponse<ApiVersionsResponse>> {
    let code = frame.get(CODE_AT..CODE_AT + 2);
    let refused = code == Some(&UNSUPPORTED_VERSION.0.to_be_bytes());
    answer_to::<ApiVersionsRequest>(frame, if refused { 0 } else { version })
}

#[cfg(test)]
mod tests;
