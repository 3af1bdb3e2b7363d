//! Encoding of requests and decoding of responses.
//!
//! Promises: a [`EncodedRequest`] is a complete frame except for its correlation id, which is filled in once its place in the
//! order is known. Responses are decoded from slices of their frame; byte fields aren't copied.

use anyhow::Result;
use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use crate::task::Ownership;

use super::request::Request;

const LENGTH: usize = 4;
/// The correlation id follows length, key and version.
const CORRELATION_AT: usize = 8;

/// A request ready for the wire: the head up to the first body that is sent in place, and the segments that follow.
#[derive(Debug)]
pub(crate) struct EncodedRequest {
    head: BytesMut,
    rest: Vec<Bytes>,
    right: Option<Ownership>,
}

impl EncodedRequest {
    /// Writes the frame's length to the front of `head`, which must begin with room for it (see [`begin`]).
    pub(crate) fn new(mut head: BytesMut, rest: Vec<Bytes>) -> Result<Self> {
        let size = head.len() + rest.iter().map(Bytes::len).sum::<usize>() - LENGTH;
        let (length, _) = head.split_at_mut(LENGTH);
        length.copy_from_slice(&i32::try_from(size)?.to_be_bytes());
        Ok(Self {
            head,
            rest,
            right: None,
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
        Self::new(head, Vec::new())
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

/// Decodes the response to a request of type `R`.
pub(crate) fn answer_to<R: Request>(
    mut frame: Bytes,
    version: i16,
) -> Result<ThrottledResponse<R::Response>> {
    ResponseHeader::decode(&mut frame, R::Response::header_version(version))?;
    let response = R::Response::decode(&mut frame, version)?;
    let throttle = R::throttle_ms(&response);
    Ok((response, throttle))
}

#[cfg(test)]
mod tests {
    use kafka_protocol::messages::fetch_response::{FetchableTopicResponse, PartitionData};
    use kafka_protocol::messages::{FetchRequest, FetchResponse, MetadataRequest};

    use super::*;

    #[test]
    fn a_frame_says_its_length_and_number() {
        let client = StrBytes::from_static_str("farshore");
        let message = EncodedRequest::of(&MetadataRequest::default(), 12, &client).unwrap();
        let frame: Vec<u8> = message.numbered(77).flatten().collect();
        assert_eq!(
            i32::from_be_bytes(frame[..4].try_into().unwrap()),
            i32::try_from(frame.len()).unwrap() - 4
        );
        let mut rest = Bytes::from(frame).slice(4..);
        let header = RequestHeader::decode(&mut rest, 2).unwrap();
        assert_eq!(header.correlation_id, 77);
        assert_eq!(
            (header.request_api_key, header.request_api_version),
            (3, 12)
        );
        assert_eq!(header.client_id, Some(client));
        assert_eq!(
            MetadataRequest::decode(&mut rest, 12).unwrap(),
            MetadataRequest::default()
        );
    }

    #[test]
    fn fetched_records_are_slices_of_their_frame() {
        let records = Bytes::from(vec![9; 100_000]);
        let partition = PartitionData::default().with_records(Some(records.clone()));
        let topic = FetchableTopicResponse::default().with_partitions(vec![partition]);
        for version in [4, 11, 12, 17] {
            let response = FetchResponse::default().with_responses(vec![topic.clone()]);
            let mut frame = BytesMut::new();
            ResponseHeader::default()
                .encode(&mut frame, FetchResponse::header_version(version))
                .unwrap();
            response.encode(&mut frame, version).unwrap();
            let frame = frame.freeze();
            let (read, _) = answer_to::<FetchRequest>(frame.clone(), version).unwrap();
            let slice = read.responses[0].partitions[0].records.clone().unwrap();
            assert_eq!(slice, records);
            assert!(frame.as_ptr_range().contains(&slice.as_ptr()));
        }
    }
}
