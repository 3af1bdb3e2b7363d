use super::*;
use crate::config::MirroredSources;
use crate::model::{ClusterName, ProducerId, TopicName};
use crate::replicate::shared::source_writers::OtherLinks;

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
    writers.remember(ids[0], true);
    assert_eq!(check(ids[0]), (true, None));
    assert_eq!(check(ids[1]), (false, Some(SourceOffset(7))));
}

#[test]
fn batches_of_unknown_links_are_fine_in_some_topics_only() {
    let clusters = ["paris", "oslo"].map(ClusterName::new);
    let writers = SourceWriters::new(OtherLinks::default(), MirroredSources::Without(clusters));
    let id = crate::replicate::testing::identity().producer_id(0);
    let fine = |topic: &str| writers.is_fine(id, &TopicName::new(topic));
    assert!(!fine("rome.orders"));
    writers.remember(id, false);
    for topic in ["rome.orders", "parisian.x", "x.paris", "a.comparis.b"] {
        assert!(fine(topic), "{topic}");
    }
    for topic in ["paris.orders", "rome.oslo.orders", "x.paris.oslo"] {
        assert!(!fine(topic), "{topic}");
    }
    writers.remember(id, true);
    assert!(fine("paris.orders"));
}
