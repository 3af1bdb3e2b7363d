//! Operations: the execution of plans.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;

use super::audit::{Change, Part};
use super::extract::{Asked, Body, Nothing, Peer, Segments};
use super::problem::Problem;
use super::state::ApiState;
use crate::checkpoint::Update;
use crate::contract::{OperationAnswer, OperationRequest, OperationSummary, Plan};
use crate::failover::operation::Operation;

/// `POST /v1/operations`
pub(super) async fn start(
    State(state): State<Arc<ApiState>>,
    peer: Peer,
    Body(agreed): Body<OperationRequest>,
) -> Result<impl IntoResponse, Problem> {
    let note = |update: &mut Update, plan: &Plan| {
        let change = Change {
            action: "apply",
            link: &plan.link,
            plan: Some(&plan.id),
            release: None,
            from: peer.0,
        };
        state.note(update, &change);
    };
    let operation = state.moves.start(&agreed.plan_id, &agreed.plan_hash, note);
    let operation = operation.await?;
    let location = [(LOCATION, format!("/v1/operations/{}", operation.id))];
    let answer = Json(OperationAnswer::from(&*operation));
    Ok((StatusCode::ACCEPTED, location, answer))
}

/// `POST /v1/operations/{id}/cancel`
pub(super) async fn cancel(
    State(state): State<Arc<ApiState>>,
    Segments(id): Segments<String>,
    peer: Peer,
    Nothing: Nothing,
) -> Result<Json<OperationAnswer>, Problem> {
    let by = format!("a request from {}", peer.0);
    let operation = state.moves.cancel(&id, &by).await?;
    let mut update = Update::lazy();
    let change = Change {
        action: "cancel",
        link: &operation.plan.link,
        plan: Some(&operation.plan.id),
        release: None,
        from: peer.0,
    };
    state.note(&mut update, &change);
    state.store.commit(update).await?;
    Ok(Json(OperationAnswer::from(&*operation)))
}

/// `GET /v1/operations`
pub(super) async fn list(
    State(state): State<Arc<ApiState>>,
    Asked(part): Asked<Part>,
) -> Result<Json<Vec<OperationSummary>>, Problem> {
    let mut operations = state.moves.operations()?;
    operations.truncate(part.limit());
    Ok(Json(operations))
}

/// `GET /v1/operations/{id}`
pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    Segments(id): Segments<String>,
) -> Result<Json<OperationAnswer>, Problem> {
    let operation = state.moves.operation(&id)?;
    let unknown = || Problem::NotFound(format!("there is no operation {id}"));
    let operation = operation.ok_or_else(unknown)?;
    Ok(Json(OperationAnswer::from(&*operation)))
}

impl From<&Operation> for OperationAnswer {
    fn from(operation: &Operation) -> Self {
        let (phase, plan) = (&operation.phase, &operation.plan);
        Self {
            summary: OperationSummary::from(operation),
            plan_id: plan.id.clone(),
            plan_hash: plan.hash.clone(),
            blockers: phase.blockers().to_vec(),
            groups: phase.moves().filter(|_| phase.is_last()).cloned(),
        }
    }
}
