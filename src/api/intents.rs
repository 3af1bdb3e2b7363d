//! Changes to the intents of a link and its topics: pause, resume, and any other.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use tokio::time::{interval, timeout};

use super::extract::{Body, BodyOrNothing, Peer, Segments};
use super::problem::Problem;
use super::state::{ApiState, LinkHandle};
use crate::checkpoint::{Update, intents, records};
use crate::config::TopicFilter;
use crate::contract::{IntentRequest, LinkAnswer, ScopeRequest};
use crate::model::{Intent, IntentChange, IntentSetting, LinkIntents, LinkName, TopicName};
use crate::telemetry::now_ms;

/// How long a call waits for the change to reach the journal and for writes in flight to complete; shorter than any
/// request timeout.
const PATIENCE: Duration = Duration::from_secs(5);
/// The interval between checks for partitions that still write.
const LOOK: Duration = Duration::from_millis(20);

/// `POST /v1/links/{link}/pause`
pub(super) async fn pause(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
    peer: Peer,
    BodyOrNothing(scope): BodyOrNothing<ScopeRequest>,
) -> Result<Json<LinkAnswer>, Problem> {
    change(&state, &link, IntentChange::Pause, scope.topics, peer).await
}

/// `POST /v1/links/{link}/resume`
pub(super) async fn resume(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
    peer: Peer,
    BodyOrNothing(scope): BodyOrNothing<ScopeRequest>,
) -> Result<Json<LinkAnswer>, Problem> {
    change(&state, &link, IntentChange::Resume, scope.topics, peer).await
}

/// `PUT /v1/links/{link}/intent`
pub(super) async fn set(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
    peer: Peer,
    Body(wanted): Body<IntentRequest>,
) -> Result<Json<LinkAnswer>, Problem> {
    let IntentRequest { intent, topics } = wanted;
    change(&state, &link, IntentChange::Set(intent), topics, peer).await
}

/// Makes a change durable, then waits up to [`PATIENCE`] until the journal contains it and no write that it forbids is in
/// flight.
async fn change(
    state: &ApiState,
    name: &LinkName,
    change: IntentChange,
    topics: Option<Vec<String>>,
    peer: Peer,
) -> Result<Json<LinkAnswer>, Problem> {
    let link = state.link(name)?;
    link.require_owner()?;
    let topics = topics.map(|it| expanded(&link, &it)).transpose()?;
    let made = {
        let _alone = link.pending_intents.lock().await;
        let made = made(&link, change, topics.as_ref(), peer)?;
        if !made.is_empty() {
            let mut pending = LinkIntents::clone(&link.view.pending_intents().borrow());
            pending.merge(&made);
            let mut update = Update::new();
            intents::put_pending(&mut update, name, &pending);
            state.store.commit(update).await?;
            link.view.reload_intents()?;
        }
        made
    };
    let followed = async {
        if is_taken_in_at_once(state, &link)? {
            let mut pending = link.view.pending_intents();
            // The sender is dropped only with the service.
            let _ = pending
                .wait_for(|pending| made.without(pending) == made)
                .await;
        }
        link.in_flight.rest().await;
        let mut looks = interval(LOOK);
        while link.writes_against_intent() {
            looks.tick().await;
        }
        Ok::<(), Problem>(())
    };
    // The answer shows what is still pending or in flight.
    if let Ok(failed) = timeout(PATIENCE, followed).await {
        failed?;
    }
    Ok(Json(LinkAnswer::of(&link)))
}

/// The settings that result from a change. While this process owns the link, an intent already in force isn't set again.
fn made(
    link: &LinkHandle,
    change: IntentChange,
    topics: Option<&BTreeSet<TopicName>>,
    peer: Peer,
) -> Result<LinkIntents, Problem> {
    let known = Arc::clone(&link.view.intents().borrow());
    let made = known.change(topics, change, &peer.0.to_string(), now_ms());
    let mut made = made.map_err(|refused| Problem::Conflict(refused.to_string()))?;
    if link.ownership.is_held() {
        let of = |setting: Option<&IntentSetting>| setting.map_or(Intent::Mirror, |it| it.intent);
        made.link = made.link.filter(|it| it.intent != of(known.link.as_ref()));
        made.topics
            .retain(|topic, it| it.intent != of(known.topics.get(topic)));
    }
    Ok(made)
}

/// Whether this process owns the link and the link has a record, so that pending settings move into its entries at once.
fn is_taken_in_at_once(state: &ApiState, link: &LinkHandle) -> Result<bool, Problem> {
    let record = records::load_link(&*state.store, link.view.link())?;
    Ok(record.is_some() && link.ownership.is_held())
}

/// The topics of a link that match at least one expression. Errors: none does, or an expression is invalid.
fn expanded(link: &LinkHandle, expressions: &[String]) -> Result<BTreeSet<TopicName>, Problem> {
    let filter = TopicFilter::new(expressions, &[] as &[&str])?;
    let partitions = link.view.partitions().into_iter();
    let intents = Arc::clone(&link.view.intents().borrow());
    let known = partitions
        .map(|status| status.partition.topic)
        .chain(intents.topics.keys().cloned());
    let found: BTreeSet<TopicName> = known.filter(|topic| filter.matches(topic)).collect();
    if found.is_empty() {
        let message = format!(
            "link {} has no topic that matches {}; topics found later follow the link's own intent",
            link.view.link(),
            expressions.join(" or ")
        );
        return Err(Problem::NotFound(message));
    }
    Ok(found)
}

impl LinkHandle {
    /// Whether records may still be in flight for a topic whose intent forbids writes.
    pub(super) fn writes_against_intent(&self) -> bool {
        let intents = Arc::clone(&self.view.intents().borrow());
        if !intents.holds_anything() {
            return false;
        }
        let partitions = self.view.partitions().into_iter();
        let mut held = partitions.filter(|it| !intents.of(&it.partition.topic).writes());
        held.any(|status| status.state.may_write())
    }
}
