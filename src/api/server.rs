//! The listening side: connections with a limit on their number, their silence and their age.

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

/// How long nothing is accepted after the system refused a connection, for lack of descriptors as a rule.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// Serves until the token is cancelled; what is being answered then gets as long as any answer.
///
/// At the limit of connections nothing more is accepted until one ends; clients wait in the system's queue meanwhile.
/// Nothing a client does ends this. Cancellation: dropping the future closes every connection.
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

/// What a connection is served with.
struct Connection {
    router: Router,
    limits: Arc<Limits>,
    stop: CancellationToken,
    _slot: OwnedSemaphorePermit,
}

impl Connection {
    /// Serves one request after the other. Errors are the client's: it broke off, was too slow or didn't speak HTTP.
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
        // A client that doesn't read its answer is cut off.
        let _ = timeout(self.limits.timeout, connection).await;
    }
}
