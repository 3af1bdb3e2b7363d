//! The composition of a test cluster, and the property files of its processes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use super::KafkaVersion;

/// The node id of a controller that isn't a broker, and of the `ZooKeeper` node.
pub(crate) const CONTROLLER: i32 = 100;
/// The JAAS entry of a listener whose users have SCRAM credentials in the cluster's metadata.
const SCRAM: &str = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
/// The JAAS entry of a listener whose clients have tokens.
pub(crate) const OAUTHBEARER: &str =
    "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;";

/// A cluster to start.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    pub(crate) version: KafkaVersion,
    /// The number of brokers, with ids from 1. More than one, or `ZooKeeper`, adds the node [`CONTROLLER`].
    pub(crate) brokers: i32,
    /// Broker properties that override the test bed's.
    pub(crate) properties: BTreeMap<String, String>,
    /// JVM options of every node.
    pub(crate) jvm_options: Vec<String>,
    /// The `host:port` on which a single broker also listens for clients that log in.
    pub(crate) login_listener: Option<String>,
    /// The listeners on which a single broker also takes encrypted connections, by their names.
    pub(crate) tls_listeners: BTreeMap<&'static str, TlsListener>,
    /// Further listeners of the brokers.
    pub(crate) listeners: Vec<Listener>,
    /// The users with SCRAM credentials from the start, as arguments of the format tool.
    pub(crate) scram_users: Vec<String>,
    /// Whether every broker is also a controller: then there is no node [`CONTROLLER`], and a controller that dies has a
    /// successor.
    pub(crate) quorum: bool,
    /// Whether each broker reaches the controller over a line that can be cut.
    pub(crate) lines: bool,
    /// Whether brokers are in two racks, and leaders name followers in a client's rack.
    pub(crate) racks: bool,
}

/// A further listener of every broker, without a login.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Listener {
    /// Its name in capital letters.
    pub(crate) name: &'static str,
    /// `PLAINTEXT` or `SSL`.
    pub(crate) protocol: &'static str,
    /// The `host:port` to listen on and the one that is advertised, by broker.
    pub(crate) brokers: BTreeMap<i32, (String, String)>,
}

/// A listener with TLS.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TlsListener {
    /// The `host:port` to listen on.
    pub(crate) address: String,
    /// The `host:port` that the broker advertises for it.
    pub(crate) advertised: String,
    /// `SSL` or `SASL_SSL`.
    pub(crate) protocol: &'static str,
}

impl Spec {
    /// A cluster of one broker with the test bed's settings.
    pub(crate) fn new(version: KafkaVersion) -> Self {
        Self {
            version,
            brokers: 1,
            properties: BTreeMap::new(),
            // They halve the start-up time; a benchmark sets its own.
            jvm_options: [
                "-Xms256m",
                "-Xmx768m",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
            ]
            .map(str::to_owned)
            .into_iter()
            .chain(version.archived_classes())
            .collect(),
            login_listener: None,
            tls_listeners: BTreeMap::new(),
            listeners: Vec::new(),
            scram_users: Vec::new(),
            quorum: false,
            lines: false,
            racks: false,
        }
    }

    /// Sets the number of brokers.
    pub(crate) fn brokers(mut self, brokers: i32) -> Self {
        self.brokers = brokers;
        self
    }

    /// Makes every broker a controller as well.
    pub(crate) fn quorum(mut self) -> Self {
        self.quorum = true;
        self
    }

    /// Gives each broker its own line to the controller, for `Cluster::cut_off`.
    pub(crate) fn lines(mut self) -> Self {
        self.lines = true;
        self
    }

    /// Puts brokers with odd ids into rack `a` and the others into rack `b`, and lets clients read from followers.
    pub(crate) fn racks(mut self) -> Self {
        self.racks = true;
        self.property(
            "replica.selector.class",
            "org.apache.kafka.common.replica.RackAwareReplicaSelector",
        )
    }

