use super::*;
use crate::model::ProducerId;

#[test]
fn a_small_part_of_an_answer_is_taken_apart_and_a_large_one_is_not_copied() {
    let answer = Bytes::from(vec![7; 100]);
    let (small, large) = (answer.slice(0..24), answer.slice(24..100));
    assert_eq!(apart(large.clone(), 100).as_ptr(), large.as_ptr());
    let apart = apart(small.clone(), 100);
    assert_eq!(apart, small);
    assert_ne!(apart.as_ptr(), small.as_ptr());
}

#[test]
fn a_batch_of_a_farshore_link_waits_until_the_link_is_known_to_be_fine() {
    let writers = SourceWriters::default();
    let partition = TopicPartition::new("orders", 0);
    let mut suspect = None;
    let mut check = |producer| {
        let offset = SourceOffset(7);
        let marked = MarkedBatch { producer, offset };
        let checked = check_writer(&partition, &mut suspect, marked, &writers);
        (checked.is_ok(), suspect.take().map(|it| it.offset))
    };
    let ids =
        [0, 300].map(|incarnation| crate::replicate::testing::identity().producer_id(incarnation));
    assert_eq!(check(ProducerId(-1)), (true, None));
    assert_eq!(check(ProducerId(4_000)), (true, None));
    for id in ids {
        assert_eq!(check(id), (false, Some(SourceOffset(7))));
    }
    writers.remember(ids[0]);
    assert_eq!(check(ids[0]), (true, None));
    assert_eq!(check(ids[1]), (false, Some(SourceOffset(7))));
}
