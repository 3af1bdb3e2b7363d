//! Where connections lead: to brokers, under the addresses that they advertise, over the addresses that are dialed.

use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, Kind, Result};
use crate::model::BrokerId;

use super::address::HostPort;
use super::address_map::{AddressMap, Lead, Misled};

/// Where a connection leads: to a broker, under the address that it advertises, over the address that is dialed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The broker expected there; `None` for a bootstrap address.
    pub broker: Option<BrokerId>,
    /// The address by which the cluster knows the broker: its certificate and tickets are for this host.
    pub advertised: HostPort,
    /// The address to connect to.
    pub dial: HostPort,
    /// Why nothing is dialed; `dial` is the advertised address or the one that several brokers share.
    pub misled: Option<Box<Misled>>,
}

impl Endpoint {
    /// Returns the endpoint of a broker that advertises this address.
    pub(crate) fn of_broker(broker: BrokerId, advertised: HostPort, map: &AddressMap) -> Self {
        Self {
            broker: Some(broker),
            ..Self::led(advertised, map)
        }
    }

    /// Returns the endpoints of the brokers of a cluster, by the addresses that they advertise. Brokers that nothing tells
    /// apart at the address where `map` leads from several of them aren't dialed.
    pub(crate) fn of_brokers(
        advertised: impl IntoIterator<Item = (BrokerId, HostPort)>,
        map: &AddressMap,
    ) -> BTreeMap<BrokerId, Self> {
        let advertised = advertised.into_iter();
        let mut all: BTreeMap<BrokerId, Self> = advertised
            .map(|(broker, address)| (broker, Self::of_broker(broker, address, map)))
            .collect();
        let mut doors: BTreeMap<_, Vec<BrokerId>> = BTreeMap::new();
        for (broker, endpoint) in &all {
            let name = map.name_told(&endpoint.advertised);
            let door = (endpoint.dial.canonical(), name);
            doors.entry(door).or_default().push(*broker);
        }
        for (_, sharing) in doors {
            let is_mapped = |id: &BrokerId| all.get(id).is_some_and(Self::is_mapped);
            if sharing.len() < 2 || !sharing.iter().any(is_mapped) {
                continue;
            }
            let names: Vec<String> = sharing.iter().map(ToString::to_string).collect();
            for id in &sharing {
                if let Some(endpoint) = all.get_mut(id) {
                    let misled = map.shared_door(&endpoint.dial, &names);
                    endpoint.misled = Some(Box::new(misled));
                }
            }
        }
        all
    }

    /// Returns the endpoint of a bootstrap address. Where `map` leads to it from an advertised address, it is dialed as
    /// written, and known by the advertised one; otherwise `map` applies to it as to what a broker advertises.
    pub(crate) fn bootstrap(written: &HostPort, map: &AddressMap) -> Self {
        match map.leading_to(written) {
            Some(advertised) => Self {
                broker: None,
                advertised: advertised.clone(),
                dial: written.clone(),
                misled: None,
            },
            None => Self::led(written.clone(), map),
        }
    }

    fn led(advertised: HostPort, map: &AddressMap) -> Self {
        let (dial, misled) = match map.lead(&advertised) {
            Ok(Lead { to, .. }) => (to, None),
            Err(misled) => (advertised.clone(), Some(Box::new(misled))),
        };
        Self {
            broker: None,
            advertised,
            dial,
            misled,
        }
    }

    /// Errors: nothing may be dialed, and why.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.misled {
            None => Ok(()),
            Some(misled) => Err(Error::new(Kind::Disconnected, misled.to_string())),
        }
    }

    fn is_mapped(&self) -> bool {
        self.dial != self.advertised
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

#[cfg(test)]
mod tests;
