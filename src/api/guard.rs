//! Middleware that every request passes: origin check, body limits, timeout.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, HOST, ORIGIN};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::limits::Limits;
use super::problem::Problem;

/// Rejects cross-site requests from browsers: the address may be loopback even though the page isn't local.
pub(super) async fn origin(request: Request, next: Next) -> Result<Response, Problem> {
    if request.method().is_safe() || is_own(request.headers()) {
        Ok(next.run(request).await)
    } else {
        Err(Problem::ForeignOrigin)
    }
}

/// Whether the `Origin` header is absent, as in requests of programs, or matches the `Host` header.
fn is_own(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok();
    let authority = origin.and_then(|origin| origin.split_once("://"));
    authority.is_some_and(|(_, authority)| Some(authority) == host)
}

/// Reads the whole body within its limits of size and time, so that handlers never wait for a client.
pub(super) async fn body(
    State(limits): State<Arc<Limits>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if declared_length(&parts.headers) > limits.max_body as u64 {
        return Err(Problem::TooLarge(limits.max_body));
    }
    let read = timeout(limits.timeout, whole(body, limits.max_body)).await;
    let body = read.map_err(|_| Problem::SlowBody)??;
    let request = Request::from_parts(parts, Body::from(body));
    Ok(next.run(request).await)
}

/// Answers 503 if the handler exceeds the timeout.
pub(super) async fn time(
    State(limits): State<Arc<Limits>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let limit = limits.answer_within(request.uri().path());
    let answer = timeout(limit, next.run(request)).await;
    answer.map_err(|_| {
        Problem::Unavailable(format!(
            "no answer within {limit:?}; a change may still happen: repeat it with the same Idempotency-Key"
        ))
    })
}

fn declared_length(headers: &HeaderMap) -> u64 {
    let length = headers.get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok());
    length
        .and_then(|length| length.parse().ok())
        .unwrap_or_default()
}

async fn whole(body: Body, max: usize) -> Result<Bytes, Problem> {
    let mut pieces = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(piece) = pieces.next().await {
        let broken =
            |error: axum::Error| Problem::Malformed(format!("the body was cut off: {error}"));
        let piece = piece.map_err(broken)?;
        if whole.len() + piece.len() > max {
            return Err(Problem::TooLarge(max));
        }
        whole.extend_from_slice(&piece);
    }
    Ok(whole.into())
}
