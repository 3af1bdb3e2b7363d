use bytes::{BufMut, BytesMut};
use proptest::prelude::*;

use super::super::{batches, header::HEADER_LEN};
use super::*;

/// The codecs that the old formats support.
const CODECS: [Codec; 4] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4];
const LOG_APPEND_TIME: u8 = 1 << 3;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    offset: i64,
    timestamp: i64,
    key: Option<Bytes>,
    value: Option<Bytes>,
}

fn seen(offset: i64, value: &'static str) -> Seen {
    Seen {
        offset,
        timestamp: 1_000 + offset,
        key: (offset % 2 == 0).then(|| Bytes::from_static(b"key")),
        value: Some(Bytes::from_static(value.as_bytes())),
    }
}

/// A message as a broker stores it.
fn written(magic: u8, attributes: u8, message: &Seen) -> Vec<u8> {
    let mut covered = vec![magic, attributes];
    if magic == 1 {
        covered.put_i64(message.timestamp);
    }
    for field in [&message.key, &message.value] {
        match field {
            Some(bytes) => {
                covered.put_i32(i32::try_from(bytes.len()).unwrap());
                covered.put_slice(bytes);
            }
            None => covered.put_i32(-1),
        }
    }
    let mut crc = flate2::Crc::new();
    crc.update(&covered);
    let mut whole = Vec::new();
    whole.put_i64(message.offset);
    whole.put_i32(i32::try_from(covered.len() + 4).unwrap());
    whole.put_u32(crc.sum());
    whole.put_slice(&covered);
    whole
}

/// Messages inside a compressed one, as a broker stores them.
fn wrapped(magic: u8, codec: Codec, append_time: Option<i64>, inner: &[Seen]) -> Vec<u8> {
    let first = inner[0].offset;
    let plain: Vec<u8> = inner
        .iter()
        .flat_map(|message| {
            let offset = message.offset - if magic == 1 { first } else { 0 };
            let message = Seen {
                offset,
                ..message.clone()
            };
            written(magic, 0, &message)
        })
        .collect();
    let body = codec.compress(Bytes::from(plain)).unwrap();
    let newest = inner.iter().map(|it| it.timestamp).max().unwrap();
    let outer = Seen {
        offset: inner.last().unwrap().offset,
        timestamp: append_time.unwrap_or(newest),
        key: None,
        value: Some(body),
    };
    let attributes = u8::try_from(codec.number()).unwrap();
    let kind = append_time.map_or(0, |_| LOG_APPEND_TIME);
    written(magic, attributes | kind, &outer)
}

fn stored(magic: u8, codec: Codec, messages: &[Seen]) -> Vec<u8> {
    match codec {
        Codec::None => messages
            .iter()
            .flat_map(|it| written(magic, 0, it))
            .collect(),
        codec => wrapped(magic, codec, None, messages),
    }
}

fn read(bytes: Vec<u8>) -> Result<Vec<Seen>, BatchError> {
    let mut all = Vec::new();
    for batch in batches(Bytes::from(bytes)) {
        let batch = batch?;
        batch.check_crc()?;
        assert!(batch.is_contiguous());
        for record in &batch.records()? {
            let record = record?.to_record()?;
            assert_eq!(record.headers, []);
            all.push(Seen {
                offset: record.offset,
                timestamp: record.timestamp,
                key: record.key,
                value: record.value,
            });
        }
    }
    Ok(all)
}

/// The messages as a reader sees them: v0 has no timestamps.
fn as_read(magic: u8, messages: &[Seen]) -> Vec<Seen> {
    let timestamp = |it: &Seen| if magic == 0 { -1 } else { it.timestamp };
    let read = messages.iter().map(|it| Seen {
        timestamp: timestamp(it),
        ..it.clone()
    });
    read.collect()
}

/// With a hole, a null key, a null value and an empty one.
fn messages() -> Vec<Seen> {
    let mut messages = vec![seen(40, "one"), seen(41, "two"), seen(45, "")];
    messages.push(Seen {
        value: None,
        ..seen(46, "")
    });
    messages
}

#[test]
fn both_formats_are_read_in_every_compression() {
    for magic in [0, 1] {
        for codec in CODECS {
            let bytes = stored(magic, codec, &messages());
            let read = read(bytes.clone()).unwrap();
            assert_eq!(read, as_read(magic, &messages()), "v{magic} {codec}");
            let codecs = batches(Bytes::from(bytes)).map(|batch| {
                let batch = batch.unwrap();
                (
                    batch.base_offset(),
                    batch.header().attributes.codec().unwrap(),
                )
            });
            let stretches: Vec<_> = codecs.collect();
            assert_eq!(stretches, [(40, codec), (45, codec)], "v{magic} {codec}");
        }
    }
}

#[test]
fn what_the_broker_timed_has_its_time() {
    let bytes = wrapped(1, Codec::Gzip, Some(77), &messages());
    assert!(read(bytes).unwrap().iter().all(|it| it.timestamp == 77));
    let one = written(1, LOG_APPEND_TIME, &seen(3, "x"));
    assert_eq!(read(one).unwrap(), [seen(3, "x")]);
}

