//! Plans of failovers and switchovers.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;

use super::audit::Part;
use super::extract::{Asked, Body, Segments};
use super::problem::Problem;
use super::state::ApiState;
use crate::contract::{AllowLoss, Plan, PlanRequest, PlanSummary};
use crate::failover::plan::MoveKind;
use crate::failover::runner;

/// `POST /v1/plans`
pub(super) async fn make(
    State(state): State<Arc<ApiState>>,
    Body(request): Body<PlanRequest>,
) -> Result<impl IntoResponse, Problem> {
    state.link(&request.link)?.require_owner()?;
    let allow_loss = match (request.kind, request.allow_loss) {
        (MoveKind::Failover, Some(AllowLoss::Any(false))) => {
            let message = "allow_loss: a failover leaves behind what the target doesn't have; plan a switchover, which loses nothing";
            return Err(Problem::Malformed(message.to_owned()));
        }
        (MoveKind::Switchover, Some(AllowLoss::UpTo(_))) => {
            let message = "allow_loss: a switchover loses nothing, so there is nothing to limit";
            return Err(Problem::Malformed(message.to_owned()));
        }
        (_, Some(AllowLoss::UpTo(limit))) => Some(limit),
        (_, Some(AllowLoss::Any(_)) | None) => None,
    };
    let request = runner::MoveRequest {
        kind: request.kind,
        link: request.link,
        groups: request.groups,
        groups_exclude: request.groups_exclude,
        topics: request.topics,
        allow_loss,
    };
    let plan = state.moves.plan(&request).await?;
    let location = [(LOCATION, format!("/v1/plans/{}", plan.id))];
    Ok((StatusCode::CREATED, location, Json(plan)))
}

/// `GET /v1/plans`
pub(super) async fn list(
    State(state): State<Arc<ApiState>>,
    Asked(part): Asked<Part>,
) -> Result<Json<Vec<PlanSummary>>, Problem> {
    let mut plans = state.moves.plans()?;
    plans.truncate(part.limit());
    Ok(Json(plans))
}

/// `GET /v1/plans/{id}`
pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    Segments(id): Segments<String>,
) -> Result<Json<Plan>, Problem> {
    let plan = state.moves.find_plan(&id)?;
    let unknown = || Problem::NotFound(format!("there is no plan {id}"));
    plan.map(Json).ok_or_else(unknown)
}
