//! Releases halted partitions: a policy applied once, shown first on request, and recorded in the audit log.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use futures_util::future::join_all;
use sha2::{Digest, Sha256};

use super::audit::{Change, Release};
use super::extract::{Body, Peer, Segments};
use super::problem::Problem;
use super::state::ApiState;
use crate::checkpoint::Update;
use crate::contract::{ReleaseAnswer, ReleaseResult, ResolutionAnswer, ResolutionRequest};
use crate::model::{HaltCode, LinkName, Policy, Reason, TopicPartition};
use crate::replicate::{LinkView, ResolveRefused};

/// How long a call waits for a release before it answers that it is pending; shorter than any request timeout.
const PATIENCE: Duration = Duration::from_secs(6);

/// `POST /v1/links/{link}/resolve`
pub(super) async fn resolve(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
    peer: Peer,
    Body(wanted): Body<ResolutionRequest>,
) -> Result<Json<ResolutionAnswer>, Problem> {
    let handle = state.link(&link)?;
    let view = &handle.view;
    let meant = releasable(view, &wanted)?;
    let hash = hash(&link, wanted.with, &meant);
    if wanted.hash.as_ref().is_some_and(|agreed| *agreed != hash) {
        let changed = "the partitions to release have changed since they were shown".to_owned();
        return Err(Problem::StalePlan(changed));
    }
    let partitions = if wanted.dry_run {
        let planned = meant.into_iter();
        planned
            .map(|(partition, reason)| {
                ReleaseAnswer::new(partition, reason, ReleaseResult::Planned)
            })
            .collect()
    } else {
        let mut update = Update::new();
        for (partition, _) in &meant {
            let change = Change {
                action: "resolve",
                link: &link,
                plan: None,
                release: Some(Release {
                    topic: &partition.topic,
                    partition: partition.partition,
                    with: wanted.with,
                }),
                from: peer.0,
            };
            state.note(&mut update, &change);
        }
        state.store.commit(update).await?;
        let releases = meant
            .into_iter()
            .map(|(partition, reason)| release(view, partition, reason, wanted.with));
        join_all(releases).await
    };
    Ok(Json(ResolutionAnswer {
        link,
        with: wanted.with,
        hash,
        partitions,
    }))
}

/// The partitions that the request names and the policy releases, with the reasons why they halted; at least one.
fn releasable(
    view: &LinkView,
    wanted: &ResolutionRequest,
) -> Result<Vec<(TopicPartition, Reason)>, Problem> {
    let statuses = view.topic(&wanted.topic).ok_or_else(|| {
        let message = format!("link {} doesn't mirror topic {}", view.link(), wanted.topic);
        Problem::NotFound(message)
    })?;
    let all = statuses.into_iter().map(|status| status.partition);
    let meant: Vec<TopicPartition> = all
        .filter(|it| {
            wanted
                .partition
                .is_none_or(|number| it.partition.0 == number)
        })
        .collect();
    if meant.is_empty() {
        let message = format!(
            "link {} mirrors no such partition of {}",
            view.link(),
            wanted.topic
        );
        return Err(Problem::NotFound(message));
    }
    let mut found = Vec::new();
    let mut refused = Vec::new();
    for partition in meant {
        match view.releasable(&partition, wanted.with) {
            Ok(reason) => found.push((partition, reason)),
            Err(why) => refused.push(format!("{partition} {}", why.text())),
        }
    }
    if found.is_empty() {
        return Err(Problem::Conflict(refused.join("; ")));
    }
    Ok(found)
}

async fn release(
    view: &LinkView,
    partition: TopicPartition,
    reason: Reason,
    with: Policy,
) -> ReleaseAnswer {
    let result = view.release(&partition, with, PATIENCE).await;
    let mut released = ReleaseAnswer::new(partition, reason, ReleaseResult::Released);
    match result {
        Ok(outcome) => released.outcome = Some(outcome),
        Err(why) => {
            released.result = match why {
                ResolveRefused::Pending => ReleaseResult::Pending,
                ResolveRefused::UnknownPartition
                | ResolveRefused::NotHalted(_)
                | ResolveRefused::Unfit(..)
                | ResolveRefused::Halted(_)
                | ResolveRefused::Busy => ReleaseResult::Refused,
            };
            released.detail = Some(why.text());
        }
    }
    released
}

impl ResolveRefused {
    fn text(&self) -> String {
        match self {
            Self::UnknownPartition => "is not mirrored".to_owned(),
            Self::NotHalted(state) => format!("is {state} and needs no release"),
            Self::Unfit(HaltCode::MissedDeletions, _) => {
                "goes on, although deletions may be missing; only reseed helps against that"
                    .to_owned()
            }
            Self::Unfit(code, []) => {
                format!("has stopped with {code}, which no policy releases; see its remedy")
            }
            Self::Unfit(code, fits) => {
                let fits: Vec<&str> = fits.iter().map(|policy| policy.as_str()).collect();
                format!(
                    "has stopped with {code}, which {} releases",
                    fits.join(" or ")
                )
            }
            Self::Pending => "is in progress; its state will show the result".to_owned(),
            Self::Halted(reason) => format!("has stopped again: {}", reason.message),
            Self::Busy => {
                "was not accepted: the link isn't running, is paused, or has too many releases queued"
                    .to_owned()
            }
        }
    }
}

fn hash(link: &LinkName, with: Policy, meant: &[(TopicPartition, Reason)]) -> String {
    let text = serde_json::to_vec(&(link, with, meant)).unwrap_or_default();
    format!("{:x}", Sha256::digest(text))
}
