//! Releases a partition that stands still: an operator's policy, for once, for the trouble at hand. One that may have missed
//! deletions goes on, and can be mirrored anew in the same way.
//!
//! Promises: a release is refused unless the partition has trouble that the policy fits; it ends with what was done, durably, or
//! with why the partition still stands still. Doesn't: change what the configuration says.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::model::{
    HaltCode, OffsetsMode, PartitionState, Policies, Policy, Reason, TargetOffset, TopicPartition,
};
use crate::replicate::partition::mirror::{Mirror, Phase};
use crate::replicate::resync::decision;
use crate::replicate::resync::position::Trouble;
use crate::replicate::shared::link::LinkView;

use super::decide::Outcome;
use super::run::Worker;

/// Releases that may wait for the worker.
pub(crate) const WAITING_LIMIT: usize = 64;

/// Why a partition isn't released.
#[derive(Debug)]
pub enum Unreleased {
    /// The link doesn't mirror it.
    UnknownPartition,
    /// It doesn't stand still.
    NotHalted(PartitionState),
    /// The policy doesn't help against what it stands still for; these do.
    Unfit(HaltCode, &'static [Policy]),
    /// Nothing was decided in time; the partition goes on trying.
    Pending,
    /// It stands still again, for this reason.
    Halted(Box<Reason>),
    /// The link doesn't run, is paused, or can't take more.
    Busy,
}

/// What an operator asks the worker for.
#[derive(Debug)]
pub(crate) struct Release {
    partition: TopicPartition,
    reason: Reason,
    policy: Policy,
    done: oneshot::Sender<Result<Outcome, Box<Reason>>>,
}

/// An operator's policy for the trouble a partition stands still for.
#[derive(Debug)]
pub(crate) struct Grant {
    code: HaltCode,
    policy: Policy,
    /// Whoever waits for what it comes to.
    done: oneshot::Sender<Result<Outcome, Box<Reason>>>,
}

impl LinkView {
    /// Whether a policy would release a partition; gives what it stands still for, or goes on in spite of.
    pub fn releasable(
        &self,
        partition: &TopicPartition,
        policy: Policy,
    ) -> Result<Reason, Unreleased> {
        let status = self
            .topic(&partition.topic)
            .and_then(|all| all.into_iter().find(|it| it.partition == *partition))
            .ok_or(Unreleased::UnknownPartition)?;
        let halted = status.reason.filter(|_| status.state.needs_operator());
        let reason = halted
            .or_else(|| status.missed_deletions.map(|missed| missed.reason()))
            .ok_or(Unreleased::NotHalted(status.state))?;
        let fits = if status.offsets == OffsetsMode::Preserve.as_str() {
            reason.code.releases_in_place()
        } else {
            reason.code.releases()
        };
        if fits.contains(&policy) {
            Ok(reason)
        } else {
            Err(Unreleased::Unfit(reason.code, fits))
        }
    }

    /// Applies a policy once to a partition that it would release, and waits for what comes of it.
    ///
    /// Cancellation: dropping the future leaves the release with the worker, which goes on with it.
    pub async fn release(
        &self,
        partition: &TopicPartition,
        policy: Policy,
        patience: Duration,
    ) -> Result<Outcome, Unreleased> {
        let reason = self.releasable(partition, policy)?;
        let (done, decided) = oneshot::channel();
        let release = Release {
            partition: partition.clone(),
            reason,
            policy,
            done,
        };
        let sent = self.releases().try_send(release);
        sent.map_err(|_| Unreleased::Busy)?;
        match tokio::time::timeout(patience, decided).await {
            Ok(Ok(Ok(outcome))) => Ok(outcome),
            Ok(Ok(Err(reason))) => Err(Unreleased::Halted(reason)),
            Ok(Err(_)) => Err(Unreleased::Busy),
            Err(_) => Err(Unreleased::Pending),
        }
    }
}

/// Both ends of the way from the view to the worker.
#[derive(Debug)]
pub(crate) struct Releases {
    pub(crate) sender: mpsc::Sender<Release>,
    pub(crate) receiver: parking_lot::Mutex<Option<mpsc::Receiver<Release>>>,
}

impl Default for Releases {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_LIMIT);
        Self {
            sender,
            receiver: parking_lot::Mutex::new(Some(receiver)),
        }
    }
}

impl Worker {
    /// Takes an operator's release: the partition settles, and what it finds is decided by the policy given.
    pub(crate) fn release(&mut self, release: Release) {
        let Some(&index) = self.places.get(&release.partition) else {
            return;
        };
        let is_paused = self.is_paused(index);
        let mirror = &mut self.mirrors[index];
        let goes_on = release.reason.code == HaltCode::MissedDeletions;
        let is_ready = match mirror.phase {
            Phase::Halted => !goes_on,
            Phase::Flowing { .. } | Phase::Settling | Phase::Resting => goes_on,
            Phase::Deciding | Phase::Draining(_) | Phase::Paused => false,
        };
        if !is_ready || is_paused {
            return;
        }
        mirror.grant = Some(Grant {
            code: release.reason.code,
            policy: release.policy,
            done: release.done,
        });
        let reason = mirror.tracked.lock().figures.reason.clone();
        match (release.policy, reason) {
            _ if goes_on => {
                // What is in flight lands first.
                let end = TargetOffset(mirror.tracked.lock().figures.target_end);
                let decision = decision::reseed(release.reason, end);
                self.trouble(index, Trouble::Decided(Box::new(decision)), false);
            }
            (Policy::Reseed, Some(reason)) => self.reseed(index, &reason),
            (_, reason) => {
                mirror.pending = reason;
                self.settle(index);
            }
        }
    }
}

impl Mirror {
    /// What to do where it would have to guess: as configured, or as an operator decided.
    pub(crate) fn policies(&self) -> Policies {
        let grant = self.grant.as_ref();
        let policies = grant.map_or(self.policies, |it| self.policies.with(it.code, it.policy));
        match self.offsets {
            OffsetsMode::Translate => policies,
            OffsetsMode::Preserve => policies.keeping_offsets(),
        }
    }

    /// Tells whoever released it what came of it; a grant is for once.
    pub(crate) fn released(&mut self, result: Result<Outcome, Box<Reason>>) {
        if let Some(grant) = self.grant.take() {
            // Whoever asked may be gone.
            let _ = grant.done.send(result);
        }
    }
}
