//! The property files of nodes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::spec::{Role, Spec, TlsListener};

/// The environment of one node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) id: i32,
    pub(super) role: Role,
    pub(super) data: &'a Path,
    /// The port on which clients reach the node, if it is a broker.
    pub(super) client_port: u16,
    /// The nodes that hold the metadata, and the port on which this node reaches each.
    pub(super) keepers: &'a [(i32, u16)],
}

impl Place<'_> {
    /// The port of the metadata: this node's own if it holds it, else that of the first node that does.
    fn keeper_port(&self) -> u16 {
        let own = self.keepers.iter().find(|(id, _)| *id == self.id);
        own.or(self.keepers.first()).expect("somebody keeps it").1
    }

    /// The nodes that hold the metadata, in the format of `KRaft`'s voter list.
    fn voters(&self) -> String {
        let voter = |(id, port): &(i32, u16)| format!("{id}@127.0.0.1:{port}");
        let voters: Vec<String> = self.keepers.iter().map(voter).collect();
        voters.join(",")
    }
}

/// The property file of a node.
pub(super) fn properties(spec: &Spec, place: &Place<'_>) -> String {
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    let mut set = |name: &str, value: String| lines.insert(name.to_owned(), value);
    let data = place.data.display().to_string();
    let metadata_port = place.keeper_port();
    let [client, advertised, protocols] = listeners(spec, place);
    let controller = format!("CONTROLLER://127.0.0.1:{metadata_port}");
    if place.role == Role::ZooKeeper {
        set("dataDir", data);
        set("clientPort", metadata_port.to_string());
        set("clientPortAddress", "127.0.0.1".into());
        set("tickTime", "500".into());
        set("admin.enableServer", "false".into());
        set("4lw.commands.whitelist", "dump".into());
        return text(&lines);
    }
    set("log.dirs", data);
    if advertised != client {
        set("advertised.listeners", advertised);
    }
    if spec.version.uses_zookeeper() {
        set("broker.id", place.id.to_string());
        set("zookeeper.connect", format!("127.0.0.1:{metadata_port}"));
        set("zookeeper.session.timeout.ms", "3000".into());
        set("listeners", client);
    } else {
        set("node.id", place.id.to_string());
        set("controller.quorum.voters", place.voters());
        set("controller.listener.names", "CONTROLLER".into());
        set("listener.security.protocol.map", protocols);
        // A killed broker is readmitted only after its former session has expired.
        set("broker.session.timeout.ms", "2000".into());
        set("broker.heartbeat.interval.ms", "400".into());
        let (roles, listeners) = match place.role {
            Role::Combined => ("broker,controller", format!("{client},{controller}")),
            Role::Broker => ("broker", client),
            Role::Controller | Role::ZooKeeper => ("controller", controller),
        };
        set("process.roles", roles.into());
        set("listeners", listeners);
    }
    for (name, value) in common(spec.brokers) {
        set(name, value);
    }
    if spec.racks {
        set(
            "broker.rack",
            if place.id % 2 == 1 { "a" } else { "b" }.into(),
        );
    }
    lines.extend(spec.properties.clone());
    text(&lines)
}

/// The listeners for clients, what of them is advertised, and all protocols by the listeners' names.
fn listeners(spec: &Spec, place: &Place<'_>) -> [String; 3] {
    let mut client = format!("PLAINTEXT://127.0.0.1:{}", place.client_port);
    if let Some(address) = &spec.login_listener {
        write!(client, ",LOGIN://{address}").expect("writing to a string");
    }
    let mut protocols = "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,LOGIN:SASL_PLAINTEXT".to_owned();
    let mut advertised = client.clone();
    for (name, listener) in &spec.tls_listeners {
        let TlsListener {
            address,
            advertised: shown,
            protocol,
        } = listener;
        write!(advertised, ",{name}://{shown}").expect("writing to a string");
        write!(client, ",{name}://{address}").expect("writing to a string");
        write!(protocols, ",{name}:{protocol}").expect("writing to a string");
    }
    let [own, told, further] = spec.further_listeners(place.id);
    [client + &own, advertised + &told, protocols + &further]
}

/// Quick starts, quick failure detection, and no side effects on records with made-up timestamps.
fn common(brokers: i32) -> [(&'static str, String); 12] {
    let replicas = brokers.min(3);
    let in_sync = (replicas - 1).max(1);
    [
        ("auto.create.topics.enable", "false".into()),
        ("default.replication.factor", replicas.to_string()),
        ("offsets.topic.replication.factor", replicas.to_string()),
        ("offsets.topic.num.partitions", "5".into()),
        (
            "transaction.state.log.replication.factor",
            replicas.to_string(),
        ),
        ("transaction.state.log.min.isr", in_sync.to_string()),
        ("transaction.state.log.num.partitions", "5".into()),
        ("group.initial.rebalance.delay.ms", "0".into()),
        ("replica.lag.time.max.ms", "6000".into()),
        ("log.retention.ms", "-1".into()),
        ("log.cleaner.dedupe.buffer.size", "33554432".into()),
        ("log.cleaner.backoff.ms", "500".into()),
    ]
}

fn text(lines: &BTreeMap<String, String>) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    lines.join("\n")
}
