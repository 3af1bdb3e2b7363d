//! One byte stream to a broker: requests go out in order, responses come back in the same order.
//!
//! Promises: every accepted request gets exactly one outcome: its response, or the reason why the stream ended. The
//! number of requests in flight is bounded; an overdue response ends the stream, because responses can't be matched any
//! more without it.
//! Doesn't: know what requests mean, or reconnect.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, sleep_until};

use crate::error::Kind;
use crate::task::Ownership;

use super::encode::{EncodedRequest, correlation_of};
use super::frame::Frames;
use super::stream_end::{StreamEnd, THROTTLE_MAX};
use super::transport::{ByteStream, ReadHalf, WriteHalf};
use super::write_queue::WriteQueue;

/// The maximum number of requests in flight on one connection.
pub(crate) const PIPELINE_LIMIT: usize = 64;
/// How often deadlines are checked: an overdue response is noticed at most this late.
const DEADLINE_CHECK: Duration = Duration::from_millis(500);
/// The largest frame that is read while no response is expected, in bytes; it ends the stream.
const UNEXPECTED_MAX: usize = 16 << 10;

/// The outcome of a request: the frame of its response, or why there is none.
pub(crate) type FrameResult = Result<Bytes, LostRequest>;

/// A request without a response.
#[derive(Debug)]
pub(crate) struct LostRequest {
    pub(crate) kind: Kind,
    pub(crate) cause: Arc<StreamEnd>,
}

/// Why a request was not accepted.
#[derive(Debug)]
pub(crate) enum NotTaken {
    Ended(LostRequest),
    Full,
}

#[derive(Debug)]
struct Waiting {
    correlation: i32,
    since: Instant,
    deadline: Instant,
    response_limit: usize,
    outcome: oneshot::Sender<FrameResult>,
}

#[derive(Debug, Default)]
struct State {
    outgoing: WriteQueue,
    waiting: VecDeque<Waiting>,
    next_correlation: i32,
    muted_until: Option<Instant>,
    /// When the stream ends because a broker asked for too long a silence, and the time it asked for.
    throttled: Option<(Instant, Duration)>,
    /// The shortest response time so far.
    round_trip: Option<Duration>,
    ended: Option<Arc<StreamEnd>>,
}

/// The state that the handle of a connection shares with its task.
#[derive(Debug, Default)]
pub(crate) struct RequestStream {
    state: Mutex<State>,
    queued: Notify,
    /// Signals the first request after there was none.
    awaited: Notify,
    /// Signals that the stream ends, or when it will.
    ending: Notify,
}

impl RequestStream {
    /// Queues a request to be sent on the stream.
    pub(crate) fn enqueue(
        &self,
        mut message: EncodedRequest,
        timeout: Duration,
    ) -> Result<oneshot::Receiver<FrameResult>, NotTaken> {
        let (outcome, receiver) = oneshot::channel();
        {
            let mut state = self.state.lock();
            if let Some(cause) = &state.ended {
                let cause = Arc::clone(cause);
                let kind = cause.kind();
                return Err(NotTaken::Ended(LostRequest { kind, cause }));
            }
            if state.waiting.len() >= PIPELINE_LIMIT {
                return Err(NotTaken::Full);
            }
            let now = Instant::now();
            let correlation = state.next_correlation;
            let waiting = Waiting {
                correlation,
                since: now,
                deadline: state.muted_until.map_or(now, |until| until.max(now)) + timeout,
                response_limit: message.response_limit(),
                outcome,
            };
            state.next_correlation = correlation.checked_add(1).unwrap_or(0);
            if state.waiting.is_empty() {
                self.awaited.notify_one();
            }
            state.waiting.push_back(waiting);
            if let Some(right) = message.take_right() {
                state.outgoing.needs(right);
            }
            state.outgoing.extend(message.numbered(correlation));
        }
        self.queued.notify_one();
        Ok(receiver)
    }

    /// Stops sending for `time` (KIP-219): the broker doesn't read during that time either, so deadlines move too. If it
    /// is longer than [`THROTTLE_MAX`], the stream ends after that; returns whether that is new.
    pub(crate) fn mute(&self, time: Duration) -> bool {
        let mut state = self.state.lock();
        let now = Instant::now();
        let until = now + time.min(THROTTLE_MAX);
        let before = state.muted_until.map_or(now, |before| before.max(now));
        let longer = until.saturating_duration_since(before);
        state.muted_until = Some(before.max(until));
        for waiting in &mut state.waiting {
            waiting.deadline += longer;
        }
        let ends = time > THROTTLE_MAX && state.throttled.is_none();
        if ends {
            state.throttled = Some((until, time));
            self.ending.notify_one();
        }
        ends
    }

    /// Ends the stream, on which a response can't be read.
    pub(crate) fn end_unreadable(&self) {
        self.end(StreamEnd::Unreadable);
        self.ending.notify_one();
    }

    pub(crate) fn muted_until(&self) -> Option<Instant> {
        self.state.lock().muted_until
    }

