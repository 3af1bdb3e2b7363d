//! The topics of a link and their mirror partitions.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;

use super::extract::Segments;
use super::links::shared_details;
use super::problem::Problem;
use super::state::{ApiState, LinkHandle};
use crate::contract::{OpenTransactionAnswer, PartitionAnswer, TopicAnswer};
use crate::model::{LinkName, PartitionState, TopicName};
use crate::replicate::{OpenTransaction, PartitionStatus};

/// `GET /v1/links/{link}/topics`
pub(super) async fn list(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
) -> Result<Json<Vec<TopicAnswer>>, Problem> {
    let link = state.link(&link)?;
    let mut partitions = link.view.partitions_to_show();
    let mut shared: HashMap<PartitionState, HashSet<String>> = HashMap::new();
    for it in shared_details(&partitions) {
        shared.entry(it.state).or_default().insert(it.detail);
    }
    for status in &mut partitions {
        let of_state = shared.get(&status.state);
        let is_shared = |detail: &mut String| of_state.is_some_and(|it| it.contains(detail));
        status.detail.take_if(is_shared);
    }
    let same = |a: &PartitionStatus, b: &PartitionStatus| a.partition.topic == b.partition.topic;
    let topics = partitions.chunk_by(same);
    let topics = topics.filter_map(|topic| TopicAnswer::of(topic, &link));
    Ok(Json(topics.collect()))
}

/// `GET /v1/links/{link}/topics/{topic}`
pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    Segments((link, topic)): Segments<(LinkName, TopicName)>,
) -> Result<Json<TopicAnswer>, Problem> {
    let handle = state.link(&link)?;
    let partitions = handle.view.topic_to_show(&topic);
    if let Some(answer) = TopicAnswer::of(&partitions, &handle) {
        return Ok(Json(answer));
    }
    handle.require_owner()?;
    let because = handle.because_of_topic(&topic);
    let message = format!("link {link} doesn't mirror topic {topic}{because}");
    Err(Problem::NotFound(message))
}

impl TopicAnswer {
    /// The answer for the topic of these partitions; `None` without partitions.
    pub(super) fn of(partitions: &[PartitionStatus], link: &LinkHandle) -> Option<Self> {
        let first = partitions.first()?;
        Some(Self {
            name: first.partition.topic.clone(),
            mirror_topic: first.mirror_topic.clone(),
            intent: link.view.intent_of(&first.partition.topic),
            partitions: partitions
                .iter()
                .map(|status| PartitionAnswer {
                    verified: link.verifications.proof(&status.partition).map(Into::into),
                    ..status.clone().into()
                })
                .collect(),
        })
    }
}

impl OpenTransactionAnswer {
    fn of(transaction: OpenTransaction) -> Option<Self> {
        Some(Self {
            first_offset: transaction.first_offset,
            since: Timestamp::from_millisecond(transaction.since_ms).ok()?,
            producer_id: transaction.producer_id.map(|id| id.0),
            transactional_id: transaction.transactional_id,
        })
    }
}

impl From<PartitionStatus> for PartitionAnswer {
    fn from(status: PartitionStatus) -> Self {
        Self {
            partition: status.partition.partition,
            state: status.state,
            path: status.path,
            offsets: status.offsets,
            source_log_start: status.source_log_start,
            source_end: status.source_end,
            source_high_watermark: status.source_high_watermark,
            position: status.position,
            target_log_start: status.target_log_start,
            target_end: status.target_end,
            lag_records: status.lag_records,
            held_records: status.held_records,
            held_by: status.held_by.and_then(OpenTransactionAnswer::of),
            lag_ms: status.lag_ms,
            as_of: status
                .as_of_ms
                .and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            read_from: status.read_from.map(|broker| broker.0),
            runs: status.runs,
            reason: status.reason,
            detail: status.detail,
            records: status.records,
            bytes: status.bytes,
            batches: status.batches,
            resyncs: status.resyncs,
            expired_on_target: status.expired_on_target,
            without_image: status.without_image,
            missed_deletions: status.missed_deletions,
            verified: None,
        }
    }
}
