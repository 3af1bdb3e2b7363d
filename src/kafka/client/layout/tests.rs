use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::consumer_group_describe_response::{DescribedGroup, Member};
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResourceResult;
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::metadata_response::{
    MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::offset_fetch_response::OffsetFetchResponsePartitions;
use kafka_protocol::messages::{FetchResponse, ResponseKind};
use kafka_protocol::protocol::{Encodable, StrBytes};

use super::shape::SLICE_MEMORY;
use super::*;
use crate::kafka::client::request::our_versions;

mod definitions;

fn encoded(response: &impl Encodable, version: i16) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    response.encode(&mut bytes, version).unwrap();
    bytes.to_vec()
}

fn refused(key: ApiKey, version: i16, body: &[u8]) -> String {
    check(key, version, body).unwrap_err().to_string()
}

/// Writes a value with something in every field, and two of everything that may be repeated.
fn write(out: &mut Vec<u8>, shape: &Shape, version: i16, flexible: bool) {
    let count = |out: &mut Vec<u8>, count: u8, wide: bool| match (flexible, wide) {
        (true, _) => out.put_u8(count + 1),
        (false, true) => out.put_i32(count.into()),
        (false, false) => out.put_i16(count.into()),
    };
    match shape {
        // As a truth value, this is true.
        Shape::Fixed(size) => out.extend((0..*size).map(|at| u8::from(at == size - 1))),
        Shape::Text | Shape::Bytes => {
            count(out, 3, matches!(shape, Shape::Bytes));
            out.extend(b"abc");
        }
        Shape::Array(element) => {
            count(out, 2, true);
            write(out, element, version, flexible);
            write(out, element, version, flexible);
        }
        Shape::Struct(fields) => {
            let there = || fields.iter().filter(|it| it.is_in(version));
            for field in there().filter(|it| it.tag.is_none()) {
                write(out, &field.shape, version, flexible);
            }
            if flexible {
                let tagged: Vec<_> = there().filter(|it| it.tag.is_some()).collect();
                out.put_u8(u8::try_from(tagged.len()).unwrap());
                for field in tagged {
                    let mut value = Vec::new();
                    write(&mut value, &field.shape, version, flexible);
                    out.put_u8(u8::try_from(field.tag.unwrap()).unwrap());
                    out.put_u8(u8::try_from(value.len()).unwrap());
                    out.extend(value);
                }
            }
        }
    }
}

/// A response of each API in each version.
fn samples() -> Vec<(ApiKey, i16, Vec<u8>)> {
    let mut samples = Vec::new();
    for layout in LAYOUTS {
        let spoken = our_versions(layout.key).unwrap();
        for version in spoken.min..=spoken.max {
            let mut body = Vec::new();
            let flexible = version >= layout.flexible;
            write(&mut body, &Shape::Struct(layout.fields), version, flexible);
            samples.push((layout.key, version, body));
        }
    }
    samples
}

#[test]
fn a_count_beyond_the_bytes_is_refused_before_anything_is_decoded() {
    let old = [&[0_u8, 0][..], &[0x7f, 0xff, 0xff, 0xff], b"\0\x01a"].concat();
    assert_eq!(
        refused(ApiKey::SaslHandshake, 1, &old),
        "the count of Mechanisms is 2147483647, but 3 bytes are left"
    );
    let compact = [0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0];
    assert_eq!(
        refused(ApiKey::ApiVersions, 3, &compact),
        "the count of ApiKeys is 4294967294, but 1 bytes are left"
    );
}

#[test]
fn a_length_beyond_the_bytes_is_refused() {
    let length = [&[0_u8; 6][..], &[0x7f, 0xff], b"abc"].concat();
    assert_eq!(
        refused(
            ApiKey::FindCoordinator,
            2,
            &[&length[..2], &length[6..]].concat()
        ),
        "ErrorMessage is cut off: 1 bytes are left"
    );
    assert_eq!(
        refused(ApiKey::FindCoordinator, 2, &length),
        "the count of ErrorMessage is 32767, but 3 bytes are left"
    );
    let negative = [&[0_u8; 6][..], &[0xff, 0xfe]].concat();
    assert_eq!(
        refused(ApiKey::FindCoordinator, 2, &negative),
        "the count of ErrorMessage is -2"
    );
}

