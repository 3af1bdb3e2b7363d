//! Carries out requested verifications, and verifies newly mirrored records in the background.
//!
//! One partition at a time. If a cluster doesn't answer it waits; a partition that can't be verified for another reason
//! fails alone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::checkpoint::Update;
use crate::error::{Error, Kind, Result};
use crate::kafka::admin;
use crate::kafka::client::{Cluster, Retry, retry_of};
use crate::model::{Intent, TopicName, TopicPartition};
use crate::replicate::LinkView;

use super::examine::Examination;
use super::examined::{Examined, VerifyPosition};
use super::pace::Pace;
use super::range::LinkSides;
use super::tally::Outcome;
use super::verification::{Proof, Stage};
use super::verifications::Verifications;

/// How often progress is stored.
const STORED_EVERY: Duration = Duration::from_secs(2);
/// The pause before a cluster that didn't answer is tried again.
const PAUSE: Duration = Duration::from_secs(2);

/// How a link is verified.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How often newly mirrored records are verified in the background; `None` for never.
    pub interval: Option<Duration>,
    /// The rate of reading, for both sides together.
    pub bytes_per_second: u64,
}

/// The verification task of a link.
#[derive(Debug)]
pub struct Verifier {
    sides: LinkSides,
    verifications: Arc<Verifications>,
    interval: Option<Duration>,
    pace: Pace,
}

impl Verifier {
    /// A verifier for a link that this process mirrors.
    pub fn new(
        view: LinkView,
        [source, target]: [Cluster; 2],
        verifications: Arc<Verifications>,
        settings: Settings,
    ) -> Self {
        Self {
            sides: LinkSides {
                view,
                source,
                target,
            },
            verifications,
            interval: settings.interval,
            pace: Pace::new(settings.bytes_per_second),
        }
    }

