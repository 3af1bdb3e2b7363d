//! Refusals (RFC 9457): the only place that maps the reason for a refusal to a status.

use std::time::Duration;

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::contract::{Blocker, ProblemAnswer};
use crate::error::{Error, Kind};
use crate::failover::runner::{NotCancelled, NotStarted};
use crate::replicate::Holdings;

/// The media type of RFC 9457.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";
/// The prefix of a problem's code in its `type`.
const TYPE_PREFIX: &str = "urn:farshore:problem:";

/// The reason why a request is refused.
#[derive(Debug)]
pub(super) enum Problem {
    /// It can't be parsed, or a value is invalid.
    Malformed(String),
    /// It has no token, or a wrong one.
    Unauthorized,
    /// It is addressed to a name that isn't known as this machine's.
    ForeignHost,
    /// It would change something, and comes from a page of another site in a browser.
    ForeignOrigin,
    /// It names something that doesn't exist.
    NotFound(String),
    /// The resource exists but doesn't support the method.
    MethodNotAllowed,
    /// Its body didn't arrive in time.
    SlowBody,
    /// The plan is no longer what was agreed to.
    StalePlan(String),
    /// Its idempotency key was used for another request.
    KeyReused,
    /// The current state doesn't allow it.
    Conflict(String),
    /// Other records would be deleted than was agreed to.
    Discards(Holdings),
    /// These blockers prevent the move.
    Blocked(Vec<Blocker>),
    /// Its body is larger than this many bytes.
    TooLarge(usize),
    /// Its body isn't declared as JSON.
    NotJson,
    /// This operation holds the link.
    LinkBusy(String),
    /// The client has to wait this long.
    TooManyRequests(Duration),
    /// Its client has too many connections.
    TooManyConnections,
    /// A bug: a handler panicked.
    Defect,
    /// It can't be served now, for this reason.
    Unavailable(String),
}

