//! Puts answers back into the order of their requests.
//!
//! Pure. A broker answers the requests of one connection in order, but futures that complete together are yielded in any
//! order. A partition's window takes answers oldest first, so a later one processed earlier would look like a foreign write.

use std::collections::BTreeMap;

/// The outstanding requests of one connection.
#[derive(Debug)]
pub(crate) struct ResponseOrder<T> {
    /// The number of the next request.
    next: u64,
    /// The number of the request whose answer is due.
    due: u64,
    /// Answers that were received before their turn.
    early: BTreeMap<u64, T>,
}

impl<T> Default for ResponseOrder<T> {
    fn default() -> Self {
        Self {
            next: 0,
            due: 0,
            early: BTreeMap::new(),
        }
    }
}

impl<T> ResponseOrder<T> {
    /// Returns the number for a request that is being sent.
    pub(crate) fn send(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Returns how many requests haven't had their turn yet.
    pub(crate) fn outstanding(&self) -> u64 {
        self.next - self.due
    }

    /// Takes an answer, and returns all answers whose turn it is now.
    pub(crate) fn arrive(&mut self, number: u64, answer: T) -> Vec<T> {
        self.early.insert(number, answer);
        let mut in_turn = Vec::new();
        while let Some(answer) = self.early.remove(&self.due) {
            self.due += 1;
            in_turn.push(answer);
        }
        in_turn
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn answers_have_their_turns_whatever_order_they_arrive_in(
            order in Just((0..20_u64).collect::<Vec<_>>()).prop_shuffle()
        ) {
            let mut responses = ResponseOrder::default();
            for number in 0..20 {
                prop_assert_eq!(responses.send(), number);
            }
            let mut seen = Vec::new();
            for number in order {
                seen.extend(responses.arrive(number, number));
                prop_assert_eq!(responses.outstanding(), 20 - seen.len() as u64);
            }
            prop_assert_eq!(seen, (0..20).collect::<Vec<_>>());
        }
    }
}
