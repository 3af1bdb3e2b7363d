//! The listener: limits the number of connections, their idle time and their age.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::access::Demand;
use super::extract::Peer;
use super::limits::Limits;
use super::problem::Problem;
use super::rate::client;
use super::slots::{ConnectionLimits, Place, SlotId, Slots};

/// The pause after a failed accept, usually for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The largest request head, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// Serves until `stop` is cancelled; requests in progress then get the usual timeout to complete.
///
/// No client can end this, nor lock others out. Cancellation: dropping the future closes every connection.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: CancellationToken) {
    let slots = Arc::new(Mutex::new(Taken::new(limits.places)));
    let limits = Arc::new(limits);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let peer = Peer(peer.ip());
                if let Some(slot) = HeldSlot::take(&slots, client(peer.0)) {
                    let connection = Connection {
                        router: router.clone(),
                        limits: Arc::clone(&limits),
                        stop: stop.clone(),
                        slot,
                    };
                    connections.spawn(connection.serve(stream, peer));
                }
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

/// The places that are taken, with what closes the connections there.
#[derive(Debug)]
struct Taken {
    slots: Slots,
    closing: HashMap<SlotId, CancellationToken>,
}

impl Taken {
    fn new(places: ConnectionLimits) -> Self {
        Self {
            slots: Slots::new(places),
            closing: HashMap::new(),
        }
    }
}

/// A connection's place, free again when dropped.
#[derive(Debug)]
struct HeldSlot {
    id: SlotId,
    place: Place,
    /// Cancelled when the connection has to give way to another one.
    gives_way: CancellationToken,
    taken: Arc<Mutex<Taken>>,
}

impl HeldSlot {
    fn take(taken: &Arc<Mutex<Taken>>, client: IpAddr) -> Option<Self> {
        let mut all = taken.lock();
        let admission = all.slots.admit(client);
        let closed = admission.closes.and_then(|id| all.closing.remove(&id));
        if let Some(closed) = closed {
            closed.cancel();
        }
        let (id, place) = admission.place?;
        let gives_way = CancellationToken::new();
        all.closing.insert(id, gives_way.clone());
        Some(Self {
            id,
            place,
            gives_way,
            taken: Arc::clone(taken),
        })
    }

    /// Answers a request, during which the connection doesn't have to give way.
    ///
    /// Errors: it has given way already, so it is closed.
    async fn answer(&self, router: Router, request: Request) -> io::Result<Response> {
        if !self.taken.lock().slots.begin(self.id) {
            return Err(io::Error::other("the connection gives way to another one"));
        }
        let demand = Demand::of(request.method(), request.uri());
        let answer = if self.place == Place::HealthOnly && !demand.is_health() {
            Problem::TooManyConnections.into_response()
        } else {
            let Ok(answer) = router.oneshot(request).await;
            answer
        };
        self.taken.lock().slots.end(self.id);
        Ok(answer)
    }
}

impl Drop for HeldSlot {
    fn drop(&mut self) {
        let mut all = self.taken.lock();
        all.slots.leave(self.id);
        all.closing.remove(&self.id);
    }
}

/// The resources of a connection.
struct Connection {
    router: Router,
    limits: Arc<Limits>,
    stop: CancellationToken,
    slot: HeldSlot,
}

impl Connection {
    /// Serves requests one after another. Errors are the client's: it disconnected, was too slow or didn't speak HTTP.
    async fn serve(self, stream: TcpStream, peer: Peer) {
        let answer = service_fn(|request: hyper::Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(peer);
            self.slot.answer(self.router.clone(), request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header_timeout)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), answer);
        let mut connection = pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = self.slot.gives_way.cancelled() => return,
            () = self.stop.cancelled() => {}
            () = sleep(self.limits.connection_age) => {}
        }
        connection.as_mut().graceful_shutdown();
        // A client that doesn't read its answer is disconnected.
        let _ = timeout(self.limits.timeout, connection).await;
    }
}
