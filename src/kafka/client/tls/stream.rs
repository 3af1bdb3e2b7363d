//! The receiving half of an encrypted stream, whose errors explain themselves.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::failure::{Attempt, explain};

/// Reads from `inner`, and explains what the peer or the TLS library object to.
///
/// A peer that goes away without a farewell in TLS ends the stream like any other: what follows from a cut is decided by
/// the frames, which have lengths.
pub(super) struct Explaining<R> {
    inner: R,
    attempt: Attempt,
}

impl<R> Explaining<R> {
    pub(super) fn new(inner: R, attempt: Attempt) -> Self {
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
