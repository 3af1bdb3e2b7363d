//! Streams made of real batches, cut into random portions: equal streams never differ, and differences are located.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::kafka::batch::{Builder, Codec, Record};
use crate::model::LeaderEpoch;
use crate::verify::tally::{Outcome, Rolling};

const CODECS: [Codec; 5] = [
    Codec::None,
    Codec::Gzip,
    Codec::Snappy,
    Codec::Lz4,
    Codec::Zstd,
];

fn record() -> impl Strategy<Value = Record> {
    let header = (0..3_u8, proptest::option::of(0..3_u8));
    let parts = (
        0..5_i64,
        proptest::option::of(0..4_u8),
        proptest::option::of(vec(0..3_u8, 0..20)),
        vec(header, 0..3),
    );
    parts.prop_map(|(timestamp, key, value, headers)| Record {
        offset: 0,
        timestamp,
        key: key.map(|key| Bytes::from(vec![key])),
        value: value.map(Bytes::from),
        headers: headers
            .into_iter()
            .map(|(key, value)| {
                let value = value.map(|value| Bytes::from(vec![value]));
                (Bytes::from(vec![key]), value)
            })
            .collect(),
    })
}

/// A log's records with rising offsets.
fn log(records: Vec<(Record, i64)>) -> Vec<Record> {
    let mut next = 0;
    let place = |(record, gap): (Record, i64)| {
        let offset = next + gap;
        next = offset + 1;
        Record { offset, ..record }
    };
    records.into_iter().map(place).collect()
}

fn logs() -> impl Strategy<Value = Vec<Record>> {
    let gap = prop_oneof![4 => Just(0_i64), 1 => 1..5_i64];
    vec((record(), gap), 1..40).prop_map(log)
}

/// How a side's records are batched, compressed and read: records per batch, codec, batches per portion.
fn shapes() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    vec((1..8_usize, 0..CODECS.len(), 1..4_usize), 1..6)
}

type Shapes = [(usize, usize, usize)];

/// The digests of records as decoded from batches, in portions.
fn portions(records: &[Record], shapes: &Shapes, compacts: bool) -> Vec<Vec<Digest>> {
    let mut shapes = shapes.iter().cycle();
    let mut portions = Vec::new();
    let mut rest = records;
    while !rest.is_empty() {
        let mut portion = Vec::new();
        let (size, codec, count) = *shapes.next().unwrap();
        for _ in 0..count {
            let (batch, others) = rest.split_at(size.min(rest.len()));
            if !batch.is_empty() {
                portion.extend(digests(batch, CODECS[codec], compacts));
            }
            rest = others;
        }
        portions.push(portion);
    }
    portions
}

fn digests(records: &[Record], codec: Codec, compacts: bool) -> Vec<Digest> {
    let mut builder = Builder::new(codec);
    for record in records {
        builder.push_record(record);
    }
    let batch = builder.finish_at(0, LeaderEpoch(0)).unwrap();
    let read = batch.records().unwrap();
    let read = read.iter().zip(records);
    read.map(|(read, record)| Digest {
        offset: record.offset,
        ..Digest::of(&read.unwrap(), compacts)
    })
    .collect()
}

/// Compares two sides; `image` gives the place of each target offset.
fn compare(
    source: Vec<Vec<Digest>>,
    target: Vec<Vec<Digest>>,
    image: impl Fn(i64) -> RecordOrigin,
) -> Comparison {
    let mut comparison = Comparison::default();
    let (mut on_source, mut on_target) = (Feed::default(), Feed::default());
    let (mut source, mut target) = (source.into_iter(), target.into_iter());
    loop {
        comparison.advance(&mut on_source, &mut on_target);
        if on_source.items.is_empty() && !on_source.over {
            let at = |offset| RecordOrigin::At(SourceOffset(offset));
            feed(&mut on_source, source.next(), at);
        } else if on_target.items.is_empty() && !on_target.over {
            feed(&mut on_target, target.next(), &image);
        } else {
            return comparison;
        }
    }
}

