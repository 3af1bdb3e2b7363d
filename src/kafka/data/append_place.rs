//! What an answer to an append proves, and what a failed append means. Pure.

use std::ops::Range;

use crate::error::{BrokerCode, Error};

/// What is known about a batch's place before it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendPlace {
    /// This offset, which follows the producer's last batch. No other batch was ever sent with the same producer id, epoch
    /// and sequence numbers.
    Next(i64),
    /// Not certain: former processes used the same producer id and epoch, and their requests may still arrive. A broker
    /// compares sequence numbers, not contents.
    Contested,
}

impl AppendPlace {
    /// Returns the offsets to read before a batch of `records`, acknowledged at `offset`, counts as appended; `None` if the
    /// log ended before its place.
    pub(crate) fn to_read(self, offset: i64, records: i32) -> Option<Range<i64>> {
        match self {
            Self::Next(place) => (offset >= place).then_some(place..offset),
            Self::Contested => Some(offset..offset + i64::from(records)),
        }
    }
}

/// Why a batch isn't in the log, or isn't known to be.
#[derive(Debug)]
pub(crate) enum NotAppended {
    /// The broker has seen a later epoch of this producer.
    Fenced(Error),
    /// The batch doesn't continue the log: the log lost its tail, its topic was replaced, or another batch has its sequence
    /// numbers.
    OutOfPlace(Error),
    /// The broker doesn't know the topic, which may be temporary if it has just started.
    Missing(Error),
    /// Possibly temporary, and possibly appended.
    Unknown(Error),
}

impl NotAppended {
    /// Classifies the error code of a produce response.
    pub(crate) fn of(code: BrokerCode, error: Error) -> Self {
        match code.0 {
            // INVALID_PRODUCER_EPOCH, PRODUCER_FENCED
            47 | 90 => Self::Fenced(error),
            // OUT_OF_ORDER_SEQUENCE_NUMBER, UNKNOWN_PRODUCER_ID
            45 | 59 => Self::OutOfPlace(error),
            // UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID
            3 | 100 => Self::Missing(error),
            _ => Self::Unknown(error),
        }
    }
}

impl From<Error> for NotAppended {
    fn from(error: Error) -> Self {
        match error.code() {
            Some(code) => Self::of(code, error),
            None => Self::Unknown(error),
        }
    }
}

impl From<NotAppended> for Error {
    fn from(failed: NotAppended) -> Self {
        match failed {
            NotAppended::Fenced(error)
            | NotAppended::OutOfPlace(error)
            | NotAppended::Missing(error)
            | NotAppended::Unknown(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_batch_behind_its_producers_last_one_is_proven_by_its_place() {
        let next = |offset| AppendPlace::Next(7).to_read(offset, 3);
        assert_eq!(next(7), Some(7..7));
        // Others' batches lie in between.
        assert_eq!(next(9), Some(7..9));
        assert_eq!(next(6), None);
    }

    #[test]
    fn a_contested_place_is_read_back_wherever_it_is() {
        for offset in [0, 6, 9] {
            let read = AppendPlace::Contested.to_read(offset, 3);
            assert_eq!(read, Some(offset..offset + 3));
        }
    }

    #[test]
    fn each_code_says_whether_to_send_the_batch_again() {
        let failed =
            |code| NotAppended::from(Error::new(Kind::Broker(BrokerCode(code)), "refused"));
        assert!(
            [47, 90]
                .map(failed)
                .iter()
                .all(|it| matches!(it, NotAppended::Fenced(_)))
        );
        assert!(
            [45, 59]
                .map(failed)
                .iter()
                .all(|it| matches!(it, NotAppended::OutOfPlace(_)))
        );
        assert!(
            [3, 100]
                .map(failed)
                .iter()
                .all(|it| matches!(it, NotAppended::Missing(_)))
        );
        // NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS_AFTER_APPEND, MESSAGE_TOO_LARGE
        assert!(
            [6, 20, 10]
                .map(failed)
                .iter()
                .all(|it| matches!(it, NotAppended::Unknown(_)))
        );
        let silent = NotAppended::from(Error::new(Kind::Disconnected, "no answer"));
        assert!(matches!(silent, NotAppended::Unknown(_)));
        assert_eq!(Error::from(failed(45)).code(), Some(BrokerCode(45)));
    }
}
