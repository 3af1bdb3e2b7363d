//! How bytes reach a broker: the seam between the protocol and TCP.
//!
//! Promises: a [`Transport`] returns the two halves of a new byte stream to an endpoint, encrypted or not; what is sent
//! on it is up to the connection, including authentication in Kafka's own protocol.
//! Doesn't: retry, pool or time out by itself: the caller limits the time by dropping the future.

use std::fmt::{self, Debug};

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::{Error, Kind, Result};

use super::Endpoint;
use super::dial::connect_tcp;

/// The receiving half of a byte stream.
pub type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
/// The sending half of a byte stream.
pub type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// A byte stream to a broker.
pub struct ByteStream {
    pub read: ReadHalf,
    pub write: WriteHalf,
    /// Whether it is encrypted.
    pub is_encrypted: bool,
}

impl ByteStream {
    /// A stream that isn't encrypted.
    pub(crate) fn plain(
        read: impl AsyncRead + Send + Unpin + 'static,
        write: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self {
            read: Box::new(read),
            write: Box::new(write),
            is_encrypted: false,
        }
    }
}

impl Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream")
            .field("is_encrypted", &self.is_encrypted)
            .finish_non_exhaustive()
    }
}

/// Opens byte streams to brokers.
pub trait Transport: Send + Sync + Debug {
    /// Connects to an endpoint; dropping the future abandons the attempt.
    ///
    /// Errors: `Disconnected`, with the reason.
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, Result<ByteStream>>;
}

/// The error of an attempt to connect.
pub(crate) fn not_connected(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::Disconnected, "connecting failed").caused_by(cause)
}

/// TCP without encryption.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Transport for Plain {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, Result<ByteStream>> {
        Box::pin(async move {
            let stream = connect_tcp(&to.dial).await.map_err(not_connected)?;
            let (read, write) = stream.into_split();
            Ok(ByteStream::plain(read, write))
        })
    }
}

#[cfg(test)]
mod tests;