fn feed(feed: &mut Feed, portion: Option<Vec<Digest>>, place: impl Fn(i64) -> RecordOrigin) {
    feed.over = portion.is_none();
    let items = portion.into_iter().flatten().map(|digest| Item {
        place: place(digest.offset),
        digest,
    });
    feed.items.extend(items);
}

/// The mirror of a log: no gaps.
fn mirror(source: &[Record]) -> Vec<Record> {
    renumbered(source.to_vec())
}

fn renumbered(records: Vec<Record>) -> Vec<Record> {
    let numbered = records.into_iter().zip(0..);
    numbered
        .map(|(record, offset)| Record { offset, ..record })
        .collect()
}

/// The places that the map of a log and its mirror gives; past it nothing has an image.
fn image(source: &[Record]) -> impl Fn(i64) -> RecordOrigin {
    let offsets: Vec<i64> = source.iter().map(|record| record.offset).collect();
    move |at| {
        let mapped = offsets.get(usize::try_from(at).unwrap());
        mapped.map_or(RecordOrigin::Stray, |offset| {
            RecordOrigin::At(SourceOffset(*offset))
        })
    }
}

#[derive(Debug, Clone, Copy)]
enum Damage {
    Key,
    Value,
    NullForEmpty,
    HeaderValue,
    HeaderOrder,
    Time,
    /// Records after it move up.
    Lost,
    /// It leaves a hole.
    Hole,
    Doubled,
    Swapped,
}

const DAMAGES: [Damage; 10] = [
    Damage::Key,
    Damage::Value,
    Damage::NullForEmpty,
    Damage::HeaderValue,
    Damage::HeaderOrder,
    Damage::Time,
    Damage::Lost,
    Damage::Hole,
    Damage::Doubled,
    Damage::Swapped,
];

fn flipped(bytes: Option<&Bytes>) -> Bytes {
    let mut bytes = bytes.map_or_else(|| vec![0], |bytes| bytes.to_vec());
    match bytes.last_mut() {
        Some(last) => *last ^= 1,
        None => bytes.push(9),
    }
    Bytes::from(bytes)
}

/// Damages a mirror at a record.
fn damage(mut records: Vec<Record>, kind: Damage, at: usize) -> Vec<Record> {
    let next = (at + 1) % records.len();
    let record = &mut records[at];
    match kind {
        Damage::Key => record.key = Some(flipped(record.key.as_ref())),
        Damage::Value => record.value = Some(flipped(record.value.as_ref())),
        Damage::NullForEmpty => {
            record.value = match &record.value {
                None => Some(Bytes::new()),
                Some(_) => None,
            }
        }
        Damage::HeaderValue => match record.headers.first_mut() {
            Some((_, value)) => *value = Some(flipped(value.as_ref())),
            None => record.headers.push((Bytes::new(), None)),
        },
        Damage::HeaderOrder => record.headers.reverse(),
        Damage::Time => record.timestamp += 1,
        Damage::Hole => {
            records.remove(at);
            return records;
        }
        Damage::Lost => drop(records.remove(at)),
        Damage::Doubled => {
            let again = record.clone();
            records.insert(at, again);
        }
        Damage::Swapped => records.swap(at, next),
    }
    renumbered(records)
}

fn bare(record: &Record) -> Record {
    Record {
        offset: 0,
        ..record.clone()
    }
}

/// The first difference between a log and a damaged mirror of it, found by checking each place.
fn expected(source: &[Record], target: &[Record]) -> Option<Difference> {
    let at = |offset: i64| target.iter().find(|record| record.offset == offset);
    for (theirs, offset) in source.iter().zip(0..) {
        let difference = |kind, target_offset| Difference {
            kind,
            source_offset: SourceOffset(theirs.offset),
            target_offset,
        };
        match at(offset) {
            None => return Some(difference(DifferenceKind::Missing, None)),
            Some(ours) if bare(ours) != bare(theirs) => {
                let place = Some(TargetOffset(offset));
                return Some(difference(DifferenceKind::Content, place));
            }
            Some(_) => {}
        }
    }
    let behind = i64::try_from(source.len()).unwrap();
    at(behind).map(|_| Difference {
        kind: DifferenceKind::Surplus,
        source_offset: SourceOffset(source.last().map_or(0, |last| last.offset)),
        target_offset: Some(TargetOffset(behind)),
    })
}

