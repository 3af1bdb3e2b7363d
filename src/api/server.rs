//! The listener: limits the number of connections, their idle time and their age.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::extract::Peer;
use super::limits::Limits;

/// The pause after a failed accept, usually for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The largest request head, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// Serves until `stop` is cancelled; requests in progress then get the usual timeout to complete.
///
/// At the connection limit nothing more is accepted until a connection closes; clients wait in the system's backlog.
/// No client can end this. Cancellation: dropping the future closes every connection.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(limits.connections));
    let limits = Arc::new(limits);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener, &slots) => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer, slot)) => {
                let connection = Connection {
                    router: router.clone(),
                    limits: Arc::clone(&limits),
                    stop: stop.clone(),
                    _slot: slot,
                };
                connections.spawn(connection.serve(stream, peer));
            }
            Err(error) => {
                tracing::warn!(%error, "the API can't accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> std::io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await;
    let slot = slot.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, slot))
}

/// The resources of a connection.
struct Connection {
    router: Router,
    limits: Arc<Limits>,
    stop: CancellationToken,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    /// Serves requests one after another. Errors are the client's: it disconnected, was too slow or didn't speak HTTP.
    async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        let peer = Peer(peer.ip());
        let answer = service_fn(|request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            self.router.clone().oneshot(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), answer);
        let mut connection = pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.stop.cancelled() => {}
            () = sleep(self.limits.connection_age) => {}
        }
        connection.as_mut().graceful_shutdown();
        // A client that doesn't read its answer is disconnected.
        let _ = timeout(self.limits.timeout, connection).await;
    }
}