    /// The shortest response time so far.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.state.lock().round_trip
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.state.lock().ended.is_none()
    }

    /// Serves the stream until it ends; every request still in flight then gets the reason.
    pub(crate) async fn run(self: Arc<Self>, stream: ByteStream) {
        let _ended_however_this_ends = EndGuard(&self);
        let ByteStream {
            mut read,
            mut write,
            is_encrypted,
        } = stream;
        // What was received tells more about the end than the failure of a write.
        let end = tokio::select! {
            biased;
            end = self.receive(&mut read, is_encrypted) => end,
            end = self.send(&mut write) => end,
            end = self.watch_deadlines() => end,
            end = self.watch_ending() => end,
        };
        self.end(end);
    }

    async fn receive(&self, read: &mut ReadHalf, is_encrypted: bool) -> StreamEnd {
        let mut frames = Frames::default();
        let mut answered = false;
        loop {
            let frame = match frames.next(read, || self.response_limit()).await {
                Ok(frame) => frame,
                Err(error) => return StreamEnd::of(error, answered, is_encrypted),
            };
            answered = true;
            if let Err(end) = self.deliver(frame) {
                return end;
            }
        }
    }

    /// The size in bytes that the next response may have.
    fn response_limit(&self) -> usize {
        let state = self.state.lock();
        let next = state.waiting.front();
        next.map_or(UNEXPECTED_MAX, |next| next.response_limit)
    }

    fn deliver(&self, frame: Bytes) -> Result<(), StreamEnd> {
        let waiting = {
            let mut state = self.state.lock();
            let waiting = state.waiting.pop_front();
            let took = waiting.as_ref().map(|waiting| waiting.since.elapsed());
            state.round_trip = state.round_trip.into_iter().chain(took).min();
            waiting
        };
        let got = correlation_of(&frame).unwrap_or(-1);
        match waiting {
            Some(waiting) if waiting.correlation == got => {
                // The caller may have dropped its `Pending`; the response had to be consumed anyway.
                let _ = waiting.outcome.send(Ok(frame));
                Ok(())
            }
            Some(waiting) => {
                let expected = Some(waiting.correlation);
                self.state.lock().waiting.push_front(waiting);
                Err(StreamEnd::Correlation { got, expected })
            }
            None => Err(StreamEnd::Correlation {
                got,
                expected: None,
            }),
        }
    }

    async fn send(&self, write: &mut WriteHalf) -> StreamEnd {
        loop {
            let (mut outgoing, muted_until) = {
                let mut state = self.state.lock();
                (std::mem::take(&mut state.outgoing), state.muted_until)
            };
            if !outgoing.has_remaining() {
                self.queued.notified().await;
                continue;
            }
            if let Some(until) = muted_until {
                sleep_until(until).await;
            }
            let rights = outgoing.take_rights();
            while outgoing.has_remaining() {
                match while_held(&rights, write.write_buf(&mut outgoing)).await {
                    Some(Ok(1..)) => {}
                    Some(Ok(0)) => return StreamEnd::Write(io::ErrorKind::WriteZero.into()),
                    Some(Err(error)) => return StreamEnd::Write(error),
                    None => return StreamEnd::NoRight,
                }
            }
            match while_held(&rights, write.flush()).await {
                Some(Ok(())) => {}
                Some(Err(error)) => return StreamEnd::Write(error),
                None => return StreamEnd::NoRight,
            }
        }
    }

    async fn watch_ending(&self) -> StreamEnd {
        loop {
            let throttled = {
                let state = self.state.lock();
                if state.ended.is_some() {
                    return StreamEnd::Abandoned;
                }
                state.throttled
            };
            let ending = self.ending.notified();
            match throttled {
                None => ending.await,
                Some((until, asked)) => tokio::select! {
                    () = ending => {}
                    () = sleep_until(until) => return StreamEnd::Throttled(asked),
                },
            }
        }
    }

    async fn watch_deadlines(&self) -> StreamEnd {
        loop {
            let now = Instant::now();
            let is_idle = {
                let state = self.state.lock();
                if state.waiting.iter().any(|waiting| waiting.deadline <= now) {
                    return StreamEnd::Overdue;
                }
                state.waiting.is_empty()
            };
            // A process has hundreds of connections on which nothing is asked for most of the time.
            if is_idle {
                self.awaited.notified().await;
            }
            sleep(DEADLINE_CHECK).await;
        }
    }

    fn end(&self, end: StreamEnd) {
        let (waiting, cause) = {
            let mut state = self.state.lock();
            if state.ended.is_some() {
                return;
            }
            let cause = Arc::new(end);
            state.ended = Some(Arc::clone(&cause));
            state.outgoing = WriteQueue::default();
            (std::mem::take(&mut state.waiting), cause)
        };
        let now = Instant::now();
        let overdue = matches!(*cause, StreamEnd::Overdue);
        for waiting in waiting {
            let kind = if overdue && waiting.deadline <= now {
                Kind::TimedOut
            } else {
                cause.kind()
            };
            let cause = Arc::clone(&cause);
            // The caller may have dropped its `Pending`.
            let _ = waiting.outcome.send(Err(LostRequest { kind, cause }));
        }
    }
}

/// Polls a write only while the rights are held: a process that was stopped doesn't write the rest after it wakes up.
async fn while_held<T>(rights: &[Ownership], write: impl Future<Output = T>) -> Option<T> {
    let mut write = pin!(write);
    poll_fn(|context| {
        if rights.iter().all(Ownership::is_held) {
            write.as_mut().poll(context).map(Some)
        } else {
            Poll::Ready(None)
        }
    })
    .await
}

/// Ends the link even if its task is aborted or panics.
struct EndGuard<'a>(&'a RequestStream);

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        self.0.end(StreamEnd::Abandoned);
    }
}
