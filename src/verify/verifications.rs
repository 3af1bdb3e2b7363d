//! The verifications of a link and what they proved, shared by the API and the verifier.
//!
//! Promises: a request is stored before it is answered, so a restart carries it out; only one is carried out at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::checkpoint::{PendingCommit, Store, Update, verifications as stored};
use crate::config::TopicFilter;
use crate::error::{Error, Kind, Result};
use crate::model::{LinkName, TopicPartition};
use crate::replicate::{LinkView, PartitionStatus};

use super::examined::{Examined, VerifyPosition};
use super::tally::Outcome;
use super::verification::{Proof, Report, Stage, Verification};

/// The number of verifications kept per link.
const KEPT: usize = 16;

/// Shared by the code that requests, carries out and reports verifications.
#[derive(Debug)]
pub struct Verifications {
    view: LinkView,
    store: Arc<dyn Store>,
    known: Mutex<Known>,
    /// Held while one is being requested.
    ordering: tokio::sync::Mutex<()>,
    changed: watch::Sender<()>,
    bytes: AtomicU64,
}

#[derive(Debug, Default)]
struct Known {
    /// Oldest first.
    ordered: Vec<(Verification, Vec<Examined>)>,
    proofs: BTreeMap<TopicPartition, Proof>,
}

impl Verifications {
    /// Loads a link's verifications from the checkpoint DB. Errors: those of the store.
    pub fn load(view: &LinkView, store: &Arc<dyn Store>) -> Result<Self> {
        Ok(Self {
            view: view.clone(),
            store: Arc::clone(store),
            known: Mutex::new(Known::load(&**store, view.link())?),
            ordering: tokio::sync::Mutex::default(),
            changed: watch::Sender::default(),
            bytes: AtomicU64::new(0),
        })
    }

    /// Reloads them from the checkpoint DB: another process may have owned the link, or the journal may have refilled the
    /// DB. Errors: those of the store.
    pub fn reload(&self) -> Result<()> {
        *self.known.lock() = Known::load(&*self.store, self.link())?;
        self.changed.send_replace(());
        Ok(())
    }

    /// The link.
    pub fn link(&self) -> &LinkName {
        self.view.link()
    }

    /// Requests a verification of the topics that match an expression as a whole, or of all topics if there is none;
    /// `update` is committed with it.
    ///
    /// Errors: `Refused` while another one is in progress, `Invalid` if no mirrored topic matches, those of the store.
    pub async fn order(&self, topics: Vec<String>, mut update: Update) -> Result<Report> {
        let _alone = self.ordering.lock().await;
        if let Some(running) = self.running() {
            let text = format!(
                "verification {running} of the link is in progress; wait for it or cancel it"
            );
            return Err(Error::new(Kind::Refused, text));
        }
        let partitions = self.chosen(&topics)?;
        let verification = Verification {
            id: format!("{:016x}", fastrand::u64(..)),
            link: self.link().clone(),
            topics,
            state: Stage::Running,
            started_at: Timestamp::now(),
            ended_at: None,
        };
        let (link, id) = (self.link(), &verification.id);
        stored::put_verification(&mut update, link, id, &verification);
        for examined in &partitions {
            let partition = examined.topic_partition();
            stored::put_examined(&mut update, (link, id), &partition, examined);
        }
        let former = self.known.lock().surplus();
        for id in &former {
            stored::delete_verification(&mut update, &*self.store, link, id)?;
        }
        self.store.commit(update).await?;
        let report = Report::of(verification.clone(), partitions.clone());
        {
            let mut known = self.known.lock();
            known.ordered.retain(|(it, _)| !former.contains(&it.id));
            known.ordered.push((verification, partitions));
        }
        self.changed.send_replace(());
        Ok(report)
    }

    fn chosen(&self, topics: &[String]) -> Result<Vec<Examined>> {
        let all = [".*".to_owned()];
        let wanted = if topics.is_empty() { &all } else { topics };
        let filter = TopicFilter::new(wanted, &[] as &[&str])
            .map_err(|error| Error::new(Kind::Invalid, error.to_string()))?;
        let mirrored = self.view.partitions().into_iter();
        let chosen: Vec<Examined> = mirrored
            .filter(|it| filter.matches(&it.partition.topic))
            .map(|it| self.begins(&it))
            .collect();
        if chosen.is_empty() {
            let text = "the link selects no topic that matches";
            return Err(Error::new(Kind::Invalid, text));
        }
        Ok(chosen)
    }

    /// A partition to verify. One of which nothing is mirrored can't be compared: a verification that left it out would call
    /// the mirror equal.
    fn begins(&self, status: &PartitionStatus) -> Examined {
        let mut examined = Examined::at(&status.partition, VerifyPosition::BEGIN);
        if !self.view.has_begun(&status.partition) {
            let reason = status.reason.as_ref().map(|reason| &reason.message);
            let why = reason.or(status.detail.as_ref());
            let why = why.map_or(String::new(), |why| format!(": {why}"));
            examined.outcome = Some(Outcome::Failed);
            examined.detail = Some(format!("nothing of it is mirrored yet{why}"));
        }
        examined
    }

