//! TCP connections to hosts that may have several addresses.
//!
//! Promises: a name is looked up for each connection; its addresses are tried one after the other, in the resolver's order
//! with both kinds of IP in turn (RFC 8305), and the next one doesn't wait until the former one has failed.
//! Doesn't: limit the time; the caller drops the future.

use std::fmt::Write;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpStream, lookup_host};

use super::HostPort;
use crate::task::staggered;

/// The idle time before the first keepalive probe, and the interval between probes.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// How long an address has for itself before the next one is tried, too (RFC 8305, section 8).
const HEAD_START: Duration = Duration::from_millis(250);
/// The most addresses of a name that are tried for one connection.
const ADDRESSES_MAX: usize = 16;

/// Opens a TCP stream that sends without delay and notices a vanished peer.
///
/// Closing it, including by the death of the process, discards undelivered data: otherwise the kernel would retransmit
/// for a minute or two, and an abandoned request could arrive long after a broken line has healed (H5, H20). Buffer
/// sizes are left to the kernel: setting them disables its window autotuning, which long lines need.
pub(super) async fn connect_tcp(to: &HostPort) -> io::Result<TcpStream> {
    let found = lookup_host((to.host.as_str(), to.port)).await;
    let found = found.map_err(|cause| {
        let text = format!("the name {} can't be looked up: {cause}", to.host);
        io::Error::new(cause.kind(), text)
    })?;
    let addresses = in_turn(found);
    let stream = first(&addresses, TcpStream::connect).await?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE);
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(stream)
}

/// The addresses in the order in which they are tried: that of the resolver, with the two kinds of IP in turn.
fn in_turn(found: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    let leading_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (leading, others): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|it| it.is_ipv6() == leading_is_v6);
    let (mut leading, mut others) = (leading.into_iter(), others.into_iter());
    let mut mixed = Vec::new();
    while mixed.len() < ADDRESSES_MAX {
        let pair = [leading.next(), others.next()];
        if pair == [None, None] {
            break;
        }
        mixed.extend(pair.into_iter().flatten());
    }
    mixed.truncate(ADDRESSES_MAX);
    mixed
}

/// Connects to the first address that accepts.
///
/// Errors: none accepts; the message has the reason of each if there are several.
async fn first<T, A>(addresses: &[SocketAddr], connect: impl Fn(SocketAddr) -> A) -> io::Result<T>
where
    A: Future<Output = io::Result<T>>,
{
    let connected = staggered(addresses.iter().copied(), HEAD_START, connect);
    connected.await.map_err(none_accepts)
}

fn none_accepts(mut failures: Vec<(SocketAddr, io::Error)>) -> io::Error {
    if failures.len() < 2 {
        let only = failures.pop().map(|(_, cause)| cause);
        return only.unwrap_or_else(|| {
            let text = "the name has no addresses";
            io::Error::new(io::ErrorKind::NotFound, text)
        });
    }
    failures.sort_by_key(|(address, _)| *address);
    let kind = failures[0].1.kind();
    let mut text = format!("none of its {} addresses accepts", failures.len());
    let mut separator = ": ";
    for (address, cause) in failures {
        let _ = write!(text, "{separator}{}: {cause}", address.ip());
        separator = "; ";
    }
    io::Error::new(kind, text)
}

#[cfg(test)]
mod tests;
