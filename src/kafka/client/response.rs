//! The response to a request in flight.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use kafka_protocol::messages::ApiKey;
use tokio::sync::oneshot;

use crate::error::{Error, Kind, Result};

use super::Connection;
use super::encode::DecodeResponse;
use super::stream::{FrameResult, LostRequest};

/// The response to a request that was started; await it.
///
/// Errors: `Disconnected` if the connection closed first and `TimedOut` if it closed because this response was overdue;
/// either way the request may or may not have been carried out. `Protocol` if the response cannot be decoded.
///
/// Cancellation: dropping it discards the response; the request is still carried out.
#[must_use = "dropping it forgets the answer"]
pub struct PendingResponse<T> {
    pub(super) outcome: oneshot::Receiver<FrameResult>,
    pub(super) asked: RequestContext,
    pub(super) read: DecodeResponse<T>,
}

/// The request, and the connection it was sent on.
#[derive(Debug)]
pub(super) struct RequestContext {
    pub(super) connection: Connection,
    pub(super) key: ApiKey,
    pub(super) version: i16,
    pub(super) timeout: Duration,
}

impl<T> Future for PendingResponse<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let outcome = ready!(Pin::new(&mut self.outcome).poll(context));
        let frame = match outcome {
            Ok(Ok(frame)) => frame,
            Ok(Err(lost)) => return Poll::Ready(Err(self.asked.unanswered(lost))),
            Err(_) => return Poll::Ready(Err(self.asked.error(Kind::Disconnected, "was lost"))),
        };
        let answer = match (self.read)(frame, self.asked.version) {
            Ok((answer, throttle)) => {
                self.asked.connection.throttle(self.asked.key, throttle);
                Ok(answer)
            }
            Err(cause) => {
                let RequestContext { key, version, .. } = self.asked;
                Err(self.asked.connection.unreadable(key, version, cause))
            }
        };
        Poll::Ready(answer)
    }
}

impl RequestContext {
    fn error(&self, kind: Kind, what: impl fmt::Display) -> Error {
        self.connection
            .error_of((self.key, self.version), kind, what)
    }

    fn unanswered(&self, lost: LostRequest) -> Error {
        let error = if lost.kind == Kind::TimedOut {
            let timeout = self.timeout;
            self.error(lost.kind, format_args!("got no answer within {timeout:?}"))
        } else {
            self.error(lost.kind, "got no answer")
        };
        error.caused_by(lost.cause)
    }
}

impl<T> fmt::Debug for PendingResponse<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}
