//! Encoding of requests and decoding of responses.
//!
//! Promises: a [`EncodedRequest`] is a complete frame except for its correlation id, which is filled in once its place in the
//! order is known. Responses are decoded from slices of their frame; byte fields aren't copied.

use anyhow::Result;
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use crate::task::Ownership;

use super::layout;
use super::request::{Request, ResponseSize};

const LENGTH: usize = 4;
/// The correlation id follows length, key and version.
const CORRELATION_AT: usize = 8;
/// The size of a correlation id, with which a response begins.
const CORRELATION: usize = 4;
/// The first version of response headers that may have tagged fields.
const FIRST_HEADER_WITH_TAGS: i16 = 1;

/// A request ready for the wire: the head up to the first body that is sent in place, and the segments that follow.
#[derive(Debug)]
pub(crate) struct EncodedRequest {
    head: BytesMut,
    rest: Vec<Bytes>,
    right: Option<Ownership>,
    /// The largest response, in bytes.
    response_limit: usize,
}

impl EncodedRequest {
    /// Writes the frame's length to the front of `head`, which must begin with room for it (see [`begin`]).
    pub(crate) fn new(
        mut head: BytesMut,
        rest: Vec<Bytes>,
        response: ResponseSize,
    ) -> Result<Self> {
        let size = head.len() + rest.iter().map(Bytes::len).sum::<usize>() - LENGTH;
        let (length, _) = head.split_at_mut(LENGTH);
        length.copy_from_slice(&i32::try_from(size)?.to_be_bytes());
        Ok(Self {
            head,
            rest,
            right: None,
            response_limit: response.limit(size),
        })
    }

    /// Allows the message to be written only while `right` is held.
    pub(crate) fn under(mut self, right: &Ownership) -> Self {
        self.right = Some(right.clone());
        self
    }

    /// Takes the right that must be held while the message is written, if there is one.
    pub(crate) fn take_right(&mut self) -> Option<Ownership> {
        self.right.take()
    }

    /// Encodes a request by its schema.
    pub(crate) fn of<R: Request>(request: &R, version: i16, client_id: &StrBytes) -> Result<Self> {
        let mut head = begin(R::KEY, version, R::header_version(version), client_id)?;
        request.encode(&mut head, version)?;
        Self::new(head, Vec::new(), R::SIZE)
    }

    /// The size in bytes that the response may have.
    pub(crate) fn response_limit(&self) -> usize {
        self.response_limit
    }

    /// Returns the segments to write, with the correlation id filled in.
    pub(crate) fn numbered(mut self, correlation: i32) -> impl Iterator<Item = Bytes> {
        if let Some(field) = self.head.get_mut(CORRELATION_AT..CORRELATION_AT + 4) {
            field.copy_from_slice(&correlation.to_be_bytes());
        }
        std::iter::once(self.head.freeze()).chain(self.rest)
    }
}

/// Reserves room for the length and writes the request header.
pub(crate) fn begin(
    key: ApiKey,
    version: i16,
    header_version: i16,
    client_id: &StrBytes,
) -> Result<BytesMut> {
    let mut head = BytesMut::with_capacity(256);
    head.put_bytes(0, LENGTH);
    RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_client_id(Some(client_id.clone()))
        .encode(&mut head, header_version)?;
    Ok(head)
}

/// Reads the correlation id of a response.
pub(crate) fn correlation_of(frame: &[u8]) -> Option<i32> {
    frame.first_chunk().copied().map(i32::from_be_bytes)
}

/// A response, and the throttle time in milliseconds that the broker returned with it.
pub(crate) type ThrottledResponse<T> = (T, i32);
/// Decodes a response from its frame, in the version of its request.
pub(crate) type DecodeResponse<T> = fn(Bytes, i16) -> Result<ThrottledResponse<T>>;

/// Takes the header off the frame of a response.
pub(crate) fn take_header(frame: &mut Bytes, header_version: i16) -> Result<()> {
    if header_version >= FIRST_HEADER_WITH_TAGS {
        layout::check_header_tags(frame.get(CORRELATION..).unwrap_or_default())?;
    }
    ResponseHeader::decode(frame, header_version)?;
    Ok(())
}

/// Decodes the response to a request of type `R`.
pub(crate) fn answer_to<R: Request>(
    mut frame: Bytes,
    version: i16,
) -> Result<ThrottledResponse<R::Response>> {
    take_header(&mut frame, R::Response::header_version(version))?;
    layout::check(R::KEY, version, &frame)?;
    let response = R::Response::decode(&mut frame, version)?;
    let throttle = R::throttle_ms(&response);
    Ok((response, throttle))
}

#[cfg(test)]
mod tests;
