use super::*;

fn origin(offset: i64) -> Origin {
    Origin {
        link: LinkName::new("l"),
        partition: TopicPartition::new("t", 3),
        offset: SourceOffset(offset),
        topic_id: "id".to_owned(),
        message: "too large".to_owned(),
    }
}

fn record() -> Record {
    Record {
        offset: 7,
        timestamp: 1_000,
        key: None,
        value: Some(Bytes::from_static(b"value")),
        headers: vec![(Bytes::from_static(b"own"), None)],
    }
}

#[test]
fn a_receipt_is_known_by_its_origin_alone() {
    for receipt in [
        origin(7).whole(&record(), 5),
        origin(7).digest(&record(), 5),
    ] {
        assert!(origin(7).is_of(&receipt));
        assert!(!origin(8).is_of(&receipt));
        let other = Origin {
            topic_id: "another".to_owned(),
            ..origin(7)
        };
        assert!(!other.is_of(&receipt));
        assert_eq!((receipt.timestamp, &receipt.key), (5, &None));
    }
}

#[test]
fn a_whole_receipt_keeps_the_record_and_a_digest_its_measure() {
    let whole = origin(7).whole(&record(), 5);
    assert_eq!(whole.value, record().value);
    assert_eq!(whole.headers[0], record().headers[0]);
    let digest = origin(7).digest(&record(), 5);
    assert_eq!(digest.value, None);
    assert!(
        digest
            .headers
            .contains(&header("farshore.value_bytes", "5"))
    );
    let sha = "cd42404d52ad55ccfa9aca4adc828aa5800ad9d385a0671fbcbf724118320619";
    assert!(
        digest
            .headers
            .contains(&header("farshore.value_sha256", sha))
    );
}
