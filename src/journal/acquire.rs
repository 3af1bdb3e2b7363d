//! Acquires a link: waits until no other process owns it, claims it, and makes DB and journal equal.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::Store;
use crate::checkpoint::layout;
use crate::error::{Error, Kind, Result};
use crate::kafka::client::Cluster;
use crate::kafka::data::append_place::{AppendFailure, AppendPlace};
use crate::task::{Backoff, Owned, Ownership};

use super::lease::{LeaseDecision, LeaseWatch, Seen};
use super::queue::{JournalQueue, stored_revision};
use super::recover::{Reconciled, reconcile};
use super::writer::{AppendCursor, JournalWriter, build};
use super::{Head, LEASE, MARGIN, Owner, Renew, Revision, Topic};

/// How often a standby checks the journal.
const LOOK: Duration = Duration::from_millis(500);
const PAUSE_BASE: Duration = Duration::from_millis(100);
const PAUSE_CAP: Duration = Duration::from_secs(5);
/// How long the writer may take to end.
const RELEASE_LIMIT: Duration = Duration::from_secs(8);

/// The settings of a link's journal.
#[derive(Debug, Clone)]
pub struct JournalSettings {
    /// The cluster that holds the journal.
    pub target: Cluster,
    /// The replication factor; `None` means three, or the number of brokers if there are fewer.
    pub replication_factor: Option<i16>,
    /// This process.
    pub me: Owner,
}

/// The state of a process that doesn't own its link yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseStatus {
    /// The journal can't be reached, for this reason; nothing starts without it.
    Reaching(String),
    /// Another process owns the link.
    Standby(Head),
    /// A former owner may still be sending.
    Quiet,
    /// DB and journal are being compared.
    Comparing,
}

impl fmt::Display for LeaseStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reaching(why) => write!(f, "the journal on the target can't be read: {why}"),
            Self::Standby(head) => write!(
                f,
                "standby: the link is owned by {} since {}; this process takes over when the owner releases the link or has been silent for {} s",
                head.owner,
                since(head),
                (LEASE + MARGIN).as_secs()
            ),
            Self::Quiet => write!(
                f,
                "waiting for the lease of the former owner to end, {} s at most",
                (LEASE + MARGIN).as_secs()
            ),
            Self::Comparing => f.write_str("the checkpoint DB and the journal are being compared"),
        }
    }
}

fn since(head: &Head) -> String {
    let time = jiff::Timestamp::from_millisecond(head.since_ms);
    time.map_or_else(|_| head.since_ms.to_string(), |time| time.to_string())
}

/// Called with every change of the standing.
pub type Tell<'a> = &'a (dyn Fn(LeaseStatus) + Send + Sync);

/// Reloads what the process shows of a link whose DB was restored, before anything is notified that the term has begun.
pub type Restored<'a> = &'a (dyn Fn() -> Result<()> + Send + Sync);

/// The period in which this process owns a link. Dropping it amounts to a crash: the lease has to expire.
#[derive(Debug)]
pub struct Tenure {
    /// Why the journal can't currently be written, or `None`. Nothing is sent while it can't.
    pub trouble: watch::Receiver<Option<String>>,
    writer: Owned,
    stop: CancellationToken,
}

impl Tenure {
    /// Waits until the link is lost, and returns why. Cancellation: safe.
    pub async fn lost(&mut self) -> Error {
        let ended = self.writer.ended().await;
        ended
            .err()
            .unwrap_or_else(|| Error::new(Kind::Refused, "the journal's writer ended"))
    }

    /// Appends what is left and releases the link, so that the next owner needn't wait.
    ///
    /// Errors: the target doesn't answer; the next start completes the journal.
    pub async fn release(self) -> Result<()> {
        self.stop.cancel();
        timeout(RELEASE_LIMIT, self.writer.join())
            .await
            .unwrap_or_else(|_| {
                let message = "the journal couldn't be completed in time";
                Err(Error::new(Kind::TimedOut, message))
            })
    }
}

/// When watching the journal began, and what has been seen of it.
type Watch = (Instant, LeaseWatch);

/// A process that wants to own a link.
pub(crate) struct Candidate<'a> {
    pub(crate) settings: &'a JournalSettings,
    pub(crate) disk: &'a dyn Store,
    pub(crate) line: &'a Arc<JournalQueue>,
    pub(crate) ownership: &'a Ownership,
    pub(crate) renew: Renew,
    pub(crate) restored: Restored<'a>,
}

