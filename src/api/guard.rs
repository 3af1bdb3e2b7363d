//! Middleware that every request passes: access, body limits, timeout.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::access::{Access, Verdict};
use super::limits::Limits;
use super::problem::Problem;

/// Rejects requests that [`Access`] doesn't allow.
pub(super) async fn access(
    State(access): State<Arc<Access>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match access.judge(request.method(), request.uri(), request.headers()) {
        Verdict::Allowed => Ok(next.run(request).await),
        Verdict::ForeignHost => Err(Problem::ForeignHost),
        Verdict::ForeignOrigin => Err(Problem::ForeignOrigin),
        Verdict::Unauthorized => Err(Problem::Unauthorized),
    }
}

/// Rejects parameters at addresses that take none: ignoring them would answer another question than was asked.
pub(super) async fn no_query(request: Request, next: Next) -> Result<Response, Problem> {
    match request.uri().query() {
        None | Some("") => Ok(next.run(request).await),
        Some(query) => {
            let first = query.split(['&', '=']).next().unwrap_or_default();
            let message = format!("unknown query parameter `{first}`: this address takes none");
            Err(Problem::Malformed(message))
        }
    }
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
