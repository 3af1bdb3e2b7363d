//! Broker addresses: host and port, as text in configuration and messages, and where a connection leads.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::model::BrokerId;

/// A host (name, IPv4 or IPv6 address without brackets) and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPort {
    /// A name or an address; an IPv6 address is stored without brackets.
    pub host: String,
    pub port: u16,
}

impl HostPort {
    /// Creates an address from its parts.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Reachable addresses, by the addresses that brokers advertise.
pub(crate) type AddressMap = BTreeMap<HostPort, HostPort>;

/// Where a connection leads: to a broker, under the address that it advertises, over the address that is dialed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The broker expected there; `None` for a bootstrap address.
    pub broker: Option<BrokerId>,
    /// The address by which the cluster knows the broker: its certificate and tickets are for this host.
    pub advertised: HostPort,
    /// The address to connect to.
    pub dial: HostPort,
}

impl Endpoint {
    /// Returns the endpoint of a broker that advertises this address.
    pub(crate) fn of_broker(broker: BrokerId, advertised: HostPort, map: &AddressMap) -> Self {
        Self {
            broker: Some(broker),
            dial: map.get(&advertised).unwrap_or(&advertised).clone(),
            advertised,
        }
    }

    /// Returns the endpoint of a bootstrap address, which is dialed as it is written. Its advertised address is the same
    /// unless `map` leads from another one there.
    pub(crate) fn bootstrap(written: &HostPort, map: &AddressMap) -> Self {
        let advertised = map.iter().rfind(|(_, dial)| *dial == written);
        Self {
            broker: None,
            advertised: advertised
                .map_or(written, |(advertised, _)| advertised)
                .clone(),
            dial: written.clone(),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.broker {
            Some(broker) => write!(f, "broker {broker} at {}", self.dial),
            None => write!(f, "{}", self.dial),
        }
    }
}

/// The error for text that isn't an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{text}\" is not an address: write host:port, or [address]:port for IPv6")]
pub struct NotAnAddress {
    text: String,
}

impl FromStr for HostPort {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        parse(text).ok_or_else(|| NotAnAddress {
            text: text.to_owned(),
        })
    }
}

fn parse(text: &str) -> Option<HostPort> {
    let bracketed = text.strip_prefix('[').map(|rest| rest.split_once("]:"));
    let (host, port) = bracketed.unwrap_or_else(|| text.rsplit_once(':'))?;
    let bracketed = bracketed.is_some();
    let usable = !host.is_empty()
        && host.contains(':') == bracketed
        && !host.contains(|c: char| c.is_whitespace() || c == '/');
    let port = port.parse().ok().filter(|&port| port != 0)?;
    usable.then(|| HostPort::new(host, port))
}

#[cfg(test)]
mod tests;
