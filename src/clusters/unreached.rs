//! Brokers that can't be reached: why, where else they may be, and what to do about it. Pure.

use std::collections::BTreeMap;
use std::io;

use crate::contract::{UnreachableBroker, UnreachableCause as Cause};
use crate::error::{BrokerCode, Error, Kind};
use crate::kafka::client::{Endpoint, HostPort, TlsFailure};
use crate::model::{BrokerId, ClusterName};

/// A broker that can't be reached where it says to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreached {
    pub(crate) broker: BrokerId,
    pub(crate) advertised: HostPort,
    /// The address that was dialed.
    pub(crate) dial: HostPort,
    pub(crate) cause: Cause,
    /// The error, without what the cause says already.
    pub(crate) why: String,
    /// What to do about a failure of TLS.
    pub(crate) tls_fix: Option<String>,
    pub(crate) elsewhere: Elsewhere,
}

/// Where else a broker was looked for, and found.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Elsewhere {
    #[default]
    Unsought,
    /// It is at none of these addresses.
    Nowhere(Vec<HostPort>),
    /// A broker of the cluster answers there; farshore isn't permitted to find out which one.
    Perhaps(HostPort),
    /// It answered there.
    At(HostPort),
}

impl Unreached {
    pub(crate) fn new(broker: BrokerId, endpoint: &Endpoint, error: &Error) -> Self {
        let tls = TlsFailure::among(error);
        Self {
            broker,
            advertised: endpoint.advertised.clone(),
            dial: endpoint.dial.clone(),
            cause: match endpoint.misled {
                Some(_) => Cause::AddressMap,
                None => cause_of(error),
            },
            why: tls.map_or_else(|| reason(error), ToString::to_string),
            tls_fix: tls.map(|it| it.fix().to_owned()),
            elsewhere: Elsewhere::Unsought,
        }
    }

    /// Whether it may be found at another address.
    pub(crate) fn is_misplaced(&self) -> bool {
        match self.cause {
            Cause::Unresolved
            | Cause::Refused
            | Cause::Unroutable
            | Cause::Timeout
            | Cause::NotKafka
            | Cause::OtherCluster
            | Cause::Disconnected => true,
            Cause::Tls | Cause::Login | Cause::AddressMap | Cause::Untried => false,
        }
    }

    fn is_mapped(&self) -> bool {
        self.advertised != self.dial
    }

    /// What programs are told about it.
    pub(crate) fn told(&self, cluster: &ClusterName) -> UnreachableBroker {
        let (reachable_at, is_certain) = match &self.elsewhere {
            Elsewhere::Unsought | Elsewhere::Nowhere(_) => (None, None),
            Elsewhere::Perhaps(address) => (Some(address), Some(false)),
            Elsewhere::At(address) => (Some(address), Some(true)),
        };
        UnreachableBroker {
            cluster: cluster.clone(),
            broker: self.broker.0,
            advertised: self.advertised.to_string(),
            dialed: self.dial.to_string(),
            cause: self.cause,
            error: self.why.clone(),
            reachable_at: reachable_at.map(ToString::to_string),
            is_certain,
        }
    }
}

/// Whether two lists name the same brokers at the same addresses, for the same causes.
pub(crate) fn are_alike(one: &[Unreached], other: &[Unreached]) -> bool {
    let key = |it: &Unreached| (it.broker, it.advertised.clone(), it.dial.clone(), it.cause);
    one.iter().map(key).eq(other.iter().map(key))
}

/// The standard library's error for a name that doesn't resolve, which has no kind of its own.
const LOOKUP_FAILED: &str = "failed to lookup address information";
const LOGIN_CODES: [BrokerCode; 3] = [BrokerCode(33), BrokerCode(34), BrokerCode(58)];

/// Determines why a connection could not be made.
pub(crate) fn cause_of(error: &Error) -> Cause {
    if TlsFailure::among(error).is_some() {
        return Cause::Tls;
    }
    match error.kind() {
        Kind::TimedOut => Cause::Timeout,
        Kind::Protocol => Cause::NotKafka,
        Kind::Refused => Cause::OtherCluster,
        Kind::Broker(code) if LOGIN_CODES.contains(&code) => Cause::Login,
        Kind::Invalid => Cause::Login,
        Kind::Disconnected | Kind::Broker(_) | Kind::Store | Kind::Stopping => of_line(error),
    }
}

