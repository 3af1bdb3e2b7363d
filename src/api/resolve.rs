//! Releasing partitions that stand still: a policy for once, shown first if asked to, and on record in the audit log.

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
use crate::contract::{ReleaseAnswer, ReleaseResult, ResolveAnswer, ResolveRequest};
use crate::model::{HaltCode, LinkName, Policy, Reason, TopicPartition};
use crate::replicate::{LinkView, Unreleased};

/// How long a release may take before the answer says that it goes on; shorter than any request may take.
const PATIENCE: Duration = Duration::from_secs(6);

/// `POST /v1/links/{link}/resolve`
pub(super) async fn resolve(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
    peer: Peer,
    Body(wanted): Body<ResolveRequest>,
) -> Result<Json<ResolveAnswer>, Problem> {
    let handle = state.link(&link)?;
    let view = &handle.view;
    let meant = releasable(view, &wanted)?;
    let hash = hash(&link, wanted.with, &meant);
    if wanted.hash.as_ref().is_some_and(|agreed| *agreed != hash) {
        let changed = "the partitions no longer stand still as they were shown".to_owned();
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
    Ok(Json(ResolveAnswer {
        link,
        with: wanted.with,
        hash,
        partitions,
    }))
}

/// The partitions that are meant, each with why it stands still; there is at least one.
fn releasable(
    view: &LinkView,
    wanted: &ResolveRequest,
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
                Unreleased::Pending => ReleaseResult::Pending,
                Unreleased::UnknownPartition
                | Unreleased::NotHalted(_)
                | Unreleased::Unfit(..)
                | Unreleased::Halted(_)
                | Unreleased::Busy => ReleaseResult::Refused,
            };
            released.detail = Some(why.text());
        }
    }
    released
}

impl Unreleased {
    fn text(&self) -> String {
        match self {
            Self::UnknownPartition => "is not mirrored".to_owned(),
            Self::NotHalted(state) => format!("is {state} and needs no release"),
            Self::Unfit(HaltCode::MissedDeletions, _) => {
                "goes on, although deletions may be missing; only reseed helps against that"
                    .to_owned()
            }
            Self::Unfit(code, []) => {
                format!("stands still for {code}, which no policy releases; see its remedy")
            }
            Self::Unfit(code, fits) => {
                let fits: Vec<&str> = fits.iter().map(|policy| policy.as_str()).collect();
                format!(
                    "stands still for {code}, which {} releases",
                    fits.join(" or ")
                )
            }
            Self::Pending => "is being worked on; its state shows what comes of it".to_owned(),
            Self::Halted(reason) => format!("stands still again: {}", reason.message),
            Self::Busy => {
                "is not taken up: the link doesn't run, is paused, or has much to release"
                    .to_owned()
            }
        }
    }
}

fn hash(link: &LinkName, with: Policy, meant: &[(TopicPartition, Reason)]) -> String {
    let text = serde_json::to_vec(&(link, with, meant)).unwrap_or_default();
    format!("{:x}", Sha256::digest(text))
}
