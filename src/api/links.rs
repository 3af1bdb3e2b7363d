//! The state of links as a whole.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;

use crate::contract::{
    CertificateAnswer, IntentAnswer, LinkAnswer, LinkFailure, LinkState, SharedDetail,
    TopicIntentAnswer, UnreachableBroker,
};
use crate::model::{ClusterName, Intent, IntentSetting, LinkName, PartitionState, TopicName};
use crate::replicate::PartitionStatus;
use crate::telemetry::{monotonic, now_ms};

use super::extract::Segments;
use super::problem::Problem;
use super::state::{ApiState, Condition, LinkHandle, Reach};

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

impl ApiState {
    /// A link by its name.
    pub(super) fn link(&self, name: &LinkName) -> Result<Arc<LinkHandle>, Problem> {
        let unknown = || Problem::NotFound(format!("link {name} is not configured"));
        self.links.borrow().get(name).cloned().ok_or_else(unknown)
    }

    /// Every link, ordered by name.
    pub(super) fn all_links(&self) -> Vec<Arc<LinkHandle>> {
        self.links.borrow().values().cloned().collect()
    }
}

impl LinkAnswer {
    pub(super) fn of(link: &LinkHandle) -> Self {
        let condition = link.condition.borrow().clone();
        let partitions = link.view.partitions_to_show();
        let in_flight = "not at rest yet: writes in flight when it was paused are still landing";
        let in_flight = link.is_coming_to_rest().then(|| in_flight.to_owned());
        let told = link
            .obstacles()
            .into_iter()
            .chain(in_flight)
            .chain(link.throttling(&condition))
            .chain(link.brokers_to_reach(&condition))
            .chain(condition.warning.clone())
            .chain(link.acls.status().trouble())
            .chain(link.certificates_to_renew());
        let told: Vec<String> = told.collect();
        Self {
            name: link.view.link().clone(),
            source: link.source.clone(),
            target: link.target.clone(),
            state: link.state(&partitions),
            intent: link.intent(),
            topic_intents: link.topic_intents(),
            source_reachable: condition.source.is_reached(),
            target_reachable: condition.target.is_reached(),
            topics: topic_count(&partitions),
            partitions: partitions.len(),
            lag_records: sum(&partitions, |it| it.lag_records),
            held_records: sum(&partitions, |it| it.held_records),
            partitions_by_state: by_state(&partitions),
            group_offsets_expire_at: link.groups.first_expiry(),
            rate_limited: link.view.rate().limits(monotonic()),
            failure: condition.failure.clone(),
            detail: (!told.is_empty()).then(|| told.join("; ")),
            certificates: link.certificates(),
            unreachable_brokers: unreachable_brokers(&condition),
            shared_details: shared_details(&partitions),
        }
    }
}

fn unreachable_brokers(condition: &Condition) -> Vec<UnreachableBroker> {
    let of_clusters = condition.unreachable.iter();
    of_clusters.flat_map(|it| it.brokers.clone()).collect()
}

impl LinkHandle {
    /// The state of the link as a whole, with these partitions.
    pub fn state(&self, partitions: &[PartitionStatus]) -> LinkState {
        let condition = self.condition.borrow();
        if condition.failure.is_some() {
            LinkState::Failed
        } else if condition.source == Reach::Unknown || condition.target == Reach::Unknown {
            LinkState::Starting
        } else if condition.standby {
            LinkState::Standby
        } else if !self.view.link_intent().writes() && !self.is_coming_to_rest() {
            LinkState::Paused
        } else if self.obstacles_of(&condition).is_empty() {
            match of_partitions(partitions) {
                LinkState::Running if self.acls.status().needs_operator() => LinkState::Degraded,
                state => state,
            }
        } else {
            LinkState::Waiting
        }
    }

    /// Refuses what only the link's owner can answer if that is another process, and names it.
    pub(super) fn require_owner(&self) -> Result<(), Problem> {
        let condition = self.condition.borrow();
        let owner = match &condition.owner {
            Some(owner) => owner.to_string(),
            None if condition.standby => "another process".to_owned(),
            None => return Ok(()),
        };
        let name = self.view.link();
        Err(Problem::Conflict(format!(
            "this process is on standby: link {name} is owned by {owner}: the request has to be made there"
        )))
    }

    /// Whether a write that the intent forbids is still in flight to the target.
    fn is_coming_to_rest(&self) -> bool {
        let held = self.view.intents().borrow().holds_anything();
        self.writes_against_intent() || (held && !self.in_flight.is_at_rest())
    }

    /// When the certificates of both clusters end.
    fn certificates(&self) -> Vec<CertificateAnswer> {
        let ends = self.condition.borrow().certificates.clone();
        let clusters = [&self.source, &self.target].into_iter().zip(&ends);
        let sides =
            clusters.flat_map(|(cluster, ends)| ends.by_side().map(move |it| (cluster, it)));
        let answer = |(cluster, (side, ends_at)): (&ClusterName, (&str, i64))| {
            Some(CertificateAnswer {
                cluster: cluster.clone(),
                side: side.to_owned(),
                ends_at: Timestamp::from_second(ends_at).ok()?,
            })
        };
        sides.filter_map(answer).collect()
    }

    /// What to do about the certificates of both clusters.
    fn certificates_to_renew(&self) -> Vec<String> {
        let now = now_ms() / 1_000;
        let ends = self.condition.borrow().certificates.clone();
        let clusters = [&self.source, &self.target].into_iter().zip(&ends);
        let advice = clusters.flat_map(|(cluster, ends)| ends.advice(cluster, now));
        advice.map(|(what, fix)| format!("{what}: {fix}")).collect()
    }

