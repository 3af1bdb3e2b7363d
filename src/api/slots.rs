//! Which connection gets a place, and which one gives way to it: an idle one does, so that no client locks others out, nor
//! itself. Pure.
//!
//! A client has a share of the places. Beyond it, or when all are taken, the connection that has been idle longest is
//! closed; if none is idle, a few more places remain for requests about health.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// A connection with a place.
pub(super) type SlotId = u64;

/// The numbers of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// For all clients together.
    pub total: usize,
    /// For one client.
    pub per_client: usize,
    /// For health alone, of all clients together.
    pub health: usize,
    /// For health alone, of one client.
    pub health_per_client: usize,
}

/// What a connection may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Any,
    HealthOnly,
}

/// The answer to a new connection; `None` closes it at once.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Admission {
    pub(super) place: Option<(SlotId, Place)>,
    /// The connection that gives way.
    pub(super) closes: Option<SlotId>,
}

/// The places that are taken.
#[derive(Debug)]
pub(super) struct Slots {
    places: ConnectionLimits,
    taken: BTreeMap<SlotId, Slot>,
    /// Numbers connections and the moments at which they become idle.
    count: u64,
}

#[derive(Debug)]
struct Slot {
    client: IpAddr,
    place: Place,
    /// The moment at which it became idle; `None` while it is asking.
    idle: Option<u64>,
}

impl Slots {
    pub(super) fn new(places: ConnectionLimits) -> Self {
        Self {
            places,
            taken: BTreeMap::new(),
            count: 0,
        }
    }

    /// Gives a new connection a place if there is one.
    pub(super) fn admit(&mut self, client: IpAddr) -> Admission {
        let ConnectionLimits {
            total,
            per_client,
            health,
            health_per_client,
        } = self.places;
        let limits = [
            (Place::Any, per_client, total),
            (Place::HealthOnly, health_per_client, health),
        ];
        for (place, own, all) in limits {
            let is_own_share_used = self.number(place, Some(client)) >= own;
            let closes = if is_own_share_used {
                self.idlest(place, client)
            } else if self.number(place, None) >= all {
                self.idlest_of_the_largest(place)
            } else {
                return self.place(client, place, None);
            };
            if closes.is_some() {
                return self.place(client, place, closes);
            }
        }
        Admission {
            place: None,
            closes: None,
        }
    }

    /// Notes that a connection begins to ask. Returns whether it may: it may have had to give way.
    pub(super) fn begin(&mut self, id: SlotId) -> bool {
        let slot = self.taken.get_mut(&id);
        slot.map(|slot| slot.idle = None).is_some()
    }

    /// Notes that a connection has its answer.
    pub(super) fn end(&mut self, id: SlotId) {
        self.count += 1;
        if let Some(slot) = self.taken.get_mut(&id) {
            slot.idle = Some(self.count);
        }
    }

    /// Frees the place of a connection.
    pub(super) fn leave(&mut self, id: SlotId) {
        self.taken.remove(&id);
    }

    fn place(&mut self, client: IpAddr, place: Place, closes: Option<SlotId>) -> Admission {
        if let Some(closed) = closes {
            self.taken.remove(&closed);
        }
        self.count += 1;
        let slot = Slot {
            client,
            place,
            idle: Some(self.count),
        };
        self.taken.insert(self.count, slot);
        Admission {
            place: Some((self.count, place)),
            closes,
        }
    }

    fn number(&self, place: Place, client: Option<IpAddr>) -> usize {
        let counts =
            |slot: &&Slot| slot.place == place && client.is_none_or(|it| it == slot.client);
        self.taken.values().filter(counts).count()
    }

    /// The connection of a client that has been idle longest.
    fn idlest(&self, place: Place, client: IpAddr) -> Option<SlotId> {
        let of_client = |(_, slot): &(&SlotId, &Slot)| slot.place == place && slot.client == client;
        let idle = self.taken.iter().filter(of_client);
        let idle = idle.filter_map(|(id, slot)| Some((slot.idle?, *id)));
        idle.min().map(|(_, id)| id)
    }

    /// The connection that has been idle longest, of the client with the most connections that has an idle one.
    fn idlest_of_the_largest(&self, place: Place) -> Option<SlotId> {
        let mut clients: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for slot in self.taken.values().filter(|slot| slot.place == place) {
            *clients.entry(slot.client).or_default() += 1;
        }
        let mut clients: Vec<(usize, IpAddr)> =
            clients.into_iter().map(|(client, n)| (n, client)).collect();
        clients.sort_unstable();
        let mut largest_first = clients.into_iter().rev();
        largest_first.find_map(|(_, client)| self.idlest(place, client))
    }
}

#[cfg(test)]
mod tests;