impl Candidate<'_> {
    /// Waits until this process owns the link, and DB and journal are equal.
    ///
    /// Errors: the checkpoint DB failed; any error of the target is retried. Cancellation: a claim already made has to
    /// expire.
    pub(crate) async fn own(&self, tell: Tell<'_>) -> Result<Tenure> {
        let mut backoff = Backoff::new(PAUSE_BASE, PAUSE_CAP);
        let mut watch = (Instant::now(), LeaseWatch::default());
        let mut told_newer = false;
        loop {
            let error = match self.attempt(&mut watch, tell).await {
                Ok(Some(tenure)) => return Ok(tenure),
                Ok(None) => continue,
                Err(error) if error.kind() == Kind::Store => return Err(error),
                Err(error) => error,
            };
            if layout::is_newer(&error) && !std::mem::replace(&mut told_newer, true) {
                let error = error.chain();
                tracing::error!(link = %self.line.link(), error, "the link isn't started");
            }
            tell(LeaseStatus::Reaching(error.chain()));
            sleep(backoff.next()).await;
            let target = &self.settings.target;
            // If this fails, so does the next attempt, which then reports why.
            let _ = target.refresh(target.metadata().generation).await;
        }
    }

    /// Returns `None` if another process was faster.
    async fn attempt(&self, watch: &mut Watch, tell: Tell<'_>) -> Result<Option<Tenure>> {
        let JournalSettings {
            target,
            replication_factor,
            me,
        } = self.settings;
        let topic = Topic::ensure(target, self.line.link(), *replication_factor).await?;
        let (end, seen) = self.wait_for_turn(&topic, watch, tell).await?;
        let in_db = stored_revision(self.disk, self.line.link())?;
        let required = layout::required(self.disk, self.line.link())?;
        let marked = seen.as_ref().map(|seen| seen.head.mark);
        let last_term = seen.as_ref().map(|seen| seen.head.term);
        let head = Head {
            owner: me.clone(),
            since_ms: crate::telemetry::now_ms(),
            term: last_term.max(in_db.map(|it| it.term)).unwrap_or(0) + 1,
            claim: fastrand::u64(..),
            revision: seen.as_ref().and_then(|seen| seen.head.revision),
            released: false,
            mark: marked.unwrap_or_default().written(required),
        };
        let sent_at = Instant::now();
        let Some(offset) = claim(&topic, self.line, &head).await? else {
            return Ok(None);
        };
        let between = topic.read(end..offset).await?.heads;
        let latest = between
            .last()
            .map_or(head.revision, |seen| seen.head.revision);
        self.ownership.extend(sent_at + LEASE);
        let claimed = Head {
            revision: latest,
            mark: between
                .iter()
                .fold(head.mark, |mark, seen| mark.with(seen.head.mark)),
            ..head.clone()
        };
        let tenure = self.begin(AppendCursor::behind_claim(&topic, offset), claimed);
        tracing::info!(link = %self.line.link(), term = head.term, "this process owns the link");
        let is_foreign = |seen: &Seen| seen.head.owner.id != me.id && !seen.head.released;
        let must_wait = between.iter().any(is_foreign);
        self.complete(tenure, (head.term, latest), must_wait, &topic, tell)
            .await
            .map(Some)
    }

    /// Waits until no process owns the link; returns the log's end at that time, and its newest head.
    async fn wait_for_turn(
        &self,
        topic: &Topic,
        (begun, lease_watch): &mut Watch,
        tell: Tell<'_>,
    ) -> Result<(i64, Option<Seen>)> {
        loop {
            let (end, seen) = topic.look().await?;
            match lease_watch.judge(seen.clone(), &self.settings.me, begun.elapsed()) {
                LeaseDecision::Claim => return Ok((end, seen)),
                LeaseDecision::Wait(head) => tell(LeaseStatus::Standby(head)),
            }
            sleep(LOOK).await;
        }
    }

    /// Starts the writer, which renews the lease from now on.
    fn begin(&self, place: AppendCursor, head: Head) -> Tenure {
        self.line.begin(head.revision);
        let stop = CancellationToken::new();
        let (trouble, told) = watch::channel(None);
        let writer = JournalWriter {
            place,
            line: Arc::clone(self.line),
            ownership: self.ownership.clone(),
            head,
            trouble,
        };
        Tenure {
            trouble: told,
            writer: Owned::spawn("journal", writer.serve(stop.clone())),
            stop,
        }
    }

    /// Makes DB and journal equal and opens the queue; the link is owned from then on.
    async fn complete(
        &self,
        mut tenure: Tenure,
        (term, latest): (u64, Option<Revision>),
        must_wait: bool,
        topic: &Topic,
        tell: Tell<'_>,
    ) -> Result<Tenure> {
        let completing = async {
            if must_wait {
                // Renewed between the last check and the claim: whatever that owner sends ends with its lease.
                tell(LeaseStatus::Quiet);
                sleep(LEASE + MARGIN).await;
            }
            tell(LeaseStatus::Comparing);
            reconcile(self.disk, self.line, topic, (term, latest), self.renew).await
        };
        let reconciled = tokio::select! {
            reconciled = completing => reconciled,
            error = tenure.lost() => return Err(error),
        };
        let reconciled = match reconciled {
            Ok(reconciled) => reconciled,
            Err(error) => {
                // Waits for this attempt's writer to end before the next attempt; the error is returned below.
                let _ = tenure.release().await;
                return Err(error);
            }
        };
        let link = self.line.link();
        match reconciled {
            Reconciled::Equal => {}
            Reconciled::Restored => {
                tracing::warn!(%link, "the checkpoint DB lacked what the journal holds; it is complete again");
            }
            Reconciled::Supplemented => {
                tracing::info!(%link, "the journal lacked what the checkpoint DB holds; it is complete again");
            }
        }
        if reconciled == Reconciled::Restored
            && let Err(error) = (self.restored)()
        {
            let _ = tenure.release().await;
            return Err(error);
        }
        self.line.open(term);
        self.ownership.begin(term);
        Ok(tenure)
    }
}

/// Claims a link by appending `head`; returns the claim's offset, or `None` if another process was faster.
pub(super) async fn claim(
    topic: &Topic,
    line: &Arc<JournalQueue>,
    head: &Head,
) -> Result<Option<i64>> {
    let batch = build(line, head, &[], 0)?;
    match topic.append(batch, AppendPlace::Contested).await {
        Ok((offset, found)) => {
            let is_ours = found.head().is_some_and(|found| found.claim == head.claim);
            Ok(is_ours.then_some(offset))
        }
        Err(failed) if failed.why == AppendFailure::Fenced || is_taken(&failed.error) => Ok(None),
        Err(failed) => Err(failed.error),
    }
}

/// A sequence out of order: another process has written more than a claim in this term.
fn is_taken(error: &Error) -> bool {
    error.code().is_some_and(|code| code.0 == 45)
}

#[cfg(test)]
mod tests;