    /// Verifies until `stop`. Errors: those of the checkpoint DB.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        let mut orders = self.verifications.changes();
        let mut next_pass = self.interval.map(|interval| Instant::now() + interval);
        loop {
            orders.mark_unchanged();
            let work = async {
                if let Some(id) = self.verifications.running() {
                    return self.carry_out(&id).await;
                }
                let Some(due) = next_pass else {
                    return std::future::pending().await;
                };
                sleep_until(due).await;
                self.pass().await?;
                next_pass = self.interval.map(|interval| Instant::now() + interval);
                Ok(())
            };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                // A request preempts the background, and a cancelled verification ends here.
                changed = orders.changed() => if changed.is_err() { return Ok(()) },
                done = work => done?,
            }
        }
    }

    async fn carry_out(&self, id: &str) -> Result<()> {
        let Some(report) = self.verifications.report(id) else {
            return Ok(());
        };
        let open = report
            .partitions
            .into_iter()
            .filter(|it| it.outcome.is_none());
        for mut examined in open {
            let partition = examined.topic_partition();
            self.examine(&partition, &mut examined, Some(id)).await?;
            let mut update = Update::lazy();
            self.prove(&partition, &examined, None, &mut update);
            self.verifications.note(id, &examined, &mut update);
            self.verifications.commit(update).await?;
        }
        let mut update = Update::lazy();
        self.verifications.end(id, Stage::Done, &mut update);
        self.verifications.commit(update).await
    }

    /// Verifies what was mirrored since each partition was last verified.
    async fn pass(&self) -> Result<()> {
        for status in self.sides.view.partitions() {
            let partition = status.partition;
            if self.sides.view.intent_of(&partition.topic) == Intent::Open {
                // Its contents belong to the applications.
                continue;
            }
            let Some(snapshot) = self.sides.view.snapshot(&partition) else {
                continue;
            };
            let earlier = self.verifications.proof(&partition);
            let earlier = earlier.filter(|it| {
                it.decisions == snapshot.decisions && it.verified_until.source <= snapshot.until
            });
            let everything = VerifyPosition {
                source: snapshot.until,
                target: snapshot.end,
            };
            if earlier
                .as_ref()
                .is_some_and(|it| it.verified_until == everything)
            {
                self.verifications.renew(&partition);
                continue;
            }
            let begin = earlier
                .as_ref()
                .map_or(VerifyPosition::BEGIN, |it| it.verified_until);
            let mut examined = Examined::at(&partition, begin);
            self.examine(&partition, &mut examined, None).await?;
            if examined.outcome.is_some_and(|it| it != Outcome::Failed) {
                let mut update = Update::lazy();
                self.prove(&partition, &examined, earlier.as_ref(), &mut update);
                self.verifications.commit(update).await?;
            }
        }
        Ok(())
    }

    /// Verifies a partition until it has an outcome; without `order` there may be none, if a cluster doesn't answer. Errors:
    /// those of the checkpoint DB.
    async fn examine(
        &self,
        partition: &TopicPartition,
        examined: &mut Examined,
        order: Option<&str>,
    ) -> Result<()> {
        let mut stored_at = Instant::now();
        let mut counted = examined.tally.bytes;
        let mut report = |examined: &Examined| {
            self.verifications
                .count(examined.tally.bytes.saturating_sub(counted));
            counted = examined.tally.bytes;
            let Some(id) = order else { return };
            let mut update = Update::lazy();
            self.verifications.note(id, examined, &mut update);
            if stored_at.elapsed() >= STORED_EVERY {
                stored_at = Instant::now();
                // If this fails, so does the update with the outcome.
                drop(self.verifications.commit(update));
            }
        };
        loop {
            let error = match self.attempt(partition, examined, &mut report).await {
                Ok(()) => break,
                Err(error) if error.kind() == Kind::Store => return Err(error),
                Err(error) => error,
            };
            let why = self.stands_still(partition);
            if !passes(&error) || why.is_some() {
                examined.outcome = Some(Outcome::Failed);
                examined.detail = Some(why.unwrap_or_else(|| error.chain()));
                break;
            }
            examined.detail = Some(error.chain());
            if order.is_none() {
                return Ok(());
            }
            report(examined);
            sleep(PAUSE).await;
            examined.detail = None;
        }
        report(examined);
        self.tell(partition, examined);
        Ok(())
    }

    /// Why a partition waits for an operator, if it does: an error about it may last as long.
    fn stands_still(&self, partition: &TopicPartition) -> Option<String> {
        let found = self.sides.view.topic(&partition.topic)?;
        let status = found.into_iter().find(|it| it.partition == *partition)?;
        let reason = status.reason.filter(|_| status.state.needs_operator())?;
        Some(format!(
            "the partition is {}: {}",
            status.state, reason.message
        ))
    }

    async fn attempt(
        &self,
        partition: &TopicPartition,
        examined: &mut Examined,
        report: &mut (dyn FnMut(&Examined) + Send),
    ) -> Result<()> {
        let examination = Examination {
            sides: &self.sides,
            partition,
            compacts: self.compacts(&partition.topic).await?,
            pace: &self.pace,
        };
        examination.run(examined, report).await
    }

    /// Whether a topic is compacted on either side.
    async fn compacts(&self, topic: &TopicName) -> Result<bool> {
        let mirror = self.sides.view.mirror_topic(topic);
        let sides = [
            (&self.sides.source, Some(topic.clone())),
            (&self.sides.target, mirror),
        ];
        for (cluster, topic) in sides {
            let asked: Vec<TopicName> = topic.into_iter().collect();
            let policies = admin::cleanup_policies(cluster, &asked).await?;
            if policies.values().any(|policy| policy.contains("compact")) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn prove(
        &self,
        partition: &TopicPartition,
        examined: &Examined,
        earlier: Option<&Proof>,
        update: &mut Update,
    ) {
        let snapshot = self.sides.view.snapshot(partition);
        if let (Some(snapshot), true) = (snapshot, examined.outcome != Some(Outcome::Failed)) {
            let at = (snapshot.decisions, crate::telemetry::now_ms());
            let proof = Proof::of(examined, earlier, at);
            self.verifications.prove(partition, proof, update);
        }
    }

    fn tell(&self, partition: &TopicPartition, examined: &Examined) {
        let link = self.sides.view.link();
        if let Some(first) = examined.tally.first_difference {
            tracing::error!(
                %link, %partition, kind = ?first.kind, source_offset = %first.source_offset,
                differences = examined.tally.differences,
                "the mirror differs from its source"
            );
        } else if let Some(why) = &examined.detail {
            tracing::warn!(%link, %partition, why, "the partition could not be verified");
        }
    }
}

/// Whether an error is temporary.
fn passes(error: &Error) -> bool {
    match error.kind() {
        Kind::Disconnected | Kind::TimedOut => true,
        Kind::Broker(code) => retry_of(code) != Retry::None,
        Kind::Protocol | Kind::Store | Kind::Invalid | Kind::Refused | Kind::Stopping => false,
    }
}