impl Problem {
    /// The HTTP status; the same for every problem of a kind.
    fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::ForeignHost | Self::ForeignOrigin => StatusCode::FORBIDDEN,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::StalePlan(_) | Self::KeyReused | Self::Conflict(_) | Self::Discards(_) => {
                StatusCode::CONFLICT
            }
            Self::Blocked(_) => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::LinkBusy(_) => StatusCode::LOCKED,
            Self::TooManyRequests(_) | Self::TooManyConnections => StatusCode::TOO_MANY_REQUESTS,
            Self::Defect => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The code and title; the same for every problem of a kind.
    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Self::Malformed(_) => ("malformed", "The request is not understood"),
            Self::Unauthorized => ("unauthorized", "The request has no valid token"),
            Self::ForeignHost => ("foreign_host", "The service isn't known under this name"),
            Self::ForeignOrigin => (
                "foreign_origin",
                "Pages of other sites may not change anything here",
            ),
            Self::NotFound(_) => ("not_found", "Not found"),
            Self::MethodNotAllowed => (
                "method_not_allowed",
                "The resource doesn't support this method",
            ),
            Self::SlowBody => ("slow_body", "The request's body didn't arrive in time"),
            Self::StalePlan(_) => ("stale_plan", "The plan is stale"),
            Self::KeyReused => (
                "key_reused",
                "The idempotency key stands for another request",
            ),
            Self::Conflict(_) => ("conflict", "The state of things doesn't allow it"),
            Self::Discards(_) => (
                "discards",
                "The records to be deleted aren't as many as was agreed to",
            ),
            Self::Blocked(_) => ("blocked", "Something stands against the move"),
            Self::TooLarge(_) => ("too_large", "The request's body is too large"),
            Self::NotJson => ("not_json", "The request's body is not declared as JSON"),
            Self::LinkBusy(_) => ("link_busy", "Another operation holds the link"),
            Self::TooManyRequests(_) => ("too_many_requests", "Too many requests"),
            Self::TooManyConnections => ("too_many_connections", "Too many connections"),
            Self::Defect => ("defect", "A defect of farshore"),
            Self::Unavailable(_) => ("unavailable", "It can't be done now"),
        }
    }

    /// The body of the refusal.
    pub(super) fn answer(&self) -> ProblemAnswer {
        let (code, title) = self.kind();
        ProblemAnswer {
            r#type: format!("{TYPE_PREFIX}{code}"),
            title: title.to_owned(),
            status: self.status().as_u16(),
            detail: self.detail(),
            blockers: match self {
                Self::Blocked(blockers) => Some(blockers.clone()),
                _ => None,
            },
            discards: match self {
                Self::Discards(held) => Some(*held),
                _ => None,
            },
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::Malformed(detail)
            | Self::NotFound(detail)
            | Self::StalePlan(detail)
            | Self::Conflict(detail)
            | Self::Unavailable(detail) => detail.clone(),
            Self::Unauthorized => {
                "send Authorization: Bearer and the token in the service's [api] token_file"
                    .to_owned()
            }
            Self::ForeignHost => {
                "the Host header has to be an IP address, localhost, or one of [api] hosts"
                    .to_owned()
            }
            Self::ForeignOrigin => {
                "the Origin header names another host than the Host header".to_owned()
            }
            Self::MethodNotAllowed => "the Allow header lists the methods it supports".to_owned(),
            Self::SlowBody => "send the whole body at once".to_owned(),
            Self::KeyReused => "use a new Idempotency-Key for every new request".to_owned(),
            Self::Discards(held) => discards(held),
            Self::Blocked(blockers) => format!(
                "{} of them; remove what the blockers name and make a new plan",
                blockers.len()
            ),
            Self::TooLarge(limit) => format!("at most {limit} bytes are read"),
            Self::NotJson => "send it with Content-Type: application/json".to_owned(),
            Self::LinkBusy(operation) => format!("wait until operation {operation} is done"),
            Self::TooManyRequests(wait) => {
                format!(
                    "wait {} s, as the Retry-After header says",
                    whole_seconds(*wait)
                )
            }
            Self::TooManyConnections => {
                "close some of them; this one answers /healthz and /readyz".to_owned()
            }
            Self::Defect => "the service's log has the location; please report it".to_owned(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error.kind() {
            Kind::Invalid => Self::Malformed(error.chain()),
            Kind::Refused => Self::Conflict(error.chain()),
            Kind::Disconnected
            | Kind::TimedOut
            | Kind::Protocol
            | Kind::Broker(_)
            | Kind::Store
            | Kind::Stopping => Self::Unavailable(error.chain()),
        }
    }
}

impl From<NotStarted> for Problem {
    fn from(why: NotStarted) -> Self {
        match why {
            NotStarted::UnknownPlan => Self::NotFound(why.to_string()),
            NotStarted::Stale(_) => Self::StalePlan(why.to_string()),
            NotStarted::Blocked(blockers) => Self::Blocked(blockers),
            NotStarted::Busy(operation) => Self::LinkBusy(operation),
            NotStarted::Failed(error) => error.into(),
        }
    }
}

impl From<NotCancelled> for Problem {
    fn from(why: NotCancelled) -> Self {
        match why {
            NotCancelled::Unknown => Self::NotFound(why.to_string()),
            NotCancelled::TooLate(_) => Self::Conflict(why.to_string()),
            NotCancelled::Elsewhere => Self::Unavailable(why.to_string()),
            NotCancelled::Failed(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(self.answer())).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        match self {
            Self::TooManyRequests(wait) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
            }
            Self::Unauthorized => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

/// What the number of records that would be deleted means for a request that named none or another one.
pub(super) fn discards(held: &Holdings) -> String {
    match held.described() {
        Some(what) => format!(
            "the mirror topic holds {what}; look at them and name their number to delete them (discard = {})",
            held.only_there
        ),
        None => {
            "the mirror topic holds no records that exist only there: leave out discard".to_owned()
        }
    }
}

/// The whole seconds, rounded up and at least one: the `Retry-After` header has no fractions.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.is_zero())
}
