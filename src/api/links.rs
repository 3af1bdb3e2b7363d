//! Links as a whole: how they stand, pausing and resuming.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::checkpoint::{Update, intents, records};
use crate::model::{ClusterName, IntentChange, LinkName, PartitionState};
use crate::replicate::PartitionStatus;
use crate::telemetry::monotonic;

use super::audit::Change;
use super::extract::{Nothing, Peer, Segments};
use super::problem::Problem;
use super::state::{ApiState, Condition, LinkFailure, LinkHandle, Reach};

/// How a link stands.
#[derive(Debug, Serialize)]
pub(super) struct LinkAnswer {
    name: LinkName,
    source: ClusterName,
    target: ClusterName,
    state: LinkState,
    source_reachable: bool,
    target_reachable: bool,
    topics: usize,
    partitions: usize,
    /// -1 while it isn't known for a partition.
    lag_records: i64,
    partitions_by_state: BTreeMap<&'static str, usize>,
    /// Whether `max_bytes_per_second` holds partitions up.
    rate_limited: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<LinkFailure>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The state of a link as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// It has not heard from both clusters yet.
    Starting,
    /// Its parts have failed; it begins anew by itself, at the time that `failure` tells.
    Failed,
    /// Another process mirrors; this one takes over when that one is silent.
    Standby,
    /// It waits for a cluster or for what the detail says; it goes on by itself.
    Waiting,
    /// An operator paused it.
    Paused,
    /// It mirrors.
    Running,
}

impl LinkState {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Starting,
        Self::Failed,
        Self::Standby,
        Self::Waiting,
        Self::Paused,
        Self::Running,
    ];

    /// The state's name, as the API shows it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Failed => "failed",
            Self::Standby => "standby",
            Self::Waiting => "waiting",
            Self::Paused => "paused",
            Self::Running => "running",
        }
    }
}

/// `GET /v1/links`
pub(super) async fn list(State(state): State<Arc<ApiState>>) -> Json<Vec<LinkAnswer>> {
    Json(
        state
            .all_links()
            .iter()
            .map(|link| LinkAnswer::of(link))
            .collect(),
    )
}

/// `GET /v1/links/{link}`
pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
) -> Result<Json<LinkAnswer>, Problem> {
    Ok(Json(LinkAnswer::of(&*state.link(&link)?)))
}

/// `POST /v1/links/{link}/pause`
pub(super) async fn pause(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
    peer: Peer,
    Nothing: Nothing,
) -> Result<Json<LinkAnswer>, Problem> {
    set_paused(&state, &link, true, peer).await
}

/// `POST /v1/links/{link}/resume`
pub(super) async fn resume(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
    peer: Peer,
    Nothing: Nothing,
) -> Result<Json<LinkAnswer>, Problem> {
    set_paused(&state, &link, false, peer).await
}

/// Durable before it takes effect, so that a restart in between never undoes what was answered.
async fn set_paused(
    state: &ApiState,
    name: &LinkName,
    paused: bool,
    peer: Peer,
) -> Result<Json<LinkAnswer>, Problem> {
    let link = state.link(name)?;
    let _alone = link.record.lock().await;
    let record = records::load_link(&*state.store, name)?;
    let mut record = record.ok_or_else(|| {
        let why = format!(
            "link {name} has not met its clusters yet, so that nothing is known of it to store"
        );
        Problem::Conflict(why)
    })?;
    let before = intents::load_intents(&*state.store, name)?;
    let change = if paused {
        IntentChange::Pause
    } else {
        IntentChange::Resume
    };
    if before.of_link() != change.intent() {
        record.paused = paused;
        let made = before.change(
            None,
            change,
            &peer.0.to_string(),
            crate::telemetry::now_ms(),
        );
        let made = made.map_err(|refused| Problem::Conflict(refused.to_string()))?;
        let mut update = Update::new();
        records::put_link(&mut update, &record);
        intents::put_intents(&mut update, name, &made);
        let change = Change {
            action: if paused { "pause" } else { "resume" },
            link: name,
            plan: None,
            release: None,
            from: peer.0,
        };
        state.note(&mut update, &change);
        state.store.commit(update).await?;
    }
    link.view.reload_intents()?;
    Ok(Json(LinkAnswer::of(&link)))
}

