//! How bytes reach a broker: the seam between the protocol and TCP.
//!
//! Promises: a [`Transport`] returns the two halves of a new byte stream to an address, encrypted or not; what is sent
//! on it is up to the connection, including authentication in Kafka's own protocol.
//! Doesn't: retry, pool or time out by itself: the caller limits the time by dropping the future.

use std::fmt::Debug;
use std::io;
use std::time::Duration;

use futures_util::future::BoxFuture;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::HostPort;

/// The receiving half of a byte stream.
pub type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
/// The sending half of a byte stream.
pub type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// Opens byte streams to brokers.
pub trait Transport: Send + Sync + Debug {
    /// Connects to an address; dropping the future abandons the attempt.
    fn connect<'a>(
        &'a self,
        address: &'a HostPort,
    ) -> BoxFuture<'a, io::Result<(ReadHalf, WriteHalf)>>;
}

/// TCP without encryption.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Transport for Plain {
    fn connect<'a>(
        &'a self,
        address: &'a HostPort,
    ) -> BoxFuture<'a, io::Result<(ReadHalf, WriteHalf)>> {
        Box::pin(async move {
            let (read, write) = connect_tcp(address).await?.into_split();
            Ok((Box::new(read) as ReadHalf, Box::new(write) as WriteHalf))
        })
    }
}

/// The idle time before the first keepalive probe, and the interval between probes.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Opens a TCP stream that sends without delay and notices a vanished peer.
///
/// Closing it, including by the death of the process, discards undelivered data: otherwise the kernel would retransmit
/// for a minute or two, and an abandoned request could arrive long after a broken line has healed (H5, H20). Buffer
/// sizes are left to the kernel: setting them disables its window autotuning, which long lines need.
async fn connect_tcp(address: &HostPort) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    stream.set_nodelay(true)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE)
        .with_interval(KEEPALIVE);
    let socket = SockRef::from(&stream);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(stream)
}

#[cfg(test)]
mod tests;
