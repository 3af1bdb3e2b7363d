//! Endpoints for orchestrators and scrapers: liveness, readiness and metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::extract::Asked;
use super::problem::Problem;
use super::state::{ApiState, LinkHandle};
use crate::contract::{Liveness, Readiness, ReadyScope};
use crate::model::PartitionState;
use crate::telemetry::metrics::CONTENT_TYPE as METRICS_TYPE;

/// The most partitions named in one reason.
pub(super) const NAMED: usize = 5;

/// `GET /healthz`: any answer proves that the process is alive.
pub(super) async fn alive() -> Json<Liveness> {
    Json(Liveness::unless(Vec::new()))
}

/// The query of `GET /readyz`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadyQuery {
    #[serde(default)]
    scope: ReadyScope,
}

/// `GET /readyz`: 503 with the reasons while the process, or any link, can't do its work.
pub(super) async fn ready(
    State(state): State<Arc<ApiState>>,
    Asked(query): Asked<ReadyQuery>,
) -> impl IntoResponse {
    let links = state.all_links();
    let reasons = match query.scope {
        ReadyScope::Process => {
            let failures = links
                .iter()
                .map(|it| it.condition.borrow().store_failure.clone());
            // All links share one checkpoint DB.
            failures.flatten().take(1).collect()
        }
        ReadyScope::Link => links.iter().flat_map(|link| of_link(link)).collect(),
    };
    let readiness = Readiness::unless(reasons);
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness))
}

fn of_link(link: &LinkHandle) -> Vec<String> {
    let name = link.view.link();
    let reasons = link.obstacles().into_iter().chain(standing_still(link));
    reasons
        .map(|reason| format!("link {name}: {reason}"))
        .collect()
}

/// The partitions that wait for an operator, as one reason per state.
pub(super) fn standing_still(link: &LinkHandle) -> Vec<String> {
    let partitions = link.view.partitions();
    let reason = |state: PartitionState| {
        let mut affected = partitions.iter().filter(|status| status.state == state);
        let named: Vec<String> = affected
            .by_ref()
            .take(NAMED)
            .map(|status| status.partition.to_string())
            .collect();
        let more = match affected.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!named.is_empty()).then(|| format!("{state}: {}{more}", named.join(", ")))
    };
    let states = PartitionState::ALL.into_iter();
    states
        .filter(|state| state.needs_operator())
        .filter_map(reason)
        .collect()
}

/// `GET /metrics`
pub(super) async fn metrics(
    State(state): State<Arc<ApiState>>,
) -> Result<impl IntoResponse, Problem> {
    let page = state.exposition.encode().map_err(|_| Problem::Defect)?;
    Ok(([(CONTENT_TYPE, METRICS_TYPE)], page))
}
