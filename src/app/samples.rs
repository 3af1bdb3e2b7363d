//! What `/metrics` shows of partitions and groups, taken when it is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::control::groups::status::{Board, GroupState};
use crate::model::LinkName;
use crate::replicate::LinkView;
use crate::telemetry::metrics::{GroupSample, PartitionSample, Samples, VerifiedSample};
use crate::verify::Verifications;

use super::revival::Revival;

/// The links of the service, and their checkpoint DB.
#[derive(Debug)]
pub(crate) struct LinkSamples {
    pub(crate) links: Vec<LinkSample>,
    pub(crate) revival: Revival,
}

/// What is known of a link.
#[derive(Debug)]
pub(crate) struct LinkSample {
    pub(crate) view: LinkView,
    pub(crate) board: Arc<Board>,
    pub(crate) verifications: Arc<Verifications>,
}

impl Samples for LinkSamples {
    fn partitions(&self) -> Vec<PartitionSample> {
        let of_link = |sample: &LinkSample| {
            let link = sample.view.link().clone();
            sample
                .view
                .partitions()
                .into_iter()
                .map(move |status| PartitionSample {
                    link: link.clone(),
                    partition: status.partition,
                    state: status.state,
                    lag_records: status.lag_records,
                    lag_ms: status.lag_ms,
                    position: status.position,
                    target_end: status.target_end,
                    records: status.records,
                    bytes: status.bytes,
                    batches: status.batches,
                    settlings: status.settlings,
                    expired: status.expired_on_target,
                    without_image: status.without_image,
                    missed_deletions: status.missed_deletions.is_some(),
                })
        };
        self.links.iter().flat_map(of_link).collect()
    }

    fn groups(&self) -> Vec<GroupSample> {
        let of_link = |sample: &LinkSample| {
            let link = sample.view.link().clone();
            let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
            for group in sample.board.groups().values() {
                for partition in &group.partitions {
                    *counts.entry(name(partition.state)).or_default() += 1;
                }
            }
            counts.into_iter().map(move |(state, count)| GroupSample {
                link: link.clone(),
                state,
                count,
            })
        };
        self.links.iter().flat_map(of_link).collect()
    }

    fn checkpoint_failed(&self) -> bool {
        self.revival.failure().is_some()
    }

    fn rate_limited(&self) -> Vec<(LinkName, u64)> {
        let views = self.links.iter().map(|it| &it.view);
        views
            .map(|it| (it.link().clone(), it.rate().waited_ms()))
            .collect()
    }

    fn verified(&self) -> Vec<VerifiedSample> {
        let now = crate::telemetry::now_ms();
        let of_link = |sample: &LinkSample| {
            let link = sample.view.link().clone();
            let proofs = sample.verifications.proofs().into_iter();
            proofs.map(move |(partition, proof)| VerifiedSample {
                link: link.clone(),
                partition,
                offset: proof.verified_until.source.get(),
                age_ms: now.saturating_sub(proof.verified_at_ms).max(0),
                differences: proof.differences,
            })
        };
        self.links.iter().flat_map(of_link).collect()
    }

    fn bytes_verified(&self) -> Vec<(LinkName, u64)> {
        let links = self.links.iter().map(|it| &it.verifications);
        links
            .map(|it| (it.link().clone(), it.bytes_read()))
            .collect()
    }
}

fn name(state: GroupState) -> &'static str {
    match state {
        GroupState::Synced => "synced",
        GroupState::Pending => "pending",
        GroupState::Held => "held",
        GroupState::Clamped => "clamped",
        GroupState::ActiveOnTarget => "active_on_target",
        GroupState::Released => "released",
        GroupState::Waiting => "waiting",
        GroupState::Paused => "paused",
    }
}
