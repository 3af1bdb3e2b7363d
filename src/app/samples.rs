//! What `/metrics` shows of partitions and groups, taken when it is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::control::groups::board::{Board, GroupState};
use crate::replicate::LinkView;
use crate::telemetry::metrics::{GroupSample, PartitionSample, Samples};

use super::revival::Revival;

/// The links of the service, and their checkpoint DB.
#[derive(Debug)]
pub(crate) struct LinkSamples {
    pub(crate) links: Vec<(LinkView, Arc<Board>)>,
    pub(crate) revival: Revival,
}

impl Samples for LinkSamples {
    fn partitions(&self) -> Vec<PartitionSample> {
        let of_link = |(view, _): &(LinkView, Arc<Board>)| {
            let link = view.link().clone();
            view.partitions()
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
                    without_image: status.without_image,
                })
        };
        self.links.iter().flat_map(of_link).collect()
    }

    fn groups(&self) -> Vec<GroupSample> {
        let of_link = |(view, board): &(LinkView, Arc<Board>)| {
            let link = view.link().clone();
            let mut counts: BTreeMap<&'static str, u64> = BTreeMap::new();
            for group in board.groups().values() {
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
    }
}
