//! Nothing is lost or changed between records and batches.

use super::super::DECOMPRESS_LIMIT;
use super::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn decoding_gives_what_was_encoded(codec in any_codec(), records in any_records()) {
        let batch = encoded(codec, &records);
        prop_assert!(batch.check_crc().is_ok());
        prop_assert!(batch.is_contiguous());
        prop_assert_eq!(batch.header().base_timestamp, records[0].timestamp);
        let newest = records.iter().map(|record| record.timestamp).max();
        prop_assert_eq!(Some(batch.header().max_timestamp), newest);
        prop_assert_eq!(decoded(&batch).unwrap(), records);
    }

    #[test]
    fn contents_move_into_other_batches_as_they_are(
        codec in any_codec(),
        records in any_records(),
        skipped in 0..20_usize,
    ) {
        let batch = encoded(codec, &records);
        let kept = &records[skipped.min(records.len() - 1)..];
        let mut builder = Builder::new(Codec::None);
        for record in batch.records().unwrap().iter().skip(records.len() - kept.len()) {
            let record = record.unwrap();
            builder.push(record.timestamp, record.content);
        }
        let moved = only_batch(joined(&builder.finish(STAMP).unwrap()));
        let expected = encoded(Codec::None, kept);
        prop_assert_eq!(moved.bytes(), expected.bytes());
    }

    #[test]
    fn restamping_changes_the_header_only(codec in any_codec(), records in any_records(), epoch: i32) {
        let source = altered(&encoded(codec, &records), None, |header| {
            header.base_offset = 1 << 40;
            header.leader_epoch.0 = epoch;
            header.attributes.0 |= 0b101_1000;
        });
        let stamp = Stamp { producer_id: ProducerId(8), producer_epoch: 0, base_sequence: i32::MAX };
        let stamped = source.restamp(stamp);
        prop_assert_eq!(stamped.body.as_ptr(), source.bytes()[HEADER_LEN..].as_ptr());
        prop_assert_eq!(stamped.size(), source.size());

        let target = only_batch(joined(&stamped));
        prop_assert!(target.check_crc().is_ok());
        let expected = Header {
            base_offset: 0,
            leader_epoch: crate::model::LeaderEpoch::UNKNOWN,
            crc: stamped.crc,
            attributes: super::super::Attributes(source.header().attributes.0 & !0b101_0000),
            producer_id: ProducerId(8),
            producer_epoch: 0,
            base_sequence: i32::MAX,
            ..*source.header()
        };
        prop_assert_eq!(*target.header(), expected);
    }
}

#[test]
fn empty_and_huge_values_pass_every_codec() {
    let huge: Bytes = (0..8 << 20)
        .map(|i: u32| (i.wrapping_mul(i) / 911).to_le_bytes()[1])
        .collect();
    for codec in Codec::ALL {
        let mut records = vec![record(5, "", ""), record(6, "huge", "")];
        records[1].value = Some(huge.clone());
        records[1].offset = 1;
        let batch = encoded(codec, &records);
        assert!(batch.check_crc().is_ok());
        assert_eq!(decoded(&batch).unwrap(), records, "{codec}");
    }
}

#[test]
fn with_log_append_time_every_record_has_the_batchs_time() {
    let batch = encoded(Codec::Lz4, &[record(7, "a", "b"), record(9, "c", "d")]);
    let appended = altered(&batch, None, |header| {
        header.attributes.0 |= 0b1000;
        header.max_timestamp = 1_234;
    });
    let times: Vec<_> = decoded(&appended)
        .unwrap()
        .iter()
        .map(|record| record.timestamp)
        .collect();
    assert_eq!(times, [1_234, 1_234]);
}

#[test]
fn a_builder_counts_the_plain_bytes_and_refuses_to_build_nothing() {
    let mut builder = Builder::new(Codec::Zstd);
    assert_eq!((builder.plain_size(), builder.record_count()), (0, 0));
    builder.push_record(&record(1, "key", "value"));
    let plain = encoded(Codec::None, &[record(1, "key", "value")]).size() - HEADER_LEN;
    assert_eq!(builder.plain_size(), plain);
    let nothing = Builder::new(Codec::None).finish(STAMP);
    assert!(matches!(nothing, Err(BatchError::Unbuildable(_))));
}

#[test]
fn a_bomb_is_refused() {
    let mut bomb = record(1, "bomb", "");
    bomb.value = Some(Bytes::from(vec![0; DECOMPRESS_LIMIT]));
    let batch = encoded(Codec::Zstd, &[bomb]);
    assert!(batch.size() < 1 << 20);
    assert!(matches!(
        batch.records(),
        Err(BatchError::TooLarge {
            limit: DECOMPRESS_LIMIT,
            ..
        })
    ));
}