impl ApiState {
    /// A link by its name.
    pub(super) fn link(&self, name: &LinkName) -> Result<Arc<LinkHandle>, Problem> {
        let unknown = || Problem::NotFound(format!("link {name} is not configured"));
        self.links.borrow().get(name).cloned().ok_or_else(unknown)
    }

    /// Every link, by name.
    pub(super) fn all_links(&self) -> Vec<Arc<LinkHandle>> {
        self.links.borrow().values().cloned().collect()
    }
}

impl LinkAnswer {
    pub(super) fn of(link: &LinkHandle) -> Self {
        let condition = link.condition.borrow().clone();
        let partitions = link.view.partitions();
        let told = link
            .obstacles()
            .into_iter()
            .chain(condition.warning.clone());
        let told: Vec<String> = told.collect();
        Self {
            name: link.view.link().clone(),
            source: link.source.clone(),
            target: link.target.clone(),
            state: link.state(),
            source_reachable: condition.source.is_reached(),
            target_reachable: condition.target.is_reached(),
            topics: topic_count(&partitions),
            partitions: partitions.len(),
            lag_records: lag(&partitions),
            partitions_by_state: by_state(&partitions),
            rate_limited: link.view.rate().limits(monotonic()),
            failure: condition.failure,
            detail: (!told.is_empty()).then(|| told.join("; ")),
        }
    }
}

impl LinkHandle {
    /// The state of the link as a whole.
    pub fn state(&self) -> LinkState {
        let condition = self.condition.borrow();
        if condition.failure.is_some() {
            LinkState::Failed
        } else if condition.source == Reach::Unknown || condition.target == Reach::Unknown {
            LinkState::Starting
        } else if condition.standby {
            LinkState::Standby
        } else if !self.view.link_intent().writes() {
            LinkState::Paused
        } else if self.obstacles_of(&condition).is_empty() {
            LinkState::Running
        } else {
            LinkState::Waiting
        }
    }

    /// What keeps the link as a whole from mirroring, beside an operator.
    pub(super) fn obstacles(&self) -> Vec<String> {
        self.obstacles_of(&self.condition.borrow())
    }

    fn obstacles_of(&self, condition: &Condition) -> Vec<String> {
        let ends = [
            ("source", &self.source, &condition.source),
            ("target", &self.target, &condition.target),
        ];
        let of_end = |(end, cluster, reach): (&str, &ClusterName, &Reach)| match reach {
            Reach::Reached => None,
            Reach::Unknown => Some(format!("{end} {cluster} has not answered yet")),
            Reach::Lost(why) => Some(format!("{end} {cluster} can't be reached: {why}")),
        };
        let unreached = ends.into_iter().filter_map(of_end);
        let failed = |failure: &LinkFailure| {
            format!(
                "the link has failed and begins anew at {}: {}",
                failure.retry_at, failure.message
            )
        };
        let failed = condition.failure.as_ref().map(failed);
        unreached
            .chain(failed)
            .chain(condition.waits_for.clone())
            .collect()
    }
}

/// Partitions come ordered by topic.
fn topic_count(partitions: &[PartitionStatus]) -> usize {
    let same = |a: &PartitionStatus, b: &PartitionStatus| a.partition.topic == b.partition.topic;
    partitions.chunk_by(same).count()
}

fn lag(partitions: &[PartitionStatus]) -> i64 {
    let known = |status: &PartitionStatus| Some(status.lag_records).filter(|lag| *lag >= 0);
    let all: Option<i64> = partitions.iter().map(known).sum();
    all.unwrap_or(-1)
}

fn by_state(partitions: &[PartitionStatus]) -> BTreeMap<&'static str, usize> {
    let count = |state| {
        partitions
            .iter()
            .filter(|status| status.state == state)
            .count()
    };
    let counted = PartitionState::ALL.map(|state| (state.as_str(), count(state)));
    counted.into_iter().collect()
}
