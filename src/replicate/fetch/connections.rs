//! The number of connections that a round-trip time requires.
//!
//! Pure. A broker's send buffer limits what it sends on one connection to a window per round trip, whatever the reader does;
//! several connections have a window each.

use std::time::Duration;

/// Bytes that a broker with Kafka's default `socket.send.buffer.bytes` (100 KiB) keeps in flight, as measured over 100 ms.
const WINDOW_BYTES: u32 = 128 * 1024;
/// The rate at which one broker should be able to send, in bytes per second.
const WANTED_BYTES: u32 = 40_000_000;
/// The fewest connections: a broker answers the fetches of one connection one after the other; two keep it busy.
const FEWEST: u16 = 2;
/// The most connections: each takes a session of the broker and a buffer of its own.
const MOST: u16 = 32;

/// Returns the number of fetch connections to a broker this far away.
pub(crate) fn connections_over(round_trip: Option<Duration>) -> u16 {
    let under_way = f64::from(WANTED_BYTES) * round_trip.unwrap_or_default().as_secs_f64();
    let windows = (under_way / f64::from(WINDOW_BYTES)).ceil();
    let enough = (FEWEST..MOST).find(|connections| f64::from(*connections) >= windows);
    enough.unwrap_or(MOST)
}

#[cfg(test)]
mod tests;