    /// What keeps the link as a whole from mirroring, other than an operator's intent.
    pub(super) fn obstacles(&self) -> Vec<String> {
        self.obstacles_of(&self.condition.borrow())
    }

    /// What to do about brokers that can't be reached.
    fn brokers_to_reach(&self, condition: &Condition) -> Vec<String> {
        let clusters = [&self.source, &self.target].into_iter();
        let advice = clusters
            .zip(&condition.unreachable)
            .flat_map(|(cluster, of)| of.advice.iter().map(move |it| (cluster, it)));
        advice
            .map(|(cluster, (what, fix))| format!("cluster {cluster}: {what}: {fix}"))
            .collect()
    }

    /// Which clusters' quotas slow the link down.
    fn throttling(&self, condition: &Condition) -> Option<String> {
        let ends = [&self.source, &self.target].into_iter();
        let throttled = ends.zip(condition.throttled).filter(|(_, is)| *is);
        let names: Vec<&str> = throttled.map(|(name, _)| name.as_str()).collect();
        let names = names.join(" and ");
        (!names.is_empty()).then(|| format!("slowed down by the quotas of {names}"))
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
            Reach::LoginFailed(why) => Some(format!("the login at {end} {cluster} fails: {why}")),
        };
        let unreached = ends.into_iter().filter_map(of_end);
        let failed = |failure: &LinkFailure| {
            format!(
                "the link has failed and restarts at {}: {}",
                failure.retry_at, failure.message
            )
        };
        let failed = condition.failure.as_ref().map(failed);
        unreached
            .chain(failed)
            .chain(condition.waits_for.clone())
            .collect()
    }

    /// The intent of the link, with its origin.
    fn intent(&self) -> IntentAnswer {
        let intents = Arc::clone(&self.view.intents().borrow());
        let pending = Arc::clone(&self.view.pending_intents().borrow());
        IntentAnswer::of(intents.link.as_ref(), pending.link.is_some())
    }

    /// The intents set for single topics, with their origins.
    fn topic_intents(&self) -> Vec<TopicIntentAnswer> {
        let intents = Arc::clone(&self.view.intents().borrow());
        let pending = Arc::clone(&self.view.pending_intents().borrow());
        let topics = intents.topics.iter();
        let answer = |(topic, setting): (&TopicName, &IntentSetting)| TopicIntentAnswer {
            topic: topic.clone(),
            intent: IntentAnswer::of(Some(setting), pending.topics.contains_key(topic)),
        };
        topics.map(answer).collect()
    }
}

impl IntentAnswer {
    fn of(setting: Option<&IntentSetting>, pending: bool) -> Self {
        let known = setting.filter(|it| it.set_at_ms > 0);
        Self {
            intent: setting.map_or(Intent::Mirror, |it| it.intent),
            set_by: setting.map(|it| it.set_by.clone()),
            set_at: known.and_then(|it| Timestamp::from_millisecond(it.set_at_ms).ok()),
            pending,
        }
    }
}

/// The state of a link that could mirror, by those of its partitions that exist.
fn of_partitions(partitions: &[PartitionStatus]) -> LinkState {
    let waits = |it: &PartitionStatus| it.state.needs_operator();
    let waiting = partitions.iter().any(waits);
    let others = partitions.iter().any(|it| !it.is_absent && !waits(it));
    match (waiting, others) {
        (true, false) => LinkState::Stalled,
        (true, true) => LinkState::Degraded,
        (false, _) => LinkState::Running,
    }
}

/// Partitions are ordered by topic.
fn topic_count(partitions: &[PartitionStatus]) -> usize {
    let same = |a: &PartitionStatus, b: &PartitionStatus| a.partition.topic == b.partition.topic;
    partitions.chunk_by(same).count()
}

/// The details that several partitions show, those of most partitions first.
pub(super) fn shared_details(partitions: &[PartitionStatus]) -> Vec<SharedDetail> {
    let mut counts: BTreeMap<(&str, PartitionState), usize> = BTreeMap::new();
    for status in partitions {
        if let Some(detail) = &status.detail {
            *counts.entry((detail, status.state)).or_default() += 1;
        }
    }
    let shared = counts.into_iter().filter(|(_, partitions)| *partitions > 1);
    let mut shared: Vec<SharedDetail> = shared
        .map(|((detail, state), partitions)| SharedDetail {
            detail: detail.to_owned(),
            state,
            partitions,
        })
        .collect();
    shared.sort_by_key(|it| Reverse(it.partitions));
    shared
}

/// The sum of a figure; -1 if that of any partition is unknown.
fn sum(partitions: &[PartitionStatus], figure: impl Fn(&PartitionStatus) -> i64) -> i64 {
    let known = |status: &PartitionStatus| Some(figure(status)).filter(|it| *it >= 0);
    let all: Option<i64> = partitions.iter().map(known).sum();
    all.unwrap_or(-1)
}

fn by_state(partitions: &[PartitionStatus]) -> BTreeMap<String, usize> {
    let count = |state| {
        partitions
            .iter()
            .filter(|status| status.state == state)
            .count()
    };
    let counted = PartitionState::ALL.map(|state| (state.to_string(), count(state)));
    counted.into_iter().collect()
}
