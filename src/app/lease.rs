//! A link as its driver sees it: acquires the lease through the journal on the target, works under it for a term, and
//! releases it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::checkpoint::records;
use crate::error::{Error, Result};
use crate::journal::{LeaseStatus, Restored, Tell, Tenure, Topic};
use crate::task::{Ownership, Rounds};

use super::driver::{Lease, LinkWork};
use super::identity;
use super::link::LinkParts;
use super::phase::{LinkNews, LinkPhase};

/// The interval between checks of the journal's cleanup policy.
const POLICY_LOOK: Duration = Duration::from_secs(15);

/// The right to mirror for one term.
#[derive(Debug)]
pub(super) struct LinkLease {
    link: LinkParts,
    /// `None` for a link without a journal; only this process ends its terms.
    tenure: Option<Tenure>,
    /// The reason why the journal can't be written, if it can't.
    trouble: watch::Receiver<Option<String>>,
}

impl LinkWork for LinkParts {
    type Lease = LinkLease;

    async fn acquire(&self, standby: watch::Sender<bool>) -> Result<LinkLease> {
        if self.is_stale.swap(true, Ordering::AcqRel) {
            self.look_again()?;
        }
        self.acquire_lease(&standby).await
    }

    async fn work(&self, stop: CancellationToken) -> Result<()> {
        let bound = Self {
            ownership: self.ownership.in_this_term(),
            ..self.clone()
        };
        bound.run_parts(&stop).await
    }

    fn show(&self, phase: &LinkPhase) {
        self.show_phase(phase);
    }

    fn tell(&self, news: LinkNews) {
        self.log(news);
    }
}

impl LinkParts {
    /// Waits until this process owns the link.
    ///
    /// Errors: the checkpoint DB failed, or the target isn't the cluster that the link belongs to.
    pub(super) async fn acquire_lease(&self, standby: &watch::Sender<bool>) -> Result<LinkLease> {
        let link = self.clone();
        if !self.config.journal {
            self.ownership.begin_without_lease();
            return Ok(LinkLease {
                link,
                tenure: None,
                trouble: watch::Sender::default().subscribe(),
            });
        }
        self.say(Some("the journal on the target has not been read yet"));
        self.meet_the_target().await?;
        let tenure = self.come_to_own(standby).await?;
        Ok(LinkLease {
            link,
            trouble: tenure.trouble.clone(),
            tenure: Some(tenure),
        })
    }

    /// Reloads the view from the checkpoint DB; no partition may be running.
    pub(super) fn look_again(&self) -> Result<()> {
        self.verifications.reload()?;
        self.view.reload(|topic| self.config.topics.matches(topic))
    }

    /// Confirms the target's identity if it is known: a journal is created only on the cluster that the link belongs to.
    async fn meet_the_target(&self) -> Result<()> {
        match records::load_link(&*self.store, &self.config.name)? {
            Some(known) => {
                let expected = &known.identity.target_cluster_id;
                identity::confirm(&self.target.cluster, expected).await
            }
            None => Ok(()),
        }
    }

    async fn come_to_own(&self, standby: &watch::Sender<bool>) -> Result<Tenure> {
        let told = AtomicU64::new(0);
        let tell = |status: LeaseStatus| {
            let text = status.to_string();
            let owner = match &status {
                LeaseStatus::Standby(head) => Some(head.owner.clone()),
                LeaseStatus::Reaching(_) | LeaseStatus::Quiet | LeaseStatus::Comparing => None,
            };
            let is_standby = owner.is_some();
            if let LeaseStatus::Standby(head) = status
                && told.swap(head.term, Ordering::Relaxed) != head.term
            {
                tracing::info!(link = %self.config.name, "{text}");
            }
            self.condition
                .send_modify(|condition| condition.owner = owner);
            self.say(Some(&text));
            standby.send_if_modified(|known| std::mem::replace(known, is_standby) != is_standby);
        };
        let (name, ownership) = (&self.config.name, &self.ownership);
        let restored = || self.look_again();
        let hooks: (Tell<'_>, Restored<'_>) = (&tell, &restored);
        let owned = self.journaled.own(name, &self.journal, ownership, hooks);
        Box::pin(owned).await
    }

    /// Checks the journal's cleanup policy periodically, and warns while it isn't `compact`. The warning stays unchanged if
    /// the target doesn't report the policy.
    pub(super) async fn watch_journal(self, stop: CancellationToken) -> Result<()> {
        if !self.config.journal {
            return Ok(());
        }
        let mut rounds = Rounds::every(POLICY_LOOK, stop);
        while rounds.next().await {
            let (target, link) = (&self.target.cluster, &self.config.name);
            if let Ok(Some(policy)) = Topic::policy(target, link).await {
                self.warn((policy != "compact").then(|| {
                    let name = Topic::name(link);
                    format!("the journal {name} has cleanup.policy={policy}, so that it will lose what a rebuild needs; set it to compact again")
                }));
            }
        }
        Ok(())
    }
}

impl LinkLease {
    fn ownership(&self) -> &Ownership {
        &self.link.ownership
    }
}

impl Lease for LinkLease {
    /// Meanwhile shows the reason why the journal can't be written, if it can't.
    async fn lost(&mut self) -> Error {
        let Some(tenure) = &mut self.tenure else {
            return std::future::pending().await;
        };
        let trouble = &mut self.trouble;
        loop {
            tokio::select! {
                error = tenure.lost() => return error,
                Ok(()) = trouble.changed() => {
                    self.link.say(trouble.borrow_and_update().as_deref());
                }
            }
        }
    }

    fn is_over(&self) -> bool {
        self.ownership().term().borrow().is_none()
    }

    async fn release(self, in_order: bool) {
        if self.is_over() {
            return;
        }
        if !in_order {
            self.ownership().note_unanswered();
        }
        if let Some(tenure) = self.tenure
            && let Err(error) = tenure.release().await
        {
            let why = error.chain();
            tracing::warn!(link = %self.link.config.name, why, "the journal was left incomplete");
        }
        self.link.ownership.end();
    }
}
