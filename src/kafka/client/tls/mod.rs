//! TLS over any other transport.
//!
//! Promises: a stream is returned once the broker has shown a certificate that is trusted, valid now and issued for the
//! host that the broker advertises, whatever address was dialed. Renewed files are taken up by new connections. What
//! fails is explained in one line, with the fix.
//! Doesn't: limit the time of the handshake; as for any transport, the caller drops the future.

mod credentials;
mod failure;
mod pem;
mod renewal;
#[cfg(test)]
pub(crate) mod testing;
mod validity;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, BufReader, ReadBuf, join, split};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::CertificateDer;

use crate::error::Result;
use crate::model::{CertificateEnds, ClusterName};

use super::transport::{ByteStream, not_connected};
use super::{Endpoint, HostPort, Transport};

pub use credentials::{TlsFile, TlsFileError, TlsIdentity, TlsSettings};
pub use failure::TlsFailure;

use failure::{Attempt, closed, explain};
use renewal::Renewal;

/// What is read from the line at once, in bytes: the TLS library by itself asks for 4 KiB, a record has up to 16 KiB.
const READ_AHEAD: usize = 32 << 10;
/// The most brokers whose certificates are remembered; no cluster has as many.
const SEEN_MAX: usize = 10_000;

/// TLS with the brokers of a cluster.
#[derive(Debug)]
pub struct Tls {
    below: Arc<dyn Transport>,
    renewal: Arc<Renewal>,
    /// When the certificate ends that each broker showed on its newest connection, in seconds since 1970.
    seen: Mutex<BTreeMap<HostPort, i64>>,
}

impl Tls {
    /// Encrypts streams that `below` opens to the brokers of `cluster`.
    pub fn new(below: Arc<dyn Transport>, cluster: ClusterName, settings: TlsSettings) -> Self {
        Self {
            below,
            renewal: Renewal::new(cluster, settings),
            seen: Mutex::default(),
        }
    }

    /// Looks at the files now and then, so that their state is known while no connection is made.
    ///
    /// Errors: there have never been usable files.
    pub async fn look(&self) -> Result<()> {
        self.renewal.credentials().await.map(drop)
    }

    /// When the certificates end, as of the newest connection to each broker.
    pub fn certificates(&self) -> CertificateEnds {
        let seen = self.seen.lock();
        let first = seen.iter().min_by_key(|(_, ends_at)| **ends_at);
        CertificateEnds {
            client: self.renewal.ends_at(),
            server: first.map(|(broker, ends_at)| (broker.to_string(), *ends_at)),
            trouble: self.renewal.trouble(),
        }
    }

    /// Forgets the certificates of all other brokers.
    pub fn keep_only(&self, advertised: &BTreeSet<&HostPort>) {
        let mut seen = self.seen.lock();
        seen.retain(|broker, _| advertised.contains(broker));
    }

    fn note(&self, to: &Endpoint, chain: Option<&[CertificateDer<'_>]>) {
        let leaf = chain.and_then(<[_]>::first);
        let Some(ends_at) = leaf.and_then(|leaf| validity::ends_at(leaf)) else {
            return;
        };
        let mut seen = self.seen.lock();
        if seen.len() < SEEN_MAX || seen.contains_key(&to.advertised) {
            seen.insert(to.advertised.clone(), ends_at);
        }
    }

    async fn handshake(&self, to: &Endpoint) -> Result<ByteStream> {
        let settings = self.renewal.settings();
        let unchecked = |why| {
            let fix = "correct advertised.listeners, or set tls.server_name";
            not_connected(TlsFailure::new(why, fix))
        };
        let name = settings.name_of(&to.advertised.host).map_err(unchecked)?;
        let credentials = self.renewal.credentials().await?;
        let attempt = Attempt {
            host: name.to_str().into_owned(),
            ca_file: settings.ca_file.clone(),
            cert_file: settings.identity.as_ref().map(|it| it.cert_file.clone()),
        };
        let line = self.below.connect(to).await?;
        let line = join(BufReader::with_capacity(READ_AHEAD, line.read), line.write);
        let stream = TlsConnector::from(credentials.config).connect(name, line);
        let stream = stream.await.map_err(|cause| failed(cause, &attempt))?;
        self.note(to, stream.get_ref().1.peer_certificates());
        let (read, write) = split(stream);
        Ok(ByteStream {
            read: Box::new(Explaining::new(read, attempt)),
            write: Box::new(write),
            is_encrypted: true,
        })
    }
}

impl Transport for Tls {
    fn connect<'a>(&'a self, to: &'a Endpoint) -> BoxFuture<'a, Result<ByteStream>> {
        Box::pin(self.handshake(to))
    }
}

fn failed(cause: io::Error, attempt: &Attempt) -> crate::error::Error {
    if let Some(failure) = explain(&cause, attempt) {
        return not_connected(failure);
    }
    match cause.kind() {
        io::ErrorKind::UnexpectedEof
        | io::ErrorKind::ConnectionReset
        | io::ErrorKind::BrokenPipe => not_connected(closed()),
        _ => not_connected(cause),
    }
}

/// Reads from `inner`, and explains what the peer or the TLS library object to.
///
/// A peer that goes away without a farewell in TLS ends the stream like any other: what follows from a cut is decided by
/// the frames, which have lengths.
struct Explaining<R> {
    inner: R,
    attempt: Attempt,
}

impl<R> Explaining<R> {
    fn new(inner: R, attempt: Attempt) -> Self {
        Self { inner, attempt }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Explaining<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let read = ready!(Pin::new(&mut this.inner).poll_read(context, buffer));
        Poll::Ready(match read {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(match explain(&error, &this.attempt) {
                Some(failure) => io::Error::new(error.kind(), failure),
                None => error,
            }),
            Ok(()) => Ok(()),
        })
    }
}

#[cfg(test)]
mod tests;
