//! Saying who farshore is, in Kafka's own protocol (KIP-43, KIP-152).
//!
//! Promises: nothing but the agreed versions travels before the broker has accepted; a refusal says which mechanisms the
//! broker would take. Doesn't: encrypt what follows, or renew a login: a connection counts as dead when its session
//! is nearly over (KIP-368), and the next one logs in anew.

mod exchange;
mod kerberos;
mod password;
#[cfg(feature = "gssapi")]
mod tickets;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub(crate) use exchange::authenticate;
pub use kerberos::Kerberos;
pub use password::Password;

use super::HostPort;

/// Why a login cannot go on.
pub type LoginError = Box<dyn std::error::Error + Send + Sync>;

/// A way to say who farshore is.
pub trait Mechanism: Send + Sync + fmt::Debug {
    /// Its name in the register of SASL mechanisms.
    fn name(&self) -> &'static str;

    /// Whom brokers with Kafka's own rules for names take us for; `None` if only they know.
    fn principal(&self) -> Option<&str>;

    /// The same login in librdkafka's settings, without the name of the mechanism.
    fn librdkafka(&self) -> Vec<(&'static str, String)>;

    /// Begins to log in at a broker that the cluster knows by this host name. May block.
    fn begin(&self, host: &str) -> Result<Box<dyn Exchange>, LoginError>;
}

/// One login under way.
pub trait Exchange: Send {
    /// What to say to what the broker said; it has said nothing at first. May block.
    fn answer(&mut self, challenge: &[u8]) -> Result<Answer, LoginError>;
}

/// What a client says in a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Something the broker has to answer with more than its consent.
    Goes(Vec<u8>),
    /// The last word: the broker accepts or refuses.
    Ends(Vec<u8>),
}

/// How to log in at the brokers of a cluster.
#[derive(Debug, Clone)]
pub struct Login {
    mechanism: Arc<dyn Mechanism>,
    /// The hosts that brokers advertise, by the addresses that are dialed instead.
    advertised: BTreeMap<HostPort, String>,
}

impl Login {
    /// A login with a mechanism, where brokers' addresses are mapped like this (advertised to reachable).
    pub fn new(mechanism: Arc<dyn Mechanism>, address_map: &BTreeMap<HostPort, HostPort>) -> Self {
        let advertised = address_map
            .iter()
            .map(|(advertised, reachable)| (reachable.clone(), advertised.host.clone()))
            .collect();
        Self {
            mechanism,
            advertised,
        }
    }

    /// Whom the brokers take us for, as far as it's known here.
    pub fn principal(&self) -> Option<&str> {
        self.mechanism.principal()
    }

    /// The same login in librdkafka's settings.
    pub fn librdkafka(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("security.protocol", "SASL_PLAINTEXT".to_owned()),
            ("sasl.mechanism", self.mechanism.name().to_owned()),
        ];
        settings.extend(self.mechanism.librdkafka());
        settings
    }

    /// What the broker at an address calls itself: tickets are issued for that name, not for the way that leads there.
    fn host_at<'a>(&'a self, address: &'a HostPort) -> &'a str {
        self.advertised.get(address).unwrap_or(&address.host)
    }
}

#[cfg(test)]
mod tests;
