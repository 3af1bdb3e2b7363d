//! What an answer to an append proves, and what a failed append means. Pure.

use std::ops::Range;

use crate::error::{Error, Kind};

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

/// A batch that isn't in the log, or isn't known to be.
#[derive(Debug)]
pub(crate) struct NotAppended {
    pub(crate) why: AppendFailure,
    pub(crate) error: Error,
}

/// What a failed append means for the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AppendFailure {
    /// The broker has seen a later epoch of this producer.
    Fenced,
    /// The batch doesn't continue the log: the log lost its tail, its topic was replaced, or another batch has its sequence
    /// numbers.
    OutOfPlace,
    /// The broker doesn't know the topic, which may be temporary if it has just started.
    Missing,
    /// Possibly temporary, and possibly appended.
    Unknown,
}

impl NotAppended {
    /// The failure of a batch that doesn't continue the log.
    pub(crate) fn out_of_place(message: String) -> Self {
        let error = Error::new(Kind::Refused, message);
        let why = AppendFailure::OutOfPlace;
        Self { why, error }
    }
}

impl From<Error> for NotAppended {
    fn from(error: Error) -> Self {
        let why = match error.code().map(|code| code.0) {
            // INVALID_PRODUCER_EPOCH, PRODUCER_FENCED
            Some(47 | 90) => AppendFailure::Fenced,
            // OUT_OF_ORDER_SEQUENCE_NUMBER, UNKNOWN_PRODUCER_ID
            Some(45 | 59) => AppendFailure::OutOfPlace,
            // UNKNOWN_TOPIC_OR_PARTITION, UNKNOWN_TOPIC_ID
            Some(3 | 100) => AppendFailure::Missing,
            _ => AppendFailure::Unknown,
        };
        Self { why, error }
    }
}

#[cfg(test)]
mod tests;
