//! Routes to handlers, and the middleware in front of them.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::http::Uri;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use tower_http::catch_panic::CatchPanicLayer;

use super::access::Access;
use super::change::{Changes, once, to_the_end};
use super::limits::Limits;
use super::problem::Problem;
use super::rate::{self, Rates};
use super::state::ApiState;
use super::{
    acls, audit, document, explain, groups, guard, health, intents, links, operations, plans,
    readiness, resolve, topics, translate, verifications,
};

/// The router of the whole API, to be passed to [`serve`](super::serve).
pub fn router(state: Arc<ApiState>, access: Access, limits: &Limits) -> Router {
    let routes = questions().merge(changing(changes()));
    let routes = routes.route_layer(from_fn(guard::no_query));
    let routes = routes.merge(with_query());
    guarded(routes.with_state(state), access, limits)
}

/// Adds the middleware that every request passes.
pub(super) fn guarded(routes: Router, access: Access, limits: &Limits) -> Router {
    let rates = Arc::new(Rates::new(limits));
    let limits = Arc::new(limits.clone());
    routes
        .fallback(
            |uri: Uri| async move { Problem::NotFound(format!("nothing is at {}", uri.path())) },
        )
        .method_not_allowed_fallback(|| async { Problem::MethodNotAllowed })
        .layer(from_fn_with_state(Arc::clone(&limits), guard::time))
        .layer(from_fn_with_state(limits, guard::body))
        .layer(from_fn_with_state(Arc::new(access), guard::access))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(rates, rate::limit))
}

/// Adds the middleware that every change passes.
pub(super) fn changing<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    let changes = Arc::new(Changes::default());
    routes
        .route_layer(from_fn_with_state(Arc::clone(&changes), once))
        .route_layer(from_fn_with_state(changes, to_the_end))
}

fn questions() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/v1/links", get(links::list))
        .route("/v1/links/{link}", get(links::show))
        .route("/v1/links/{link}/readiness", get(readiness::show))
        .route("/v1/links/{link}/topics", get(topics::list))
        .route("/v1/links/{link}/topics/{topic}", get(topics::show))
        .route("/v1/links/{link}/groups", get(groups::list))
        .route("/v1/links/{link}/groups/{group}", get(groups::show))
        .route("/v1/links/{link}/acls", get(acls::show))
        .route("/v1/links/{link}/explain/{name}", get(explain::show))
        .route("/v1/translate", post(translate::translate))
        .route("/v1/plans/{id}", get(plans::show))
        .route("/v1/operations/{id}", get(operations::show))
        .route("/v1/verifications", get(verifications::list))
        .route("/v1/verifications/{id}", get(verifications::show))
        .route("/metrics", get(health::metrics))
        .route("/healthz", get(health::alive))
        .route("/openapi.json", get(document::show))
}

/// The addresses that take parameters in their query, and refuse unknown ones themselves.
fn with_query() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/v1/audit", get(audit::list))
        .route("/v1/plans", get(plans::list))
        .route("/v1/operations", get(operations::list))
        .route("/readyz", get(health::ready))
}

fn changes() -> Router<Arc<ApiState>> {
    Router::new()
        .route("/v1/links/{link}/pause", post(intents::pause))
        .route("/v1/links/{link}/resume", post(intents::resume))
        .route("/v1/links/{link}/intent", put(intents::set))
        .route("/v1/links/{link}/resolve", post(resolve::resolve))
        .route("/v1/links/{link}/groups/return", post(groups::give_back))
        .route("/v1/plans", post(plans::make))
        .route("/v1/operations", post(operations::start))
        .route("/v1/operations/{id}/cancel", post(operations::cancel))
        .route("/v1/verifications", post(verifications::order))
        .route("/v1/verifications/{id}/cancel", post(verifications::cancel))
}

/// The panic hook logs the panic's message; it isn't sent to the client.
fn panicked(_panic: Box<dyn Any + Send>) -> Response {
    Problem::Defect.into_response()
}
