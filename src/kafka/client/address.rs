//! Broker addresses: host and port, as text in configuration and messages.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

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

    /// The same address as it is compared: DNS doesn't tell upper case from lower case, and an IPv6 address can be written
    /// in several ways.
    pub(crate) fn canonical(&self) -> Self {
        let host = match self.host.parse::<Ipv6Addr>() {
            Ok(address) => address.to_string(),
            Err(_) => self.host.to_ascii_lowercase(),
        };
        Self::new(host, self.port)
    }

    /// Whether the host is an address, not a name.
    pub(crate) fn is_ip(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok()
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
