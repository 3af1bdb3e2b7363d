//! Why a byte stream to a broker ended.

use std::io;
use std::time::Duration;

use crate::error::Kind;

use super::frame::FrameError;
use super::tls::TlsFailure;

/// The longest time for which a broker is left alone. Brokers ask for as much as their quota windows last, 11 seconds by
/// default; a longer time is a mistake or damage.
pub(crate) const THROTTLE_MAX: Duration = Duration::from_secs(60);

/// What may be wrong if a broker closes a connection without any answer.
const SILENT: &str = "the listener may expect TLS or SASL (see security_protocol)";
/// The same for an encrypted connection.
const SILENT_TLS: &str = "the listener may expect SASL (see security_protocol) or a client certificate (see tls.cert_file)";

/// Why a stream ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StreamEnd {
    #[error("{0}")]
    Read(FrameError),
    #[error("there was not a single answer; {hint}")]
    Silent {
        #[source]
        cause: FrameError,
        hint: &'static str,
    },
    #[error("{0}")]
    Tls(#[source] io::Error),
    #[error("writing failed")]
    Write(#[source] io::Error),
    #[error("an answer carries correlation id {got} instead of {expected:?}")]
    Correlation { got: i32, expected: Option<i32> },
    #[error("an answer was overdue")]
    Overdue,
    #[error("an answer before cannot be read")]
    Unreadable,
    #[error(
        "the broker asked for silence for {0:?}; after {THROTTLE_MAX:?} a new connection is opened"
    )]
    Throttled(Duration),
    #[error("the right to write ended before everything was written")]
    NoRight,
    #[error("the connection was given up")]
    Abandoned,
}

impl StreamEnd {
    /// The end because of an error of reading.
    pub(crate) fn of(error: FrameError, answered: bool, is_encrypted: bool) -> Self {
        match error {
            FrameError::Io(error) if TlsFailure::is_in(&error) => Self::Tls(error),
            cause @ (FrameError::Closed | FrameError::Io(_)) if !answered => {
                let hint = if is_encrypted { SILENT_TLS } else { SILENT };
                Self::Silent { cause, hint }
            }
            error => Self::Read(error),
        }
    }

    /// `Protocol` if the peer has shown that it isn't a broker, `Disconnected` if a broker went away.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Read(FrameError::NotAFrame(_) | FrameError::TooLarge { .. })
            | Self::Correlation { .. } => Kind::Protocol,
            Self::Read(FrameError::Closed | FrameError::Cut | FrameError::Io(_))
            | Self::Silent { .. }
            | Self::Tls(_)
            | Self::Write(_)
            | Self::Overdue
            | Self::Unreadable
            | Self::Throttled(_)
            | Self::NoRight
            | Self::Abandoned => Kind::Disconnected,
        }
    }
}