fn of_line(error: &Error) -> Cause {
    let Some(failure) = io_error(error) else {
        return Cause::Disconnected;
    };
    match failure.kind() {
        io::ErrorKind::ConnectionRefused => Cause::Refused,
        io::ErrorKind::TimedOut => Cause::Timeout,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Cause::Unroutable,
        _ if failure.to_string().contains(LOOKUP_FAILED) => Cause::Unresolved,
        _ => Cause::Disconnected,
    }
}

/// The error of the operating system among the causes of an error.
fn io_error(error: &Error) -> Option<&io::Error> {
    let first: &(dyn std::error::Error + 'static) = error;
    let all = std::iter::successors(Some(first), |error| error.source());
    all.filter_map(|it| it.downcast_ref::<io::Error>()).last()
}

/// What an error about a missing connection begins with, which is told in other words here.
const NO_CONNECTION: &str = "no connection to ";

/// The causes of an error, without the address.
fn reason(error: &Error) -> String {
    let (text, own) = (error.causes(), error.message());
    let rest = text.strip_prefix(own).and_then(|it| it.strip_prefix(": "));
    match rest.filter(|_| own.starts_with(NO_CONNECTION)) {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// The most brokers named in one text.
const NAMED: usize = 5;
/// What has to be replaced by an address in a line of `address_map`.
const PLACEHOLDER: &str = "HOST:PORT";

/// Returns what is wrong with the brokers of a cluster that can't be reached, and what to do about it: one pair of texts
/// for all brokers with the same cause, the same pattern of host names and the same remedy.
pub(crate) fn advice(cluster: &ClusterName, unreached: &[Unreached]) -> Vec<(String, String)> {
    let mut groups: BTreeMap<_, Vec<&Unreached>> = BTreeMap::new();
    for broker in unreached {
        let found = match &broker.elsewhere {
            Elsewhere::At(_) => 0,
            Elsewhere::Perhaps(_) => 1,
            Elsewhere::Unsought | Elsewhere::Nowhere(_) => 2,
        };
        let pattern = pattern(&broker.advertised.host);
        let key = (
            found,
            broker.cause,
            broker.is_mapped(),
            pattern,
            &broker.tls_fix,
        );
        groups.entry(key).or_default().push(broker);
    }
    let groups = groups.into_values();
    groups
        .map(|alike| (what(&alike), fix(cluster, &alike)))
        .collect()
}

/// A host name without its numbers: brokers that are named alike differ in them.
fn pattern(host: &str) -> String {
    let mut pattern = String::with_capacity(host.len());
    for letter in host.chars() {
        let letter = if letter.is_ascii_digit() { '#' } else { letter };
        if letter != '#' || !pattern.ends_with('#') {
            pattern.push(letter);
        }
    }
    pattern
}

/// The first few of some texts, and the number of the others.
fn some(texts: impl ExactSizeIterator<Item = String>, separator: &str) -> String {
    let others = texts.len().saturating_sub(NAMED);
    let named: Vec<String> = texts.take(NAMED).collect();
    let named = named.join(separator);
    match others {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn what(alike: &[&Unreached]) -> String {
    let (one, brokers) = (alike[0], alike.iter());
    let ids = some(brokers.clone().map(|it| it.broker.to_string()), ", ");
    let several = alike.len() > 1;
    let who = if several { "brokers" } else { "broker" };
    let places = if one.is_mapped() {
        let mapped = brokers.map(|it| format!("{} (for {})", it.dial, it.advertised));
        format!("where address_map leads, {}", some(mapped, ", "))
    } else {
        let address = if several {
            "the addresses they advertise"
        } else {
            "the address it advertises"
        };
        let advertised = brokers.map(|it| it.advertised.to_string());
        format!("{address}, {}", some(advertised, ", "))
    };
    let why = match one.cause {
        Cause::Unresolved if several => "these names don't resolve here",
        Cause::Unresolved => "this name doesn't resolve here",
        _ => one.why.as_str(),
    };
    format!("{who} {ids} cannot be reached at {places}: {why}")
}

fn fix(cluster: &ClusterName, alike: &[&Unreached]) -> String {
    let one = alike[0];
    let (object, they) = if alike.len() > 1 {
        ("them", "they")
    } else {
        ("it", "it")
    };
    let map = format!("[clusters.{cluster}.address_map]");
    match &one.elsewhere {
        Elsewhere::At(_) => format!(
            "Write into {map} where {they} answered when tried: {}.",
            entries(alike.iter().copied())
        ),
        Elsewhere::Perhaps(_) => {
            let found = if alike.len() > 1 {
                "Brokers of the cluster answer where these were looked for, and may be them"
            } else {
                "A broker of the cluster answers where this one was looked for, and may be it"
            };
            let entries = entries(alike.iter().copied());
            format!("{found}; farshore may not ask. If so, write into {map}: {entries}.")
        }
        Elsewhere::Unsought | Elsewhere::Nowhere(_) => {
            let entry = format!(
                "write into {map} where {they} can be reached: {}",
                placeholders(alike)
            );
            let text = otherwise(cluster, one, object, &entry);
            format!("{text}{}", tried(alike))
        }
    }
}

/// What to do about brokers that were found nowhere.
fn otherwise(cluster: &ClusterName, one: &Unreached, them: &str, entry: &str) -> String {
    let correct = if one.is_mapped() {
        "correct these entries of address_map"
    } else {
        "correct advertised.listeners"
    };
    match (one.cause, &one.tls_fix) {
        (Cause::Tls, Some(fix)) => format!("To reach {them}: {fix}."),
        (Cause::Unresolved, _) => {
            format!("Make the name resolve here, {correct}, or {entry}.")
        }
        (Cause::Refused, _) => format!("Start the broker, {correct}, or {entry}."),
        (Cause::Unroutable | Cause::Timeout, _) => {
            format!("Look for a firewall between here and there, {correct}, or {entry}.")
        }
        (Cause::NotKafka, _) => format!(
            "What listens there is no Kafka broker, or uses another security_protocol: {correct}, or {entry}."
        ),
        (Cause::OtherCluster, _) => {
            format!("The address leads to another cluster: {correct}, or {entry}.")
        }
        (Cause::Login, _) => format!(
            "The login fails there: correct [clusters.{cluster}.sasl], or what it refers to."
        ),
        // The reason comes with what to do.
        (Cause::AddressMap, _) => format!("Correct [clusters.{cluster}.address_map]."),
        (Cause::Untried, _) => {
            "There was no time left to try: correct the other problems, then check again."
                .to_owned()
        }
        (Cause::Disconnected | Cause::Tls, _) => {
            format!("Look into the broker's log, {correct}, or {entry}.")
        }
    }
}

/// Lines for the address map, all of them: they can be used as they are.
fn entries<'a>(brokers: impl Iterator<Item = &'a Unreached>) -> String {
    let entries = brokers.filter_map(|it| match &it.elsewhere {
        Elsewhere::At(address) | Elsewhere::Perhaps(address) => {
            Some(entry(&it.advertised, &address.to_string()))
        }
        Elsewhere::Unsought | Elsewhere::Nowhere(_) => None,
    });
    let entries: Vec<String> = entries.collect();
    entries.join(", ")
}

fn placeholders(alike: &[&Unreached]) -> String {
    let entries = alike.iter().map(|it| entry(&it.advertised, PLACEHOLDER));
    let mut entries: Vec<String> = entries.collect();
    entries.dedup();
    some(entries.into_iter(), ", ")
}

fn entry(advertised: &HostPort, reachable: &str) -> String {
    format!("\"{advertised}\" = \"{reachable}\"")
}

/// Where brokers were looked for in vain.
fn tried(alike: &[&Unreached]) -> String {
    let mut addresses: Vec<&HostPort> = Vec::new();
    for broker in alike {
        if let Elsewhere::Nowhere(tried) = &broker.elsewhere {
            addresses.extend(tried);
        }
    }
    addresses.sort();
    addresses.dedup();
    if addresses.is_empty() {
        return String::new();
    }
    let addresses = some(addresses.iter().map(ToString::to_string), ", ");
    format!(" (Tried in vain: {addresses}.)")
}

#[cfg(test)]
mod tests;
