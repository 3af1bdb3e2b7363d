//! Releases halted partitions: a policy applied once, shown first on request, and recorded in the audit log.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use futures_util::future::join_all;
use sha2::{Digest, Sha256};

use super::audit::{Change, Release};
use super::extract::{Body, Peer, Segments};
use super::problem::{Problem, discards};
use super::state::{ApiState, LinkHandle};
use crate::checkpoint::Update;
use crate::contract::{
    DeletedOffsets, Recreation, ReleaseAnswer, ReleaseResult, ResolutionAnswer, ResolutionRequest,
};
use crate::control::groups::status::{GroupPartitionStatus, GroupState, GroupStatus};
use crate::model::{GroupId, HaltCode, LinkName, Policy, Reason, TopicName, TopicPartition};
use crate::replicate::{DecisionOutcome, LinkView, ResolveRefused};

/// How long a call waits for a release before it answers that it is pending; shorter than any request timeout.
const PATIENCE: Duration = Duration::from_secs(6);
/// How long it waits before that for what a mirror topic holds.
const COUNT_PATIENCE: Duration = Duration::from_secs(3);

/// `POST /v1/links/{link}/resolve`
pub(super) async fn resolve(
    State(state): State<Arc<ApiState>>,
    Segments(link): Segments<LinkName>,
    peer: Peer,
    Body(wanted): Body<ResolutionRequest>,
) -> Result<Json<ResolutionAnswer>, Problem> {
    let handle = state.link(&link)?;
    handle.require_owner()?;
    let view = &handle.view;
    let meant = releasable(view, &wanted)?;
    let hash = hash(&link, wanted.with, &meant);
    if wanted.hash.as_ref().is_some_and(|agreed| *agreed != hash) {
        let changed = "the partitions to release have changed since they were shown".to_owned();
        return Err(Problem::StalePlan(changed));
    }
    let (partitions, recreates) = if wanted.dry_run {
        planned(&handle, &wanted, meant).await
    } else {
        agreed(view, &wanted).await?;
        note(&state, (&link, &wanted), &meant, peer).await?;
        (carry_out(view, &wanted, meant).await, None)
    };
    Ok(Json(ResolutionAnswer {
        link,
        with: wanted.with,
        hash,
        partitions,
        recreates,
    }))
}

/// What a release would do, without doing it.
async fn planned(
    handle: &LinkHandle,
    wanted: &ResolutionRequest,
    meant: Vec<(TopicPartition, Reason)>,
) -> (Vec<ReleaseAnswer>, Option<Recreation>) {
    let counted = if wanted.with == Policy::Reseed {
        let view = &handle.view;
        Some(view.inventory(&wanted.topic, COUNT_PATIENCE).await)
    } else {
        None
    };
    let (inventory, uncounted) = match counted {
        Some(Ok(inventory)) => (Some(inventory), String::new()),
        Some(Err(why)) => (None, format!("; {}", uncounted(&why))),
        None => (None, String::new()),
    };
    let planned = meant.into_iter().map(|(partition, reason)| {
        let detail = format!("{}{uncounted}", effect(reason.code, wanted.with));
        let mut answer = ReleaseAnswer::new(partition, reason, ReleaseResult::Planned);
        answer.detail = Some(detail);
        answer
    });
    let mirror_topic = handle.view.mirror_topic(&wanted.topic);
    let recreates = inventory
        .zip(mirror_topic)
        .map(|(inventory, mirror_topic)| {
            let groups = handle.groups.groups().into_iter();
            Recreation {
                mirror_topic,
                inventory,
                groups: groups
                    .filter_map(|(group, status)| deleted(group, &status, &wanted.topic))
                    .collect(),
            }
        });
    (planned.collect(), recreates)
}

/// The offsets of a group that are deleted with the mirror of a topic, if it has any there.
fn deleted(group: GroupId, status: &GroupStatus, topic: &TopicName) -> Option<DeletedOffsets> {
    let of_topic = status.partitions.iter();
    let of_topic = of_topic.filter(|it| it.partition.topic == *topic && it.target_offset.is_some());
    let is_lost = |it: &&GroupPartitionStatus| {
        it.source_offset.is_none()
            || matches!(it.state, GroupState::Released | GroupState::ActiveOnTarget)
    };
    let deleted = DeletedOffsets {
        group,
        offsets: of_topic.clone().count(),
        lost: of_topic.filter(is_lost).count(),
    };
    (deleted.offsets > 0).then_some(deleted)
}

