//! Verifications: ordering, cancelling and listing them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use jiff::Timestamp;

use super::audit::Change;
use super::extract::{Body, Nothing, Peer, Segments};
use super::problem::Problem;
use super::state::{ApiState, LinkHandle};
use crate::checkpoint::Update;
use crate::contract::{ProofAnswer, Report, VerificationRequest, VerificationSummary};
use crate::model::LinkName;
use crate::verify::Proof;

/// `POST /v1/verifications`
pub(super) async fn order(
    State(state): State<Arc<ApiState>>,
    peer: Peer,
    Body(order): Body<VerificationRequest>,
) -> Result<impl IntoResponse, Problem> {
    let link = state.link(&order.link)?;
    link.require_owner()?;
    let update = noted(&state, "verify", &order.link, peer);
    let report = link.verifications.order(order.topics, update).await?;
    let location = [(
        LOCATION,
        format!("/v1/verifications/{}", report.verification.id),
    )];
    Ok((StatusCode::ACCEPTED, location, Json(report)))
}

/// `POST /v1/verifications/{id}/cancel`
pub(super) async fn cancel(
    State(state): State<Arc<ApiState>>,
    Segments(id): Segments<String>,
    peer: Peer,
    Nothing: Nothing,
) -> Result<Json<Report>, Problem> {
    let (link, _) = find(&state, &id)?;
    let update = noted(&state, "cancel_verification", link.view.link(), peer);
    let report = link.verifications.cancel(&id, update).await?;
    report.map(Json).ok_or_else(|| unknown(&id))
}

/// `GET /v1/verifications`
pub(super) async fn list(State(state): State<Arc<ApiState>>) -> Json<Vec<VerificationSummary>> {
    let links = state.all_links();
    let reports = links.iter().flat_map(|link| link.verifications.list());
    let mut reports: Vec<Report> = reports.collect();
    reports.sort_by_key(|report| std::cmp::Reverse(report.verification.started_at));
    Json(reports.into_iter().map(VerificationSummary::from).collect())
}

/// `GET /v1/verifications/{id}`
pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    Segments(id): Segments<String>,
) -> Result<Json<Report>, Problem> {
    find(&state, &id).map(|(_, report)| Json(report))
}

fn find(state: &ApiState, id: &str) -> Result<(Arc<LinkHandle>, Report), Problem> {
    let mut links = state.all_links().into_iter();
    links
        .find_map(|link| {
            let report = link.verifications.report(id)?;
            Some((link, report))
        })
        .ok_or_else(|| unknown(id))
}

fn unknown(id: &str) -> Problem {
    Problem::NotFound(format!("there is no verification {id}"))
}

fn noted(state: &ApiState, action: &'static str, link: &LinkName, peer: Peer) -> Update {
    let mut update = Update::lazy();
    let change = Change {
        action,
        link,
        plan: None,
        release: None,
        from: peer.0,
    };
    state.note(&mut update, &change);
    update
}

impl From<Report> for VerificationSummary {
    fn from(report: Report) -> Self {
        Self {
            outcome: report.outcome,
            partitions_done: report.partitions_done,
            partitions: report.partitions.len(),
            verification: report.verification,
        }
    }
}

impl From<Proof> for ProofAnswer {
    fn from(proof: Proof) -> Self {
        let at = Timestamp::from_millisecond(proof.verified_at_ms);
        Self {
            from: proof.from,
            verified_until: proof.verified_until.source,
            verified_at: at.unwrap_or_default(),
            outcome: proof.outcome,
            differences: proof.differences,
            first_difference: proof.first_difference,
        }
    }
}
