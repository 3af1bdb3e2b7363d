use std::time::Duration;

use crate::checkpoint::MemoryStore;
use crate::kafka::testing::FakeLog;
use crate::model::SourceOffset;
use crate::replicate::testing::{LANE, LANES, answered, batches_at, flowing, link};

use super::*;

#[test]
fn a_small_part_of_an_answer_is_taken_apart_and_a_large_one_is_not_copied() {
    let answer = Bytes::from(vec![7; 100]);
    let (small, large) = (answer.slice(0..24), answer.slice(24..100));
    assert_eq!(apart(large.clone(), 100).as_ptr(), large.as_ptr());
    let apart = apart(small.clone(), 100);
    assert_eq!(apart, small);
    assert_ne!(apart.as_ptr(), small.as_ptr());
}

/// After a resync the next offset to fetch is another.
#[tokio::test]
async fn an_answer_to_a_fetch_of_an_earlier_round_is_ignored() {
    let [source, target] = ["t", "t"].map(|topic| FakeLog::new(topic).1);
    let store = Arc::new(MemoryStore::default());
    let mut worker = flowing(link(store, source, target), &[LANES]);
    worker.intakes.entry(LANE).or_default().members.insert(0);
    worker.mirrors[0].fetch_round = 2;
    let asked = SentFetch {
        bytes: 0,
        paid: 0,
        behind: false,
        at: Duration::ZERO,
    };
    for (round, next) in [(1, 0), (2, 6)] {
        let answer = vec![((0, round), answered(batches_at(&[0, 3])))];
        worker.fetched(LANE, &asked, Ok(answer));
        assert_eq!(worker.mirrors[0].fetch_next, SourceOffset(next));
        assert_eq!(worker.mirrors[0].bytes() > 0, next > 0);
    }
}