/// What a policy does about a partition that has stopped for this reason.
fn effect(code: HaltCode, with: Policy) -> &'static str {
    match (with, code) {
        (Policy::Follow, HaltCode::SourceGap) => {
            "the lost records stay lost, and the mirror continues with the first one that the source still has"
        }
        (Policy::Follow, HaltCode::SourceRecreated) => {
            "the new topic's records are appended to those of the former one, and the offset map starts over"
        }
        (Policy::Follow, HaltCode::SourceTruncated) => {
            "records that the source lost stay on the target alone, and the source's continue behind them"
        }
        (Policy::Follow, HaltCode::TargetTruncated) => "the missing records are mirrored again",
        (Policy::Adopt, _) => {
            "records of others stay where they are, and the mirror continues behind them"
        }
        (Policy::SkipWithReceipt, _) => {
            "the refused record goes to the quarantine topic, and the partition skips it"
        }
        (Policy::Reseed, _) => {
            "the mirror topic is deleted, created anew and filled from the earliest record of the source"
        }
        (Policy::Follow | Policy::Halt, _) => "nothing changes",
    }
}

/// Refuses a reseed that would delete other records than the request names.
async fn agreed(view: &LinkView, wanted: &ResolutionRequest) -> Result<(), Problem> {
    if wanted.with != Policy::Reseed {
        return match wanted.discard {
            Some(_) => Err(Problem::Malformed(
                "only reseed discards records".to_owned(),
            )),
            None => Ok(()),
        };
    }
    match view.inventory(&wanted.topic, COUNT_PATIENCE).await {
        Ok(found) if found.total.only_there != wanted.discard.unwrap_or(0) => {
            Err(Problem::Discards(found.total))
        }
        // Without a worker nothing is released either.
        Ok(_) | Err(ResolveRefused::Busy) => Ok(()),
        Err(why) => Err(Problem::Unavailable(uncounted(&why))),
    }
}

fn uncounted(why: &ResolveRefused) -> String {
    let why = match why {
        ResolveRefused::Uncounted(why) => why,
        _ => "the link isn't running here, or has too many requests queued",
    };
    format!("what the mirror topic holds can't be counted: {why}")
}

/// Adds the request to the audit log.
async fn note(
    state: &ApiState,
    (link, wanted): (&LinkName, &ResolutionRequest),
    meant: &[(TopicPartition, Reason)],
    from: Peer,
) -> Result<(), Problem> {
    let mut update = Update::new();
    for (partition, _) in meant {
        let change = Change {
            action: "resolve",
            link,
            plan: None,
            release: Some(Release {
                topic: &partition.topic,
                partition: partition.partition,
                with: wanted.with,
                discard: wanted.discard,
            }),
            from: from.0,
        };
        state.note(&mut update, &change);
    }
    Ok(state.store.commit(update).await?)
}

async fn carry_out(
    view: &LinkView,
    wanted: &ResolutionRequest,
    meant: Vec<(TopicPartition, Reason)>,
) -> Vec<ReleaseAnswer> {
    let how = (wanted.with, wanted.discard);
    if wanted.with != Policy::Reseed {
        let releases = meant.into_iter().map(|(partition, reason)| async {
            let result = view.release(&partition, how, PATIENCE).await;
            answer(partition, reason, result.as_ref())
        });
        return join_all(releases).await;
    }
    // The first one decides for the whole topic: the others needn't be counted again.
    let (mut answers, mut settled) = (Vec::new(), None);
    for (partition, reason) in meant {
        let result = match settled.take() {
            Some(why) => Err(why),
            None => view.release(&partition, how, PATIENCE).await,
        };
        answers.push(answer(partition, reason, result.as_ref()));
        settled = result.err().filter(ResolveRefused::is_of_topic);
    }
    answers
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

fn answer(
    partition: TopicPartition,
    reason: Reason,
    result: Result<&DecisionOutcome, &ResolveRefused>,
) -> ReleaseAnswer {
    let mut released = ReleaseAnswer::new(partition, reason, ReleaseResult::Released);
    match result {
        Ok(outcome) => released.outcome = Some(outcome.clone()),
        Err(why) => {
            released.result = match why {
                ResolveRefused::Pending => ReleaseResult::Pending,
                ResolveRefused::UnknownPartition
                | ResolveRefused::NotHalted(_)
                | ResolveRefused::Unfit(..)
                | ResolveRefused::Halted(_)
                | ResolveRefused::Discards(_)
                | ResolveRefused::Uncounted(_)
                | ResolveRefused::Busy => ReleaseResult::Refused,
            };
            released.detail = Some(why.text());
        }
    }
    released
}

impl ResolveRefused {
    /// Whether no partition of the topic would be released now either.
    fn is_of_topic(&self) -> bool {
        matches!(
            self,
            Self::Pending | Self::Discards(_) | Self::Uncounted(_) | Self::Busy
        )
    }

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
            Self::Discards(held) => format!("is not reseeded: {}", discards(held)),
            Self::Uncounted(_) => format!("is not reseeded: {}", uncounted(self)),
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
