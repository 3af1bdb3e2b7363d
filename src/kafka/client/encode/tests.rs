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