#[test]
fn tagged_fields_have_the_size_they_say() {
    let mut body = encoded(&FetchResponse::default(), 16);
    assert_eq!(check(ApiKey::Fetch, 16, &body), Ok(()));
    // One tagged field, `NodeEndpoints`, an empty array of one byte.
    body.truncate(body.len() - 1);
    let with = |size: u8| [&body[..], &[1, 0, size, 1, 0]].concat();
    assert_eq!(check(ApiKey::Fetch, 16, &with(1)), Ok(()));
    assert_eq!(
        refused(ApiKey::Fetch, 16, &with(2)),
        "the tagged field NodeEndpoints has 1 bytes instead of 2"
    );
    assert_eq!(
        refused(
            ApiKey::Fetch,
            16,
            &[&body[..], &[0xff, 0xff, 0x03]].concat()
        ),
        "the count of tagged fields is 65535, but 0 bytes are left"
    );
    assert_eq!(
        refused(ApiKey::Fetch, 16, &[&body[..], &[0xff; 5]].concat()),
        "the count of tagged fields has more than 32 bits"
    );
    assert_eq!(
        check_header_tags(&[1, 7, 9, 0]).unwrap_err().to_string(),
        "the count of tagged fields is 9, but 1 bytes are left"
    );
}

/// Each of them is two bytes, and an entry of a map in memory.
#[test]
fn a_response_that_would_take_much_memory_is_refused() {
    // 100,000 tagged fields behind code, keys and throttle time.
    let mut body = vec![0, 0, 1, 0, 0, 0, 0, 0xa0, 0x8d, 0x06];
    body.extend([7, 0].repeat(100_000));
    let text = refused(ApiKey::ApiVersions, 3, &body);
    assert!(text.starts_with("its 200010 bytes would take 42"), "{text}");
    assert!(text.ends_with("at tagged fields"), "{text}");
}

#[test]
fn the_memory_of_structures_is_not_underestimated() {
    fn memory_of(key: ApiKey, path: &[&str]) -> usize {
        let layout = LAYOUTS.iter().find(|it| it.key == key).unwrap();
        let mut fields = layout.fields;
        let mut memory = 0;
        for name in path {
            let field = fields.iter().find(|it| it.name == *name).unwrap();
            let Shape::Array(Shape::Struct(elements)) = &field.shape else {
                panic!("{name}");
            };
            memory = Shape::Struct(elements).memory();
            fields = elements;
        }
        memory
    }
    let partition = memory_of(ApiKey::Fetch, &["Responses", "Partitions"]);
    assert!(partition >= size_of::<PartitionData>(), "{partition}");
    let topic = memory_of(ApiKey::Metadata, &["Topics"]);
    assert!(topic >= size_of::<MetadataResponseTopic>(), "{topic}");
    let partition = memory_of(ApiKey::Metadata, &["Topics", "Partitions"]);
    assert!(partition >= size_of::<MetadataResponsePartition>());
    let group = memory_of(ApiKey::ConsumerGroupDescribe, &["Groups"]);
    assert!(group >= size_of::<DescribedGroup>(), "{group}");
    let member = memory_of(ApiKey::ConsumerGroupDescribe, &["Groups", "Members"]);
    assert!(member >= size_of::<Member>(), "{member}");
    let config = memory_of(ApiKey::DescribeConfigs, &["Results", "Configs"]);
    assert!(config >= size_of::<DescribeConfigsResourceResult>());
    let topic = memory_of(ApiKey::OffsetFetch, &["Groups", "Topics", "Partitions"]);
    assert!(topic >= size_of::<OffsetFetchResponsePartitions>());
    assert!(SLICE_MEMORY >= size_of::<Option<StrBytes>>());
}

/// The decoder reads what passes to its last byte, and writes the same bytes again.
#[test]
fn what_passes_is_what_the_decoder_reads() {
    let samples = samples();
    assert!(samples.len() > 100, "{}", samples.len());
    for (key, version, body) in samples {
        assert_eq!(check(key, version, &body), Ok(()), "{key:?} v{version}");
        let mut left = Bytes::from(body.clone());
        let decoded = ResponseKind::decode(key, &mut left, version).unwrap();
        assert!(left.is_empty(), "{key:?} v{version}");
        let mut again = BytesMut::new();
        decoded.encode(&mut again, version).unwrap();
        assert_eq!(again.to_vec(), body, "{key:?} v{version}");
    }
}

#[test]
fn a_response_that_is_cut_off_anywhere_is_refused() {
    for (key, version, body) in samples() {
        for end in 0..body.len() {
            let cut = check(key, version, &body[..end]);
            assert!(cut.is_err(), "{key:?} v{version} up to {end}");
        }
    }
}

/// Whatever one damaged byte makes of a response, the decoder doesn't run out of bytes where the check passed.
#[test]
fn whatever_byte_is_damaged_the_decoder_agrees() {
    for (key, version, body) in samples() {
        for at in 0..body.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut damaged = body.clone();
                damaged[at] = value;
                if check(key, version, &damaged).is_ok() {
                    let decoded = ResponseKind::decode(key, &mut damaged.into(), version);
                    let error = decoded.err().map(|error| format!("{error:#}"));
                    let other = ["utf-8", "(-1)", "not valid"];
                    assert!(
                        error
                            .iter()
                            .all(|text| other.iter().any(|it| text.contains(it))),
                        "{key:?} v{version} at {at}: {error:?}"
                    );
                }
            }
        }
    }
}