/// The hash of a log, without batches.
fn hash(source: &[Record]) -> Rolling {
    let mut rolling = Rolling::default();
    for record in source {
        let digest = digests(std::slice::from_ref(record), Codec::None, false)[0];
        rolling.add(SourceOffset(record.offset), &digest);
    }
    rolling
}

proptest! {
    #[test]
    fn equal_sides_are_equal_however_they_are_batched(
        source in logs(), one in shapes(), other in shapes(),
    ) {
        let mirror = mirror(&source);
        let compared = compare(
            portions(&source, &one, false),
            portions(&mirror, &other, false),
            image(&source),
        );
        let tally = compared.tally;
        prop_assert_eq!((tally.differences, tally.unproven), (0, 0));
        prop_assert_eq!(tally.records, source.len() as u64);
        prop_assert_eq!(tally.source_hash, tally.target_hash);
        prop_assert_eq!(tally.source_hash, hash(&source));
    }

    #[test]
    fn any_damage_is_found_and_located(
        source in logs(), one in shapes(), other in shapes(),
        kind in 0..DAMAGES.len(), at in any::<prop::sample::Index>(),
    ) {
        let damaged = damage(mirror(&source), DAMAGES[kind], at.index(source.len()));
        let expected = expected(&source, &damaged);
        let compared = compare(
            portions(&source, &one, false),
            portions(&damaged, &other, false),
            image(&source),
        );
        let tally = compared.tally;
        prop_assert_eq!(tally.first_difference, expected, "{:?}", DAMAGES[kind]);
        prop_assert_eq!(tally.differences > 0, expected.is_some());
        let has_content = expected.is_some_and(|it| it.kind == DifferenceKind::Content);
        prop_assert!(!has_content || tally.source_hash != tally.target_hash);
    }

    #[test]
    fn going_on_after_an_interruption_finds_the_same(
        source in logs(), shapes in shapes(),
        kind in 0..DAMAGES.len(), at in any::<prop::sample::Index>(), cut in any::<prop::sample::Index>(),
    ) {
        let damaged = damage(mirror(&source), DAMAGES[kind], at.index(source.len()));
        let whole = compare(
            portions(&source, &shapes, false),
            portions(&damaged, &shapes, false),
            image(&source),
        );
        let cut = source[cut.index(source.len())].offset;
        let image = image(&source);
        let before = |offset: i64| matches!(image(offset), RecordOrigin::At(at) if at.get() < cut);
        let mut tally = Tally::default();
        for first in [true, false] {
            let part = |records: &[Record], is_first: &dyn Fn(i64) -> bool| {
                let part = records.iter().filter(|it| is_first(it.offset) == first);
                part.cloned().collect::<Vec<_>>()
            };
            let theirs = portions(&part(&source, &|offset| offset < cut), &shapes, false);
            let ours = portions(&part(&damaged, &before), &shapes, false);
            let stored = serde_json::to_string(&tally).unwrap();
            let mut comparison = Comparison::new(Rules::default(), serde_json::from_str(&stored).unwrap());
            comparison.reached = tally.records.try_into().unwrap();
            let (mut on_source, mut on_target) = (Feed::default(), Feed::default());
            let flat = |portions: Vec<Vec<Digest>>| Some(portions.into_iter().flatten().collect());
            feed(&mut on_source, flat(theirs), |offset| RecordOrigin::At(SourceOffset(offset)));
            feed(&mut on_target, flat(ours), &image);
            (on_source.over, on_target.over) = (true, true);
            comparison.advance(&mut on_source, &mut on_target);
            tally = comparison.tally;
        }
        prop_assert_eq!(tally.source_hash, whole.tally.source_hash);
        prop_assert_eq!(tally.target_hash, whole.tally.target_hash);
        prop_assert_eq!(tally.differences, whole.tally.differences);
    }
}

mod compaction;
mod wholes;
