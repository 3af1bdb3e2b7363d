//! How many bytes a request may carry, so that nobody waits long for those before it.
//!
//! Pure. Where a line or a broker is slow, large requests are what small ones wait for. So requests shrink while their answers take
//! a quarter of a second longer than the shortest one did, and grow again while they are quick. What takes long for the length of the way isn't mended by
//! shorter steps: the shortest time is forgotten slowly, for lines that became longer.

use std::time::Duration;

/// How much longer than the shortest an answer may take.
const PATIENCE: Duration = Duration::from_millis(250);
/// The shortest time moves by one in so many towards each longer one.
const MEMORY: u32 = 64;
/// It never shrinks below this, in bytes: smaller requests cost brokers more than they carry.
const LEAST: usize = 64 * 1024;
/// It begins here, in bytes, because only small requests tell how long the way is.
const FIRST: usize = 256 * 1024;

/// The size of requests of one connection.
#[derive(Debug)]
pub(crate) struct Stride {
    bytes: usize,
    shortest: Option<Duration>,
}

impl Default for Stride {
    fn default() -> Self {
        Self {
            bytes: FIRST,
            shortest: None,
        }
    }
}

impl Stride {
    /// How many bytes the next request may carry, by what its connection was seen to carry.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Notes how long the answer to a request took that carried so many bytes.
    pub(crate) fn note(&mut self, bytes: usize, took: Duration) {
        let shortest = match self.shortest {
            Some(shortest) if shortest < took => shortest + took.saturating_sub(shortest) / MEMORY,
            Some(_) | None => took,
        };
        let over = took.saturating_sub(self.shortest.unwrap_or(took));
        self.shortest = Some(shortest);
        if over > PATIENCE {
            self.bytes = (self.bytes / 2).max(LEAST);
        } else if over < PATIENCE / 2 {
            self.bytes = self.bytes.max(bytes.saturating_mul(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: usize = 8 << 20;

    /// What a line of some length and width makes of full requests that follow each other.
    fn after(stride: &mut Stride, requests: usize, way: Duration, bytes_per_second: u32) -> usize {
        for _ in 0..requests {
            let bytes = stride.bytes().min(MOST);
            let carrying = Duration::from_secs(bytes as u64) / bytes_per_second;
            stride.note(bytes, way + carrying);
        }
        stride.bytes().min(MOST)
    }

    #[test]
    fn requests_shrink_on_a_narrow_line_and_grow_on_a_wide_one() {
        let mut stride = Stride::default();
        let way = Duration::from_millis(1);
        let narrow = after(&mut stride, 20, way, 1_000_000);
        assert!((LEAST..=512 << 10).contains(&narrow), "{narrow}");
        assert_eq!(after(&mut stride, 20, way, 1_000_000_000), MOST);
        let narrow = after(&mut stride, 20, way, 1_000_000);
        assert!((LEAST..=512 << 10).contains(&narrow), "{narrow}");
    }

    #[test]
    fn the_length_of_the_way_is_no_reason() {
        let mut stride = Stride::default();
        let (long, longer) = (Duration::from_secs(2), Duration::from_secs(4));
        assert_eq!(after(&mut stride, 6, long, 1_000_000_000), MOST);
        // A way that became longer is taken for a narrow one at first.
        assert!(after(&mut stride, 20, longer, 1_000_000_000) < MOST);
        assert_eq!(after(&mut stride, 400, longer, 1_000_000_000), MOST);
    }

    #[test]
    fn a_line_that_stands_still_leaves_the_least() {
        let mut stride = Stride::default();
        stride.note(1000, Duration::ZERO);
        for _ in 0..20 {
            stride.note(MOST, Duration::from_secs(60));
            // Small requests that are quick tell nothing of large ones.
            stride.note(1000, Duration::ZERO);
        }
        assert_eq!(stride.bytes(), LEAST);
    }
}
