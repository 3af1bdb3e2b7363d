//! The consumer groups of a link, as of the last group sync.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::contract::GroupAnswer;
use crate::model::{GroupId, LinkName};

use super::extract::Segments;
use super::problem::Problem;
use super::state::ApiState;

/// `GET /v1/links/{link}/groups`
pub(super) async fn list(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
) -> Result<Json<Vec<GroupAnswer>>, Problem> {
    let handle = state.link(&link)?;
    handle.require_owner()?;
    let groups = handle.groups.groups().into_iter();
    let answer = |(group, status)| GroupAnswer { group, status };
    Ok(Json(groups.map(answer).collect()))
}

/// `GET /v1/links/{link}/groups/{group}`
pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    Segments((link, group)): Segments<(LinkName, GroupId)>,
) -> Result<Json<GroupAnswer>, Problem> {
    let handle = state.link(&link)?;
    handle.require_owner()?;
    let status = handle.groups.group(&group).ok_or_else(|| {
        let because = handle.because_of_group(&group);
        Problem::NotFound(format!(
            "group sync of link {link} has not seen group {group}{because}"
        ))
    })?;
    Ok(Json(GroupAnswer { group, status }))
}
