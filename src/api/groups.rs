//! The consumer groups of a link, as of the last group sync.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;

use crate::checkpoint::Update;
use crate::config::GroupFilter;
use crate::contract::{GroupAnswer, ReturnRequest, ReturnedGroup};
use crate::control::groups::status::{GroupStatus, SourceLook};
use crate::model::{GroupId, LinkName};

use super::audit::Change;
use super::extract::{Body, Peer, Segments};
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
    let groups = handle.groups.groups();
    let ended = ended(&state, groups.values())?;
    let answers = groups
        .into_iter()
        .map(|(group, status)| answer(group, status, source.clone(), &ended));
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
    let ended = ended(&state, [&status])?;
    Ok(Json(answer(group, status, handle.groups.source(), &ended)))
}

/// `POST /v1/links/{link}/groups/return`
pub(super) async fn give_back(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
    peer: Peer,
    Body(request): Body<ReturnRequest>,
) -> Result<Json<Vec<ReturnedGroup>>, Problem> {
    state.link(&link)?.require_owner()?;
    let chosen = GroupFilter::new(&request.groups, &[] as &[&str])?;
    let note = |update: &mut Update| {
        let change = Change {
            action: "return_groups",
            link: &link,
            plan: None,
            release: None,
            from: peer.0,
        };
        state.note(update, &change);
    };
    let returned = state.moves.return_groups(&link, &chosen, note).await?;
    let returned = returned.into_iter();
    let answers = returned.map(|(group, moved_by)| ReturnedGroup { group, moved_by });
    Ok(Json(answers.collect()))
}

/// Returns when each operation was done; nothing is looked up if none of these groups was moved.
fn ended<'a>(
    state: &ApiState,
    groups: impl IntoIterator<Item = &'a GroupStatus>,
) -> Result<BTreeMap<String, Timestamp>, Problem> {
    if groups.into_iter().any(|it| moved_by(it).is_some()) {
        Ok(state.moves.ended()?)
    } else {
        Ok(BTreeMap::new())
    }
}

fn moved_by(group: &GroupStatus) -> Option<&String> {
    group.partitions.iter().find_map(|it| it.moved_by.as_ref())
}

/// `ended` has when each operation was done.
fn answer(
    group: GroupId,
    status: GroupStatus,
    source: SourceLook,
    ended: &BTreeMap<String, Timestamp>,
) -> GroupAnswer {
    GroupAnswer {
        moved_at: moved_by(&status).and_then(|by| ended.get(by).copied()),
        group,
        as_of: source.as_of,
        source_failure: source.failure,
        status,
    }
}
