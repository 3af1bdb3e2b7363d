//! The consumer groups of a link, as of the last group sync.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use crate::contract::GroupAnswer;
use crate::control::groups::status::{GroupStatus, SourceLook};
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
    let source = handle.groups.source();
    let groups = handle.groups.groups().into_iter();
    let answers = groups.map(|(group, status)| answer(group, status, source.clone()));
    Ok(Json(answers.collect()))
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
    Ok(Json(answer(group, status, handle.groups.source())))
}

fn answer(group: GroupId, status: GroupStatus, source: SourceLook) -> GroupAnswer {
    GroupAnswer {
        group,
        as_of: source.as_of,
        source_failure: source.failure,
        status,
    }
}
