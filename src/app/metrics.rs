//! Samples of links, partitions and groups for `/metrics`, taken on each scrape.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::api::LinkHandle;
use crate::control::groups::status::GroupState;
use crate::model::LinkName;
use crate::replicate::PartitionStatus;
use crate::telemetry::metrics::{
    ClusterSample, GroupSample, LinkSample, PartitionSample, Samples, VerifiedSample,
};

use super::store_recovery::StoreHealth;

/// The links of the service, and the health of their checkpoint DB.
#[derive(Debug)]
pub(crate) struct LinkSamples {
    pub(crate) links: watch::Receiver<BTreeMap<LinkName, Arc<LinkHandle>>>,
    pub(crate) store: StoreHealth,
}

impl LinkSamples {
    fn handles(&self) -> Vec<Arc<LinkHandle>> {
        self.links.borrow().values().cloned().collect()
    }
}

impl Samples for LinkSamples {
    fn links(&self) -> (Vec<LinkSample>, Vec<PartitionSample>) {
        let (mut links, mut partitions) = (Vec::new(), Vec::new());
        for handle in self.handles() {
            let link = handle.view.link();
            let statuses = handle.view.partitions();
            links.push(LinkSample {
                link: link.clone(),
                state: handle.state(&statuses).as_str(),
                failures: handle.condition.borrow().failures,
            });
            partitions.extend(statuses.into_iter().map(|it| partition(link, it)));
        }
        (links, partitions)
    }

    fn groups(&self) -> Vec<GroupSample> {
        let of_link = |sample: &Arc<LinkHandle>| {
            let link = sample.view.link().clone();
            let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
            for group in sample.groups.groups().values() {
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
        self.handles().iter().flat_map(of_link).collect()
    }

    fn checkpoint_failed(&self) -> bool {
        self.store.failure().is_some()
    }

    fn rate_limited(&self) -> Vec<(LinkName, u64)> {
        let links = self.handles().into_iter();
        links
            .map(|it| (it.view.link().clone(), it.view.rate().waited_ms()))
            .collect()
    }

    fn verified(&self) -> Vec<VerifiedSample> {
        let now = crate::telemetry::now_ms();
        let of_link = |sample: &Arc<LinkHandle>| {
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
        self.handles().iter().flat_map(of_link).collect()
    }

    fn clusters(&self) -> Vec<ClusterSample> {
        let mut clusters = BTreeMap::new();
        for handle in self.handles() {
            let condition = handle.condition.borrow();
            let names = [&handle.source, &handle.target].into_iter();
            let sides = condition.certificates.iter().zip(&condition.unreachable);
            for (name, (ends, unreachable)) in names.zip(sides) {
                let sample = ClusterSample {
                    cluster: name.clone(),
                    certificates: ends.by_side().collect(),
                    unreachable_brokers: unreachable.brokers.len() as u64,
                };
                clusters.insert(name.clone(), sample);
            }
        }
        clusters.into_values().collect()
    }

    fn bytes_verified(&self) -> Vec<(LinkName, u64)> {
        let links = self.handles().into_iter();
        links
            .map(|it| (it.view.link().clone(), it.verifications.bytes_read()))
            .collect()
    }
}

fn partition(link: &LinkName, status: PartitionStatus) -> PartitionSample {
    PartitionSample {
        link: link.clone(),
        partition: status.partition,
        state: status.state,
        is_from_follower: status.read_from.is_some(),
        lag_records: status.lag_records,
        held_records: status.held_records,
        held_since_ms: status.held_by.map(|it| it.since_ms),
        lag_ms: status.lag_ms,
        heard_ms: status.as_of_ms,
        position: status.position,
        target_end: status.target_end,
        records: status.records,
        bytes: status.bytes,
        batches: status.batches,
        resyncs: status.resyncs,
        expired: status.expired_on_target,
        without_image: status.without_image,
        missed_deletions: status.missed_deletions.is_some(),
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
        GroupState::Moved => "moved",
        GroupState::Vanished => "vanished",
        GroupState::Waiting => "waiting",
        GroupState::Paused => "paused",
    }
}
