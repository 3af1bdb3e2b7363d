//! The ACLs of a link's mirror topics, as of the last look.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::contract::AclStatus;
use crate::model::LinkName;

use super::extract::Segments;
use super::problem::Problem;
use super::state::ApiState;

/// `GET /v1/links/{link}/acls`
pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
) -> Result<Json<AclStatus>, Problem> {
    let handle = state.link(&link)?;
    handle.require_owner()?;
    Ok(Json(AclStatus::clone(&handle.acls.status())))
}