#[test]
fn the_wrong_header_checksum_of_lz4_in_v0_is_expected() {
    let right = wrapped(0, Codec::Lz4, None, &messages());
    let body = Message::peek(&Bytes::from(right)).unwrap().unwrap().value;
    let mut frame = body.unwrap().to_vec();
    let checksum_at = 6;
    assert_eq!(
        message::with_right_lz4_checksum(&Bytes::from(frame.clone())),
        frame
    );
    frame[checksum_at] ^= 0x5a;
    let outer = Seen {
        offset: 46,
        timestamp: 0,
        key: None,
        value: Some(Bytes::from(frame)),
    };
    let lz4 = u8::try_from(Codec::Lz4.number()).unwrap();
    let read_v0 = read(written(0, lz4, &outer)).unwrap();
    assert_eq!(read_v0, as_read(0, &messages()));
    let in_v1 = read(written(1, lz4, &outer));
    assert!(matches!(in_v1, Err(BatchError::Decompress { .. })));
}

#[test]
fn old_and_new_formats_stand_in_one_log() {
    let mut builder = Builder::new(Codec::None);
    builder.push(9, &[1, 1, 0]);
    let new = builder.finish_at(47, LeaderEpoch::UNKNOWN).unwrap();
    assert_eq!(new.size(), new.bytes().len());
    let log = [
        stored(0, Codec::None, &[seen(1, "a")]),
        stored(1, Codec::Gzip, &messages()),
        new.bytes().to_vec(),
    ];
    let offsets: Vec<i64> = batches(Bytes::from(log.concat()))
        .map(|batch| batch.unwrap().base_offset())
        .collect();
    assert_eq!(offsets, [1, 40, 45, 47]);
    assert!(new.size() > HEADER_LEN);
}

#[test]
fn every_truncation_is_partial_or_an_error_and_every_bit_flip_an_error() {
    for magic in [0, 1] {
        for codec in CODECS {
            let one = [seen(4, "value")];
            let whole = stored(magic, codec, &one);
            for size in 0..whole.len() {
                let cut = read(whole[..size].to_vec()).unwrap();
                assert_eq!(cut, [], "v{magic} {codec} {size}");
            }
            for bit in 12 * 8..whole.len() * 8 {
                let mut flipped = whole.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(read(flipped).is_err(), "v{magic} {codec} bit {bit}");
            }
        }
    }
}

#[test]
fn nothing_but_messages_may_be_inside() {
    let empty = Seen {
        value: Some(Codec::Gzip.compress(Bytes::new()).unwrap()),
        ..seen(1, "")
    };
    let nothing = Seen {
        value: None,
        ..seen(1, "")
    };
    let nested = wrapped(1, Codec::Gzip, None, &messages());
    let matryoshka = Seen {
        value: Some(Codec::Gzip.compress(Bytes::from(nested)).unwrap()),
        ..seen(1, "")
    };
    for outer in [empty, nothing, matryoshka] {
        let bytes = written(1, 1, &outer);
        assert!(matches!(read(bytes), Err(BatchError::Malformed { .. })));
    }
    let unknown = written(1, 4, &seen(1, "zstd"));
    assert!(matches!(read(unknown), Err(BatchError::UnknownCodec(4))));
    let falling = [seen(7, "a"), seen(6, "b")];
    let bytes = falling.iter().flat_map(|it| written(1, 0, it)).collect();
    assert!(matches!(read(bytes), Err(BatchError::Malformed { .. })));
}

fn field() -> impl Strategy<Value = Option<Bytes>> {
    let bytes = prop::collection::vec(any::<u8>(), 0..2_000).prop_map(Bytes::from);
    prop::option::of(bytes)
}

proptest! {
    #[test]
    fn whatever_was_written_is_read(
        magic in 0_u8..2,
        codec in prop::sample::select(&CODECS[..]),
        first in 0_i64..1 << 40,
        parts in prop::collection::vec((1_i64..4, -5_i64..1 << 41, field(), field()), 1..60),
    ) {
        let mut offset = first;
        let messages: Vec<Seen> = parts.into_iter().map(|(step, timestamp, key, value)| {
            offset += step;
            Seen { offset, timestamp, key, value }
        }).collect();
        let read = read(stored(magic, codec, &messages)).unwrap();
        prop_assert_eq!(read, as_read(magic, &messages));
    }

    #[test]
    fn noise_is_an_error_or_nothing_and_never_a_panic(magic in 0_u8..2, mut noise in prop::collection::vec(any::<u8>(), 17..200)) {
        noise[16] = magic;
        let mut bytes = BytesMut::new();
        bytes.put_slice(&noise);
        let _ = read(bytes.to_vec());
        // A valid length lets the noise reach the rest of the reader.
        let length = u32::try_from(noise.len() - 12).unwrap();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(&bytes[16..]);
        bytes[12..16].copy_from_slice(&crc.sum().to_be_bytes());
        let _ = read(bytes.to_vec());
    }
}
