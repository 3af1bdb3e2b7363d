//! A link's terms: it mirrors while this process owns it, and stands by while another one does.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio_util::sync::CancellationToken;

use crate::checkpoint::records;
use crate::error::{Error, Result};
use crate::journal::{Standing, Tenure};

use super::identity;
use super::link::Link;

impl Link {
    /// Runs until told to stop, over as many terms as it takes.
    ///
    /// Errors: what keeps the link from running at all.
    pub(super) async fn run(self, stop: &CancellationToken) -> Result<()> {
        if !self.config.journal {
            return self.mirror_until(stop).await;
        }
        self.say(Some("the journal on the target was not read yet"));
        self.meet_the_target(stop).await?;
        while !stop.is_cancelled() {
            let mut tenure = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                tenure = self.come_to_own() => tenure?,
            };
            if tenure.restored {
                self.look_again()?;
            }
            match self.term(&mut tenure, stop).await {
                Ended::Lost(error) => {
                    let why = error.chain();
                    tracing::warn!(link = %self.config.name, why, "the link is no longer owned by this process");
                    self.look_again()?;
                }
                Ended::Done(ended) => {
                    if ended.is_err() {
                        self.ownership.note_unanswered();
                    }
                    if let Err(error) = tenure.release().await {
                        let why = error.chain();
                        tracing::warn!(link = %self.config.name, why, "the journal was left incomplete");
                    }
                    return ended;
                }
            }
        }
        Ok(())
    }

    /// Shows what the checkpoint DB holds now, and no partition at work.
    pub(super) fn look_again(&self) -> Result<()> {
        self.view.reload(|topic| self.config.topics.matches(topic))
    }

    /// A journal is made only on the cluster that the link belongs to.
    async fn meet_the_target(&self, stop: &CancellationToken) -> Result<()> {
        let Some(known) = records::load_link(&*self.store, &self.config.name)? else {
            return Ok(());
        };
        let expected = &known.identity.target_cluster_id;
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            confirmed = identity::confirm(&self.target.cluster, expected) => confirmed,
        }
    }

    async fn come_to_own(&self) -> Result<Tenure> {
        let told = AtomicU64::new(0);
        let tell = |standing: Standing| {
            let text = standing.to_string();
            let owner = match &standing {
                Standing::Standby(head) => Some(head.owner.clone()),
                Standing::Reaching(_) | Standing::Quiet | Standing::Comparing => None,
            };
            if let Standing::Standby(head) = standing
                && told.swap(head.term, Ordering::Relaxed) != head.term
            {
                tracing::info!(link = %self.config.name, "{text}");
            }
            self.condition.send_modify(|condition| {
                condition.waits_for = Some(text);
                condition.standby = owner.is_some();
                condition.owner = owner;
            });
        };
        let (name, ownership) = (&self.config.name, &self.ownership);
        let owned = self.journaled.own(name, &self.journal, ownership, &tell);
        let tenure = Box::pin(owned).await?;
        self.condition.send_modify(|condition| {
            condition.waits_for = None;
            condition.standby = false;
            condition.owner = None;
        });
        Ok(tenure)
    }

    /// Mirrors in one term.
    async fn term(&self, tenure: &mut Tenure, stop: &CancellationToken) -> Ended {
        let end = stop.child_token();
        let mut mirroring = Box::pin(self.clone().mirror_until(&end));
        let mut trouble = tenure.trouble.clone();
        loop {
            tokio::select! {
                ended = &mut mirroring => {
                    // Who loses the link may hear of it first by what it can't store any more.
                    if ended.is_err() && self.ownership.term().borrow().is_none() {
                        return Ended::Lost(tenure.lost().await);
                    }
                    return Ended::Done(ended);
                }
                lost = tenure.lost() => {
                    end.cancel();
                    // What it couldn't store any more, the next owner finds out.
                    let _ = mirroring.await;
                    return Ended::Lost(lost);
                }
                Ok(()) = trouble.changed() => self.say(trouble.borrow_and_update().as_deref()),
            }
        }
    }
}

/// How a term ended.
enum Ended {
    /// Another process took the link over, or the journal is gone.
    Lost(Error),
    /// By a stop, or by what keeps the link from running; the link is still owned.
    Done(Result<()>),
}
