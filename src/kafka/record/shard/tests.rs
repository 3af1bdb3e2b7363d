use super::*;
use crate::kafka::batch::{Builder, Codec, Stamp};
use crate::model::{ProducerId, TopicId, TopicPartition};

fn part(timestamp: i64, header: &[u8]) -> ProducePart {
    let mut builder = Builder::new(Codec::Gzip);
    builder.push_fields(1, Some(b"k"), None, std::iter::empty());
    builder.push_fields(timestamp, None, None, [(header, None)].into_iter());
    let stamp = Stamp {
        producer_id: ProducerId(1),
        producer_epoch: 0,
        base_sequence: 9,
    };
    ProducePart {
        partition: TopicPartition::new("t", 0),
        topic_id: TopicId::NONE,
        batch: builder.finish(stamp).unwrap(),
    }
}

#[test]
fn a_record_that_would_be_changed_is_refused_before_anything_is_written() {
    assert_eq!(
        uncarried(&[part(5, b"h"), part(-1, "ü".as_bytes())]).unwrap(),
        None
    );
    for bad in [part(0, b"h"), part(5, b"\xff")] {
        let answers = uncarried(&[part(5, b"h"), bad]).unwrap().unwrap();
        let codes: Vec<_> = answers.iter().map(|answer| answer.error).collect();
        assert_eq!(codes, [Some(TRANSACTION_ABORTABLE), Some(INVALID_RECORD)]);
    }
}
