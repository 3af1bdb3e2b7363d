//! Middleware for changing requests: each runs to completion, and once per idempotency key.

use std::collections::VecDeque;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, oneshot};
use tokio::task::JoinSet;

use super::problem::Problem;

/// The limit of changes in progress; more than operators ever request at once.
const AT_ONCE: usize = 32;
/// The limits of remembered answers: their number, and the total of their bodies in bytes.
const REMEMBERED: usize = 1024;
const REMEMBERED_BYTES: usize = 4 << 20;
/// The longest idempotency key, in bytes.
const KEY_LENGTH: usize = 255;

/// The changes in progress, and the answers to those completed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    tasks: Mutex<JoinSet<()>>,
    answers: Mutex<VecDeque<Known>>,
}

/// A request identified by its key; kept in the order of arrival.
#[derive(Debug, Clone)]
struct Known {
    key: String,
    /// The hash of method, path and body.
    request: [u8; 32],
    answer: Arc<OnceCell<Saved>>,
}

/// A stored answer that can be replayed.
#[derive(Debug, Clone)]
struct Saved {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// Completes a change even if the client disconnects: a change half done would be worse than either outcome.
pub(super) async fn to_the_end(
    State(changes): State<Arc<Changes>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (done, answer) = oneshot::channel();
    {
        let mut tasks = changes.tasks.lock();
        while tasks.try_join_next().is_some() {}
        if tasks.len() >= AT_ONCE {
            let busy = format!("{AT_ONCE} changes are being made; wait for them");
            return Err(Problem::Unavailable(busy));
        }
        tasks.spawn(async move {
            // The client may be gone.
            let _ = done.send(next.run(request).await);
        });
    }
    answer.await.map_err(|_| Problem::Defect)
}

/// Replays the stored answer if a request with the same key has already succeeded.
pub(super) async fn once(
    State(changes): State<Arc<Changes>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let Some(key) = key(request.headers())? else {
        return Ok(next.run(request).await);
    };
    let (parts, body) = request.into_parts();
    let unreadable = |_| Problem::Malformed("the body was cut off".to_owned());
    let body = to_bytes(body, usize::MAX).await.map_err(unreadable)?;
    let known = changes.known(key, hash(&parts, &body))?;
    let request = Request::from_parts(parts, Body::from(body));
    let saved = known.answer.get_or_try_init(|| perform(request, next));
    match saved.await {
        Ok(saved) => {
            forget_oldest(&mut changes.answers.lock());
            Ok(saved.clone().into_response())
        }
        Err(refused) => Ok(refused),
    }
}

/// Runs the request. Only successes are stored: a refusal changed nothing, and a retry may succeed.
async fn perform(request: Request, next: Next) -> Result<Saved, Response> {
    let (parts, body) = next.run(request).await.into_parts();
    let body = to_bytes(body, usize::MAX).await;
    let body = body.map_err(|_| Problem::Defect.into_response())?;
    if !parts.status.is_success() {
        return Err(Response::from_parts(parts, Body::from(body)));
    }
    Ok(Saved {
        status: parts.status,
        headers: parts.headers,
        body,
    })
}

impl Changes {
    /// The entry for a request, existing or newly added.
    fn known(&self, key: String, request: [u8; 32]) -> Result<Known, Problem> {
        let mut answers = self.answers.lock();
        if let Some(at) = answers.iter().position(|known| known.key == key) {
            let known = &mut answers[at];
            if known.request != request {
                if known.answer.initialized() || Arc::strong_count(&known.answer) > 1 {
                    return Err(Problem::KeyReused);
                }
                known.request = request;
            }
            return Ok(known.clone());
        }
        let known = Known {
            key,
            request,
            answer: Arc::default(),
        };
        answers.push_back(known.clone());
        forget_oldest(&mut answers);
        Ok(known)
    }
}

fn forget_oldest(answers: &mut VecDeque<Known>) {
    let mut bytes: usize = answers.iter().map(Known::size).sum();
    while answers.len() > REMEMBERED || bytes > REMEMBERED_BYTES {
        let oldest = answers.pop_front();
        bytes -= oldest.as_ref().map_or(bytes, Known::size);
    }
}

impl Known {
    fn size(&self) -> usize {
        self.answer.get().map_or(0, |saved| saved.body.len())
    }
}

impl IntoResponse for Saved {
    fn into_response(self) -> Response {
        (self.status, self.headers, self.body).into_response()
    }
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = key.to_str().unwrap_or_default();
    if key.is_empty() || key.len() > KEY_LENGTH {
        let message = format!("Idempotency-Key: 1 to {KEY_LENGTH} printable ASCII characters");
        return Err(Problem::Malformed(message));
    }
    Ok(Some(key.to_owned()))
}

fn hash(parts: &axum::http::request::Parts, body: &Bytes) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in [parts.method.as_str(), "\n", parts.uri.path(), "\n"] {
        hash.update(part);
    }
    hash.update(body);
    hash.finalize().into()
}
