//! Releases a halted partition: an operator's policy is applied once to the trouble at hand. A partition that may have
//! missed deletions keeps mirroring, and can be reseeded the same way.
//!
//! Promises: a release is refused unless the partition has trouble the policy applies to; it ends with a durable outcome, or
//! with the reason why the partition is still halted. Doesn't: change the configuration.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::model::{
    HaltCode, OffsetsMode, Policies, Policy, Reason, TargetOffset, TopicName, TopicPartition,
};
use crate::replicate::partition::effect::{Event, ResolveAnswer};
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::Trouble;
use crate::replicate::resync::decision::{self, DecisionOutcome};
use crate::replicate::shared::inventory::{Holdings, Inventory};
use crate::replicate::shared::link::LinkView;
use crate::replicate::shared::resolve_request::{
    CountRequest, Grant, OperatorRequest, ResolveRefused, ResolveRequest,
};

use super::state::Worker;

impl LinkView {
    /// Returns the reason a partition is halted for, or keeps mirroring in spite of, if `policy` would release it.
    pub fn releasable(
        &self,
        partition: &TopicPartition,
        policy: Policy,
    ) -> Result<Reason, ResolveRefused> {
        let status = self
            .topic(&partition.topic)
            .and_then(|all| all.into_iter().find(|it| it.partition == *partition))
            .ok_or(ResolveRefused::UnknownPartition)?;
        let halted = status.reason.filter(|_| status.state.needs_operator());
        let reason = halted
            .or_else(|| status.missed_deletions.map(|missed| missed.reason()))
            .ok_or(ResolveRefused::NotHalted(status.state))?;
        let fits = if status.offsets == OffsetsMode::Preserve {
            reason.code.releases_in_place()
        } else {
            reason.code.releases()
        };
        if fits.contains(&policy) {
            Ok(reason)
        } else {
            Err(ResolveRefused::Unfit(reason.code, fits))
        }
    }

    /// Applies a policy once to a partition that it would release, and waits up to `credit` for the outcome. A reseed has to
    /// `discard` exactly as many records as exist only on the target.
    ///
    /// Cancellation: dropping the future leaves the release with the worker, which carries on with it.
    pub async fn release(
        &self,
        partition: &TopicPartition,
        (policy, discard): (Policy, Option<u64>),
        credit: Duration,
    ) -> Result<DecisionOutcome, ResolveRefused> {
        let reason = self.releasable(partition, policy)?;
        let (done, decided) = oneshot::channel();
        let release = ResolveRequest {
            partition: partition.clone(),
            reason,
            policy,
            discard,
            done,
        };
        self.requests().send(OperatorRequest::Resolve(release))?;
        match tokio::time::timeout(credit, decided).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ResolveRefused::Busy),
            Err(_) => Err(ResolveRefused::Pending),
        }
    }

    /// Counts what the mirror of a source topic holds, within `credit`.
    ///
    /// Cancellation: safe, nothing is changed.
    pub async fn inventory(
        &self,
        topic: &TopicName,
        credit: Duration,
    ) -> Result<Inventory, ResolveRefused> {
        let (done, counted) = oneshot::channel();
        let topic = topic.clone();
        self.requests()
            .send(OperatorRequest::Count(CountRequest { topic, done }))?;
        match tokio::time::timeout(credit, counted).await {
            Ok(Ok(result)) => result.map_err(|error| ResolveRefused::Uncounted(error.chain())),
            Ok(Err(_)) => Err(ResolveRefused::Busy),
            Err(_) => {
                let message = format!("the target's answers took longer than {credit:?}");
                Err(ResolveRefused::Uncounted(message))
            }
        }
    }
}

impl Worker {
    /// Takes an operator's request. What a reseed would delete is counted first, unless it is decided already.
    pub(crate) fn take_request(&mut self, request: OperatorRequest) {
        match request {
            OperatorRequest::Count(request) => self.count(request),
            OperatorRequest::Resolve(release) => {
                let index = self.places.get(&release.partition);
                let decided = index.is_some_and(|it| self.awaits_new_topic(*it).is_some());
                if release.policy == Policy::Reseed && !decided {
                    self.weigh(release);
                } else {
                    self.release(release, Holdings::default());
                }
            }
        }
    }

    /// Carries out an operator's release: both logs are read, and the policy given decides about the result.
    pub(super) fn release(&mut self, release: ResolveRequest, discards: Holdings) {
        let Some(&index) = self.places.get(&release.partition) else {
            return;
        };
        let mirror = &mut self.mirrors[index];
        let goes_on = release.reason.code == HaltCode::MissedDeletions;
        let is_ready = if goes_on {
            mirror.life.is_at_work()
        } else {
            mirror.life.is_halted()
        };
        if !is_ready {
            return;
        }
        mirror.grant = Some(Grant {
            code: release.reason.code,
            policy: release.policy,
            discards,
            done: release.done,
        });
        if goes_on {
            // Batches in flight land first.
            let end = TargetOffset(mirror.tracked.lock().figures.target_end);
            let decision = decision::reseed(release.reason, end);
            self.trouble(index, Trouble::Decided(Box::new(decision)), false);
        } else {
            self.live(index, Event::Released(release.policy));
        }
    }
}

impl Mirror {
    /// Returns the policies for cases in which resuming would mean guessing: as configured, or as an operator decided.
    pub(crate) fn policies(&self) -> Policies {
        let grant = self.grant.as_ref();
        let policies = grant.map_or(self.policies, |it| self.policies.with(it.code, it.policy));
        match self.offsets {
            OffsetsMode::Translate => policies,
            OffsetsMode::Preserve => policies.keeping_offsets(),
        }
    }

    /// Sends the outcome to the operator that released the partition; a grant applies once.
    pub(crate) fn answer(&mut self, answer: ResolveAnswer) {
        let Some(grant) = self.grant.take() else {
            return;
        };
        // The operator may be gone.
        let _ = match answer {
            ResolveAnswer::Done(outcome) => grant.done.send(Ok(*outcome)),
            ResolveAnswer::Halted(reason) => {
                let refused = ResolveRefused::Halted(Box::new(reason));
                grant.done.send(Err(refused))
            }
            ResolveAnswer::Nothing => return,
        };
    }
}
