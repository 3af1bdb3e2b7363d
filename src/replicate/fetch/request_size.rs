//! The size of requests, chosen so that none waits long for those before it.
//!
//! Pure. On a slow connection or with a slow broker, small requests wait for large ones. So requests shrink while their
//! answers take a quarter of a second longer than the fastest one did, and double again while they are quick. Smaller
//! requests don't help against a long round trip: where even the smallest take longer, the shortest time is slowly
//! forgotten. That larger ones take longer says nothing: they wait for each other.

use std::time::Duration;

/// How much longer than the fastest an answer may take.
const PATIENCE: Duration = Duration::from_millis(250);
/// The shortest time moves by one part in this many towards each longer one of the smallest requests.
const MEMORY: u32 = 64;
/// The least size, in bytes: smaller requests cost brokers more than they carry.
const LEAST: usize = 64 * 1024;
/// The first size, in bytes; small because only small requests show how long a round trip is.
const FIRST: usize = 256 * 1024;

/// The size of requests on one connection.
#[derive(Debug)]
pub(crate) struct RequestSizer {
    bytes: usize,
    shortest: Option<Duration>,
}

impl Default for RequestSizer {
    fn default() -> Self {
        Self {
            bytes: FIRST,
            shortest: None,
        }
    }
}

impl RequestSizer {
    /// Returns how many bytes the next request may carry.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Records how long the answer to a request of `bytes` took.
    pub(crate) fn note(&mut self, bytes: usize, took: Duration) {
        let Some(shortest) = self.shortest else {
            self.shortest = Some(took);
            return;
        };
        let over = took.saturating_sub(shortest);
        // The smallest requests don't grow until the shortest time has caught up: it adapts only at that size.
        let quick = PATIENCE / if self.bytes == LEAST { 8 } else { 2 };
        if over.is_zero() {
            self.shortest = Some(took);
        } else if self.bytes == LEAST {
            self.shortest = Some(shortest + over / MEMORY);
        }
        if over > PATIENCE {
            self.bytes = (self.bytes / 2).max(LEAST);
        } else if over < quick {
            let carried = bytes.min(self.bytes);
            self.bytes = self.bytes.max(carried.saturating_mul(2));
        }
    }
}

#[cfg(test)]
mod tests {
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
}
