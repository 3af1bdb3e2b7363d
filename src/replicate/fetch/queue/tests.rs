use super::*;

fn behind(served: u64) -> QueuePlace {
    QueuePlace::Behind { served }
}

fn choice(fetch_queue: &mut FetchQueue, count: usize) -> (Vec<usize>, Vec<usize>) {
    let Choice { asked, left } = fetch_queue.choose(count);
    (asked, left)
}

#[test]
fn who_got_least_is_asked_for_and_who_was_before_is_left() {
    let mut fetch_queue = FetchQueue::default();
    for (index, served) in [(0, 9), (1, 3), (2, 5)] {
        fetch_queue.put(index, behind(served));
    }
    assert_eq!(choice(&mut fetch_queue, 2), (vec![1, 2], vec![]));
    fetch_queue.put(1, behind(10));
    assert_eq!(choice(&mut fetch_queue, 2), (vec![2, 0], vec![1]));
    assert_eq!(choice(&mut fetch_queue, 0), (vec![], vec![0, 2]));
    assert_eq!(choice(&mut fetch_queue, 9), (vec![2, 0, 1], vec![]));
}

#[test]
fn a_live_one_that_fell_behind_is_left_unless_it_is_chosen() {
    let mut fetch_queue = FetchQueue::default();
    fetch_queue.put(0, QueuePlace::Live);
    fetch_queue.put(1, QueuePlace::Live);
    assert!(fetch_queue.has_live());
    fetch_queue.put(0, behind(0));
    fetch_queue.put(1, behind(1));
    assert!(!fetch_queue.has_live());
    assert_eq!(choice(&mut fetch_queue, 1), (vec![0], vec![1]));
}

#[test]
fn the_full_and_those_that_went_are_not_chosen() {
    let mut fetch_queue = FetchQueue::default();
    for index in 0..3 {
        fetch_queue.put(index, behind(0));
    }
    assert_eq!(fetch_queue.choose(3).asked, [0, 1, 2]);
    fetch_queue.put(0, QueuePlace::Full);
    fetch_queue.put(1, QueuePlace::Away);
    fetch_queue.put(2, QueuePlace::Live);
    assert_eq!((fetch_queue.behind(), fetch_queue.full().len()), (0, 1));
    // The caller has updated the fetch session already.
    assert_eq!(choice(&mut fetch_queue, 3), (vec![], vec![]));
    fetch_queue.put(0, behind(0));
    assert_eq!(fetch_queue.choose(3).asked, [0]);
    fetch_queue.put(0, QueuePlace::Away);
    fetch_queue.put(2, QueuePlace::Away);
    assert!(fetch_queue.stands.is_empty() && !fetch_queue.has_live());
}
