//! Waits until a cluster has registered its brokers, or has dropped them.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::MetadataBroker;

use crate::support::wait::{blocking, eventually};

/// Waits until a client sees exactly these brokers; `check` runs before each look.
pub(super) async fn wait_registered(
    bootstrap: &str,
    brokers: BTreeSet<i32>,
    deadline: Duration,
    mut check: impl FnMut(),
) {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "200")
        .create()
        .expect("a client for the metadata");
    let client = Arc::new(client);
    eventually(deadline, "all brokers registered", async || {
        check();
        let client = Arc::clone(&client);
        let metadata = blocking(move || client.fetch_metadata(None, Duration::from_secs(1))).await;
        let metadata = metadata.map_err(|error| error.to_string())?;
        let seen: BTreeSet<i32> = metadata.brokers().iter().map(MetadataBroker::id).collect();
        if seen == brokers {
            Ok(())
        } else {
            Err(format!("brokers {seen:?} of {brokers:?}"))
        }
    })
    .await;
}

/// Waits until `ZooKeeper` has no session that registered this broker.
pub(super) async fn wait_unregistered(zookeeper_port: u16, broker: i32) {
    let registration = format!("/brokers/ids/{broker}");
    let what = format!("the session of broker {broker} ends");
    eventually(Duration::from_secs(30), &what, async || {
        let dump = blocking(move || sessions(zookeeper_port)).await;
        let dump = dump.map_err(|error| error.to_string())?;
        if dump.lines().any(|line| line.trim() == registration) {
            Err(dump)
        } else {
            Ok(())
        }
    })
    .await;
}

/// `ZooKeeper`'s list of sessions, each with its ephemeral nodes.
fn sessions(port: u16) -> std::io::Result<String> {
    let mut connection = TcpStream::connect(("127.0.0.1", port))?;
    connection.set_read_timeout(Some(Duration::from_secs(2)))?;
    connection.write_all(b"dump")?;
    let mut text = String::new();
    connection.read_to_string(&mut text)?;
    Ok(text)
}
