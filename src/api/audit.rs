//! `GET /v1/audit`, and the entries that the API itself adds to the audit log.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::extract::Asked;
use super::problem::Problem;
use super::state::ApiState;
use crate::checkpoint::Update;
use crate::contract::AuditAnswer;
use crate::model::{LinkName, Partition, Policy, TopicName};

const ENTRIES: usize = 100;
const ENTRIES_AT_MOST: usize = 1000;

/// The query parameters of a list whose latest entries are shown first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    limit: Option<usize>,
}

impl Part {
    /// The number of entries to show.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(ENTRIES).min(ENTRIES_AT_MOST)
    }
}

/// `GET /v1/audit`: the latest entries, newest first.
pub(super) async fn list(
    State(state): State<Arc<ApiState>>,
    Asked(part): Asked<Part>,
) -> Result<Json<Vec<AuditAnswer>>, Problem> {
    let entries = state.audit.latest(part.limit())?.into_iter();
    let answer = |(number, entry)| AuditAnswer { number, entry };
    Ok(Json(entries.map(answer).collect()))
}

/// The audit log entry of a change made through the API.
#[derive(Debug, Serialize)]
pub(super) struct Change<'a> {
    pub(super) action: &'static str,
    pub(super) link: &'a LinkName,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) plan: Option<&'a str>,
    #[serde(flatten)]
    pub(super) release: Option<Release<'a>>,
    pub(super) from: IpAddr,
}

/// A partition released by a policy.
#[derive(Debug, Serialize)]
pub(super) struct Release<'a> {
    pub(super) topic: &'a TopicName,
    pub(super) partition: Partition,
    pub(super) with: Policy,
    /// The number of records that may be deleted, as the operator named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) discard: Option<u64>,
}

impl ApiState {
    /// Appends `change` to the audit log within `update`, so that both become durable together.
    pub(super) fn note(&self, update: &mut Update, change: &Change<'_>) {
        #[derive(Serialize)]
        struct Entry<'a> {
            at: Timestamp,
            #[serde(flatten)]
            change: &'a Change<'a>,
        }
        let at = Timestamp::now();
        // A struct of strings can't fail to serialize.
        let entry = serde_json::to_value(Entry { at, change }).unwrap_or_default();
        self.audit.append(update, Some(change.link), &entry);
    }
}