    /// Sets a broker property.
    pub(crate) fn property(mut self, name: &str, value: &str) -> Self {
        self.properties.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds a listener for clients that log in with `mechanism`, with its JAAS entry.
    pub(crate) fn login(mut self, address: &str, mechanism: &str, jaas: &str) -> Self {
        self.login_listener = Some(address.to_owned());
        let name = mechanism.to_lowercase();
        self.property("listener.name.login.sasl.enabled.mechanisms", mechanism)
            .property(
                &format!("listener.name.login.{name}.sasl.jaas.config"),
                jaas,
            )
    }

    /// Adds a listener to every broker.
    pub(crate) fn listener(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Gives the further listeners with TLS a key and a certificate, in one file in PEM.
    pub(crate) fn store(self, listener: &str, store: &Path) -> Self {
        let prefix = format!("listener.name.{}.ssl.keystore", listener.to_lowercase());
        let path = store.display().to_string();
        self.property(&format!("{prefix}.type"), "PEM")
            .property(&format!("{prefix}.location"), &path)
    }

    /// Adds a listener with TLS, whose key and certificate are in one file in PEM, as are the authorities to trust.
    pub(crate) fn tls(self, listener: TlsListener, store: &Path, trusted: &Path) -> Self {
        self.tls_as("TLS", listener, store, trusted)
    }

    /// Like [`Self::tls`], for one of several such listeners.
    pub(crate) fn tls_as(
        mut self,
        listener_name: &'static str,
        listener: TlsListener,
        store: &Path,
        trusted: &Path,
    ) -> Self {
        self.tls_listeners.insert(listener_name, listener);
        let listener_name = listener_name.to_lowercase();
        let stores = [("keystore", store), ("truststore", trusted)];
        stores.into_iter().fold(self, |spec, (name, path)| {
            let prefix = format!("listener.name.{listener_name}.ssl.{name}");
            let path = path.display().to_string();
            spec.property(&format!("{prefix}.type"), "PEM")
                .property(&format!("{prefix}.location"), &path)
        })
    }

    /// Adds a listener for clients that log in with a password by this SCRAM mechanism, and a user.
    pub(crate) fn scram(self, address: &str, mechanism: &str, user: (&str, &str)) -> Self {
        self.scram_user(mechanism, user)
            .login(address, mechanism, SCRAM)
    }

    /// Has clients of the listener with TLS log in by this SCRAM mechanism, and adds a user.
    pub(crate) fn scram_over_tls(self, mechanism: &str, user: (&str, &str)) -> Self {
        let name = mechanism.to_lowercase();
        self.scram_user(mechanism, user)
            .property("listener.name.tls.sasl.enabled.mechanisms", mechanism)
            .property(&format!("listener.name.tls.{name}.sasl.jaas.config"), SCRAM)
    }

    /// Has clients of a listener log in by tokens that are signed with a key of this set, for sessions of at most three
    /// seconds.
    pub(crate) fn tokens(self, listener: &str, keys: &Path) -> Self {
        let own = format!("listener.name.{listener}.oauthbearer");
        let url = format!("file://{}", keys.display());
        let mut spec = self
            .property(
                &format!("listener.name.{listener}.sasl.enabled.mechanisms"),
                "OAUTHBEARER",
            )
            .property(&format!("{own}.sasl.jaas.config"), OAUTHBEARER)
            .property(
                &format!("{own}.sasl.server.callback.handler.class"),
                "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
            )
            .property(&format!("{own}.connections.max.reauth.ms"), "3000")
            .property("sasl.oauthbearer.jwks.endpoint.url", &url)
            // The default validator of 4.1 checks no signatures.
            .property(
                "sasl.oauthbearer.jwt.validator.class",
                "org.apache.kafka.common.security.oauthbearer.BrokerJwtValidator",
            )
            .property("sasl.oauthbearer.expected.audience", "kafka");
        let allowed = "-Dorg.apache.kafka.sasl.oauthbearer.allowed";
        let file = keys.display();
        spec.jvm_options.push(format!("{allowed}.urls={url}"));
        spec.jvm_options.push(format!("{allowed}.files={file}"));
        spec
    }

    fn scram_user(mut self, mechanism: &str, (name, password): (&str, &str)) -> Self {
        let user = format!("{mechanism}=[name={name},password={password}]");
        self.scram_users.push(user);
        self
    }

    /// Has the broker permit its own clients everything, and everybody else what ACLs grant.
    pub(crate) fn authorized(self) -> Self {
        self.property(
            "authorizer.class.name",
            "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        )
        .property("super.users", "User:ANONYMOUS")
    }

    /// Whether it is one broker with the settings that most tests use.
    pub(crate) fn is_plain(&self) -> bool {
        *self == Self::new(self.version) && !self.version.uses_zookeeper()
    }

    /// What the further listeners add to the properties of a node: to its listeners, to the advertised ones, and to the
    /// protocols.
    pub(super) fn further_listeners(&self, id: i32) -> [String; 3] {
        let [mut listeners, mut advertised, mut protocols] = [const { String::new() }; 3];
        for Listener {
            name,
            protocol,
            brokers,
        } in &self.listeners
        {
            write!(protocols, ",{name}:{protocol}").expect("writing to a string");
            if let Some((own, told)) = brokers.get(&id) {
                write!(listeners, ",{name}://{own}").expect("writing to a string");
                write!(advertised, ",{name}://{told}").expect("writing to a string");
            }
        }
        [listeners, advertised, protocols]
    }

    /// The nodes and their roles. A node that holds the metadata comes first.
    pub(super) fn nodes(&self) -> Vec<(i32, Role)> {
        let zookeeper = self.version.uses_zookeeper();
        if (self.brokers == 1 || self.quorum) && !zookeeper {
            return (1..=self.brokers).map(|id| (id, Role::Combined)).collect();
        }
        let controller = if zookeeper {
            Role::ZooKeeper
        } else {
            Role::Controller
        };
        std::iter::once((CONTROLLER, controller))
            .chain((1..=self.brokers).map(|id| (id, Role::Broker)))
            .collect()
    }
}

/// The role of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `KRaft` broker and controller.
    Combined,
    Broker,
    /// `KRaft` controller only.
    Controller,
    ZooKeeper,
}

impl Role {
    /// Whether clients connect to the node.
    pub(super) fn is_broker(self) -> bool {
        match self {
            Self::Combined | Self::Broker => true,
            Self::Controller | Self::ZooKeeper => false,
        }
    }
}
