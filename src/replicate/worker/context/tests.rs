use super::*;
use crate::model::SourceOffset;

fn stored(offset: Option<i64>) -> StartRecord {
    StartRecord {
        source_topic_id: TopicId(uuid::Uuid::from_u128(1)),
        time_ms: None,
        looked_at_ms: 9,
        offset: offset.map(SourceOffset),
    }
}

#[test]
fn a_partition_starts_where_the_first_look_says_if_it_is_the_same_topic_and_start() {
    let (same, other) = [1, 2].map(|id| TopicId(uuid::Uuid::from_u128(id))).into();
    let unresolved = |time_ms, looked_at_ms| StartPosition::Unresolved {
        time_ms,
        looked_at_ms,
    };
    let resolved = StartPosition::Resolved(SourceOffset(70));
    for (stored, time_ms, topic, expected) in [
        (Some(stored(Some(70))), None, same, resolved),
        (Some(stored(Some(70))), None, TopicId::NONE, resolved),
        (Some(stored(Some(70))), None, other, StartPosition::Earliest),
        (
            Some(stored(Some(70))),
            Some(5),
            same,
            unresolved(Some(5), None),
        ),
        (Some(stored(None)), None, same, unresolved(None, Some(9))),
        (None, None, same, unresolved(None, None)),
    ] {
        assert_eq!(
            start_of(stored, time_ms, topic),
            expected,
            "{stored:?} {time_ms:?} {topic:?}"
        );
    }
}
