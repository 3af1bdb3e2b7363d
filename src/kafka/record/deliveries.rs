//! Where the records of a transaction landed, as librdkafka reports it record by record.

use parking_lot::Mutex;
use rdkafka::client::{ClientContext, OAuthToken};
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;
use rdkafka::types::RDKafkaErrorCode;

use super::client::{note, note_error};
use super::token_supply::TokenSupply;
use crate::error::BrokerCode;
use crate::model::{TargetOffset, sequence_of};

/// The low bits of a report's label: the record's number within its part; the bits above are the index of the part.
const NUMBER_BITS: u32 = 32;

/// The outcome of one part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Delivery {
    /// The offset of its first record.
    pub(super) first: Option<i64>,
    /// How many of its records are consecutive from there on.
    pub(super) count: usize,
    /// Whether a record landed elsewhere.
    pub(super) astray: bool,
    /// Why a record was refused, if one was.
    pub(super) refused: Option<(Option<BrokerCode>, String)>,
}

impl Delivery {
    /// Adds a delivered record by its number within the part.
    pub(super) fn record(&mut self, number: usize, offset: i64) {
        let first = *self.first.get_or_insert(offset);
        let follows =
            number == self.count && i64::try_from(number).is_ok_and(|it| first + it == offset);
        self.astray |= !follows || offset < 0;
        self.count += 1;
    }

    /// Adds a refusal. The first refusal is the cause of later ones; but a broker's error for one record takes
    /// precedence over librdkafka's errors for the others of its batch, whatever their order.
    fn refuse(&mut self, code: Option<BrokerCode>, text: String) {
        let is_cause = match &self.refused {
            None => true,
            Some((known, _)) => known.is_none() && code.is_some(),
        };
        if is_cause {
            self.refused = Some((code, text));
        }
    }

    /// Whether the whole part is in place according to its base sequence number: the offset modulo 2^31.
    pub(super) fn is_in_place(&self, base_sequence: i32, records: usize) -> bool {
        let first = self.first.map(|first| sequence_of(TargetOffset(first)));
        !self.astray && self.count == records && first == Some(base_sequence)
    }
}

/// The reports of the transaction in progress, and the supply of tokens.
#[derive(Debug)]
pub(super) struct Deliveries {
    parts: Mutex<Vec<Delivery>>,
    pub(super) tokens: TokenSupply,
}

impl Deliveries {
    /// Expects no reports yet.
    pub(super) fn new(tokens: TokenSupply) -> Self {
        Self {
            parts: Mutex::default(),
            tokens,
        }
    }

    /// Starts a transaction with `parts` parts.
    pub(super) fn expect(&self, parts: usize) {
        *self.parts.lock() = vec![Delivery::default(); parts];
    }

    /// Takes the outcomes of the parts.
    pub(super) fn take(&self) -> Vec<Delivery> {
        std::mem::take(&mut self.parts.lock())
    }

    /// The label that librdkafka returns with a record's report.
    pub(super) fn label(part: usize, number: usize) -> usize {
        part << NUMBER_BITS | number
    }
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn generate_oauth_token(
        &self,
        _configured: Option<&str>,
    ) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.tokens.token()
    }

    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        note(facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        note_error(&error, reason);
        self.tokens.heard(&error);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, label: usize) {
        let (part, number) = (label >> NUMBER_BITS, label & ((1 << NUMBER_BITS) - 1));
        let mut landed = self.parts.lock();
        let Some(landed) = landed.get_mut(part) else {
            return;
        };
        match result {
            Ok(message) => landed.record(number, message.offset()),
            Err((error, _)) => landed.refuse(broker_code(error), error.to_string()),
        }
    }
}

/// The code with which a broker refused a record; `None` if the refusal didn't come from a broker.
pub(super) fn broker_code(error: &KafkaError) -> Option<BrokerCode> {
    let code: RDKafkaErrorCode = error.rdkafka_error_code()?;
    let number = i16::try_from(code as i32).ok()?;
    (number > 0).then_some(BrokerCode(number))
}

#[cfg(test)]
mod tests;
