//! The middleware in front of handlers, with handlers that fail.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::ServiceExt;

use super::client::TOKEN;
use super::{access, wide};
use crate::api::router::{changing, guarded};

async fn ask(routes: &Router, method: &str, path: &str) -> (StatusCode, Value) {
    let token = format!("Bearer {TOKEN}");
    let request = Request::builder().method(method).uri(path);
    let request = request
        .header("Host", "farshore")
        .header("Authorization", token);
    let request = request.body(Body::empty()).unwrap();
    let answer = guarded(routes.clone(), access(), &wide())
        .oneshot(request)
        .await
        .unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

async fn broken() {
    panic!("secret");
}

#[tokio::test]
async fn a_panic_is_a_problem_without_its_text() {
    let routes = Router::new().route("/question", get(broken));
    let routes = routes.merge(changing(Router::new().route("/change", post(broken))));
    for (method, path) in [("GET", "/question"), ("POST", "/change")] {
        let (status, problem) = ask(&routes, method, path).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(problem["type"], "urn:farshore:problem:defect");
        assert!(!problem.to_string().contains("secret"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_takes_too_long_is_given_up() {
    let routes = Router::new().route("/question", get(std::future::pending::<()>));
    let (status, problem) = ask(&routes, "GET", "/question").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["type"], "urn:farshore:problem:unavailable");
}

#[tokio::test(start_paused = true)]
async fn a_plan_may_take_longer_than_other_changes() {
    let never = || post(std::future::pending::<()>);
    let routes = Router::new().route("/v1/plans", never());
    let routes = routes.route("/v1/verifications", never());
    let mut took = Vec::new();
    for path in ["/v1/plans", "/v1/verifications"] {
        let begun = tokio::time::Instant::now();
        let (status, _) = ask(&routes, "POST", path).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        took.push(begun.elapsed());
    }
    assert!(took[0] > 10 * took[1], "{took:?}");
}

/// A change that waits for a permit of the first semaphore, and adds one to the second when it is done.
fn slow_change() -> (Router, Arc<Semaphore>, Arc<Semaphore>) {
    let (gate, done) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let (before, after) = (Arc::clone(&gate), Arc::clone(&done));
    let change = move || async move {
        before.acquire().await.unwrap().forget();
        after.add_permits(1);
    };
    let routes = Router::new().route("/change", post(change));
    (changing(routes), gate, done)
}

#[tokio::test(start_paused = true)]
async fn a_change_is_finished_though_nobody_waits_for_it() {
    let (routes, gate, done) = slow_change();
    let second = Duration::from_secs(1);
    let given_up = timeout(second, ask(&routes, "POST", "/change"));
    assert!(given_up.await.is_err());
    assert_eq!(done.available_permits(), 0);
    gate.add_permits(1);
    let finished = timeout(second, done.acquire()).await;
    assert!(finished.is_ok());
}

#[tokio::test(start_paused = true)]
async fn too_many_changes_at_a_time_are_refused() {
    let (routes, gate, _) = slow_change();
    let asked = futures_util::future::join_all((0..33).map(|_| ask(&routes, "POST", "/change")));
    let (answers, ()) = tokio::join!(asked, async { gate.add_permits(32) });
    let count = |status| answers.iter().filter(|answer| answer.0 == status).count();
    assert_eq!(count(StatusCode::OK), 32);
    assert_eq!(count(StatusCode::SERVICE_UNAVAILABLE), 1);
}
