use super::*;

const MOST: usize = 8 << 20;

/// Sends full requests one after the other over a network with this round trip and bandwidth; returns the size they end
/// up with.
fn after(
    request_sizer: &mut RequestSizer,
    requests: usize,
    way: Duration,
    bytes_per_second: u32,
) -> usize {
    for _ in 0..requests {
        let bytes = request_sizer.bytes().min(MOST);
        let carrying = Duration::from_secs(bytes as u64) / bytes_per_second;
        request_sizer.note(bytes, way + carrying);
    }
    request_sizer.bytes().min(MOST)
}

#[test]
fn requests_shrink_on_a_narrow_line_and_grow_on_a_wide_one() {
    let mut request_sizer = RequestSizer::default();
    let way = Duration::from_millis(1);
    let narrow = after(&mut request_sizer, 20, way, 1_000_000);
    assert!((LEAST..=512 << 10).contains(&narrow), "{narrow}");
    assert_eq!(after(&mut request_sizer, 20, way, 1_000_000_000), MOST);
    let narrow = after(&mut request_sizer, 20, way, 1_000_000);
    assert!((LEAST..=512 << 10).contains(&narrow), "{narrow}");
}

#[test]
fn the_length_of_the_way_is_no_reason() {
    let mut request_sizer = RequestSizer::default();
    let (long, longer) = (Duration::from_secs(2), Duration::from_secs(4));
    assert_eq!(after(&mut request_sizer, 6, long, 1_000_000_000), MOST);
    // A round trip that became longer is taken for a lack of bandwidth at first.
    assert!(after(&mut request_sizer, 20, longer, 1_000_000_000) < MOST);
    assert_eq!(after(&mut request_sizer, 400, longer, 1_000_000_000), MOST);
}

#[test]
fn one_answer_alone_tells_nothing() {
    let mut request_sizer = RequestSizer::default();
    request_sizer.note(MOST, Duration::from_secs(8));
    assert_eq!(request_sizer.bytes(), FIRST);
    // A batch larger than a request should be doesn't make all the others larger.
    request_sizer.note(MOST, Duration::from_secs(8));
    assert_eq!(request_sizer.bytes(), 2 * FIRST);
}

#[test]
fn what_requests_wait_for_each_other_is_not_taken_for_the_way() {
    const REQUESTS: usize = 5;
    for batch in [1000, 64 << 10, 1 << 20] {
        let mut request_sizer = RequestSizer::default();
        let mut under_way = std::collections::VecDeque::new();
        let mut longest = Duration::ZERO;
        for number in 0..5000 {
            let queued =
                |under_way: &std::collections::VecDeque<usize>| under_way.iter().sum::<usize>();
            while under_way.len() < REQUESTS
                && queued(&under_way) < request_sizer.bytes() * REQUESTS
            {
                under_way.push_back(request_sizer.bytes().max(batch));
            }
            // A mebibyte a second: a request waits for everything in flight when it is sent.
            let took = Duration::from_secs(queued(&under_way) as u64) / (1 << 20);
            request_sizer.note(under_way.pop_front().unwrap(), took);
            if number > 10 {
                longest = longest.max(took);
            }
        }
        let two = Duration::from_secs(2 * batch as u64) / (1 << 20);
        // Requests double once too often before they shrink.
        let most = two + Duration::from_secs(3) / 2;
        assert!(longest <= most, "{batch}: {longest:?}");
    }
}

#[test]
fn a_line_that_stands_still_leaves_the_least() {
    let mut request_sizer = RequestSizer::default();
    request_sizer.note(1000, Duration::ZERO);
    for _ in 0..20 {
        request_sizer.note(MOST, Duration::from_secs(60));
        // Small requests that are quick say nothing about large ones.
        request_sizer.note(1000, Duration::ZERO);
    }
    assert_eq!(request_sizer.bytes(), LEAST);
}