    /// Cancels a verification once that is durable; `None` if it doesn't exist. One that has ended is left unchanged.
    ///
    /// Errors: those of the store; the verification then continues.
    pub async fn cancel(&self, id: &str, mut update: Update) -> Result<Option<Report>> {
        let (ended, committed) = {
            // Held, so that a concurrent end is stored before this one or not at all.
            let mut known = self.known.lock();
            let ended = known.running(id).map(|it| it.ended(Stage::Cancelled));
            if let Some(ended) = &ended {
                stored::put_verification(&mut update, self.link(), id, ended);
            }
            (ended, self.store.commit(update))
        };
        committed.await?;
        if let (Some(running), Some(ended)) = (self.known.lock().running(id), ended) {
            *running = ended;
        }
        self.changed.send_replace(());
        Ok(self.report(id))
    }

    /// Every verification kept, newest first.
    pub fn list(&self) -> Vec<Report> {
        let known = self.known.lock();
        let newest_first = known.ordered.iter().rev().cloned();
        newest_first
            .map(|(it, partitions)| Report::of(it, partitions))
            .collect()
    }

    /// The verification with this id.
    pub fn report(&self, id: &str) -> Option<Report> {
        let known = self.known.lock();
        let (found, partitions) = known.ordered.iter().find(|(it, _)| it.id == id)?;
        Some(Report::of(found.clone(), partitions.clone()))
    }

    /// What has been proven about a partition.
    pub fn proof(&self, partition: &TopicPartition) -> Option<Proof> {
        self.known.lock().proofs.get(partition).cloned()
    }

    /// What has been proven about every partition.
    pub fn proofs(&self) -> BTreeMap<TopicPartition, Proof> {
        self.known.lock().proofs.clone()
    }

    /// The number of bytes this process has read to verify.
    pub fn bytes_read(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Signals every change in what has to be carried out.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// The verification to be carried out.
    pub(super) fn running(&self) -> Option<String> {
        let known = self.known.lock();
        let mut running = known
            .ordered
            .iter()
            .filter(|(it, _)| it.state == Stage::Running);
        running.next().map(|(it, _)| it.id.clone())
    }

    /// Updates the progress of a verification in a partition, and adds the change to `update`.
    pub(super) fn note(&self, id: &str, examined: &Examined, update: &mut Update) {
        let partition = examined.topic_partition();
        {
            let mut known = self.known.lock();
            let mut ordered = known.ordered.iter_mut();
            let found = ordered.find(|(it, _)| it.id == id);
            let place = found.and_then(|(_, partitions)| {
                partitions
                    .iter_mut()
                    .find(|it| it.topic_partition() == partition)
            });
            if let Some(place) = place {
                place.clone_from(examined);
            }
        }
        stored::put_examined(update, (self.link(), id), &partition, examined);
    }

    /// Replaces what has been proven about a partition.
    pub(super) fn prove(&self, partition: &TopicPartition, proof: Proof, update: &mut Update) {
        stored::put_proof(update, self.link(), partition, &proof);
        self.known.lock().proofs.insert(partition.clone(), proof);
    }

    /// Moves the time of a proof to now, because nothing was mirrored since.
    pub(super) fn renew(&self, partition: &TopicPartition) {
        if let Some(proof) = self.known.lock().proofs.get_mut(partition) {
            proof.verified_at_ms = crate::telemetry::now_ms();
        }
    }

    /// Ends a verification that hasn't ended yet.
    pub(super) fn end(&self, id: &str, state: Stage, update: &mut Update) {
        if let Some(running) = self.known.lock().running(id) {
            *running = running.ended(state);
            stored::put_verification(update, self.link(), id, running);
        }
        self.changed.send_replace(());
    }

    pub(super) fn count(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn commit(&self, update: Update) -> PendingCommit {
        self.store.commit(update)
    }
}

impl Known {
    fn load(store: &dyn Store, link: &LinkName) -> Result<Self> {
        let mut ordered = Vec::new();
        for (id, verification) in stored::verifications_of::<Verification>(store, link)? {
            let examined = stored::examined_of(store, link, &id)?;
            let partitions = examined.into_iter().map(|(_, examined)| examined);
            ordered.push((verification, partitions.collect()));
        }
        ordered.sort_by_key(|(verification, _)| verification.started_at);
        let proofs = stored::proofs_of(store, link)?.into_iter().collect();
        Ok(Self { ordered, proofs })
    }

    /// The verification with this id, if it hasn't ended.
    fn running(&mut self, id: &str) -> Option<&mut Verification> {
        let mut ordered = self.ordered.iter_mut().map(|(it, _)| it);
        ordered.find(|it| it.id == id && it.state == Stage::Running)
    }

    /// The ids of the oldest ones, to be removed to make room for a new one.
    fn surplus(&self) -> Vec<String> {
        let surplus = (self.ordered.len() + 1).saturating_sub(KEPT);
        let oldest = self.ordered.iter().take(surplus);
        oldest.map(|(it, _)| it.id.clone()).collect()
    }
}

#[cfg(test)]
mod tests;
