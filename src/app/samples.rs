//! What `/metrics` shows of partitions and groups, taken when it is asked for.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::control::groups::board::{Board, GroupState};
use crate::replicate::LinkView;
use crate::telemetry::metrics::{GroupSample, PartitionSample, Samples};

/// The links of the service.
#[derive(Debug)]
pub(crate) struct LinkSamples(pub(crate) Vec<(LinkView, Arc<Board>)>);

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
                    expired: status.expired_on_target,
                    without_image: status.without_image,
                })
        };
        self.0.iter().flat_map(of_link).collect()
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
        self.0.iter().flat_map(of_link).collect()
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
