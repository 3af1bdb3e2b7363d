//! Frames: splitting a byte stream into length-prefixed messages, without copying and with few reads.
//!
//! Promises: small frames that arrive together are split from one read; a large one is read directly into a buffer of
//! its own size. A frame keeps only its own bytes alive, or one chunk. Anything that cannot be a frame is an error with
//! a guess at what the peer is.

use std::io;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// The largest frame, in bytes: a fetch response with a single large batch. Requests have lower limits of their own.
pub(crate) const FRAME_LIMIT: usize = 128 << 20;
/// The smallest frame: a correlation id.
const FRAME_MIN: usize = 4;
const LENGTH: usize = 4;
const CHUNK: usize = 16 << 10;

/// Why the stream of frames ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the broker closed the connection")]
    Closed,
    #[error("the broker closed the connection in the middle of an answer")]
    Cut,
    #[error("{0}")]
    NotAFrame(&'static str),
    #[error("the answer has {length} bytes, but one to this request has at most {limit}")]
    TooLarge { length: usize, limit: usize },
    #[error("reading failed")]
    Io(#[source] io::Error),
}

/// Splits a byte stream into frames.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    chunk: BytesMut,
}

impl Frames {
    /// Returns the next frame, without its length. `limit` returns the size that it may have once it begins.
    ///
    /// Cancellation: not safe, a partly read frame is lost.
    pub(crate) async fn next<R>(
        &mut self,
        stream: &mut R,
        limit: impl Fn() -> usize,
    ) -> Result<Bytes, FrameError>
    where
        R: AsyncRead + Unpin + ?Sized,
    {
        while self.chunk.len() < LENGTH {
            self.chunk.reserve(CHUNK);
            if read(stream, &mut self.chunk).await? == 0 {
                return Err(if self.chunk.is_empty() {
                    FrameError::Closed
                } else {
                    FrameError::Cut
                });
            }
        }
        let length = frame_length(&self.chunk)?;
        let limit = limit();
        if length > limit {
            return Err(FrameError::TooLarge { length, limit });
        }
        self.chunk.advance(LENGTH);
        if self.chunk.len() >= length {
            return Ok(self.chunk.split_to(length).freeze());
        }
        self.rest_of(stream, length).await
    }

    /// Reads the rest of a frame; the chunk holds nothing but its beginning. Room for the whole frame is reserved; its
    /// pages become memory as bytes arrive.
    async fn rest_of<R>(&mut self, stream: &mut R, length: usize) -> Result<Bytes, FrameError>
    where
        R: AsyncRead + Unpin + ?Sized,
    {
        let mut frame = BytesMut::with_capacity(length);
        frame.put_slice(&self.chunk);
        self.chunk.clear();
        let missing = length - frame.len();
        let mut frame = frame.limit(missing);
        while frame.has_remaining_mut() {
            if read(stream, &mut frame).await? == 0 {
                return Err(FrameError::Cut);
            }
        }
        Ok(frame.into_inner().freeze())
    }
}

async fn read<R, B>(stream: &mut R, buffer: &mut B) -> Result<usize, FrameError>
where
    R: AsyncRead + Unpin + ?Sized,
    B: BufMut,
{
    stream.read_buf(buffer).await.map_err(FrameError::Io)
}

fn frame_length(prefix: &[u8]) -> Result<usize, FrameError> {
    let (length, _) = prefix
        .split_first_chunk::<LENGTH>()
        .ok_or(FrameError::Cut)?;
    usize::try_from(i32::from_be_bytes(*length))
        .ok()
        .filter(|length| (FRAME_MIN..=FRAME_LIMIT).contains(length))
        .ok_or(FrameError::NotAFrame(guess(*length)))
}

/// Guesses the kind of peer from the first bytes of its answer.
fn guess(bytes: [u8; LENGTH]) -> &'static str {
    match bytes {
        [0x15, 0x03, ..] => {
            "the answer is a TLS alert: the listener expects TLS (see security_protocol)"
        }
        [b'H', b'T', b'T', b'P'] => "an HTTP server answered: this is not a Kafka broker",
        _ => {
            "the answer has an impossible length: this is not a Kafka broker, or its listener expects TLS (see security_protocol)"
        }
    }
}

#[cfg(test)]
mod tests;
