//! Watching a cluster: whether it and each of its brokers can be reached, its certificates and its quotas.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::state::{Reach, Unreachable};
use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::client::Login;
use crate::model::BrokerId;
use crate::task::{Rounds, contained};
use crate::telemetry::now_ms;

use super::brokers;
use super::unreached::{self, Unreached};
use super::{Health, Watched};

/// How often every broker is asked for a sign of life.
const BROKERS_EVERY: Duration = Duration::from_secs(5);
/// How long after the last silence that a broker asked for a cluster counts as throttled.
const THROTTLED_FOR: Duration = Duration::from_secs(10);

/// What former looks at the brokers of a cluster have shown.
#[derive(Debug, Default)]
struct Looks {
    /// The brokers that have been reached.
    once_reached: BTreeSet<BrokerId>,
    /// Those that weren't at the last look.
    missed: BTreeSet<BrokerId>,
    /// Those that are shown as out of reach.
    unreached: Vec<Unreached>,
}

impl Looks {
    /// Returns those to show as out of reach: brokers that couldn't be reached twice in a row, as one that restarts soon can, and
    /// those that never could.
    fn lasting(
        &mut self,
        reached: BTreeSet<BrokerId>,
        mut unreached: Vec<Unreached>,
    ) -> Vec<Unreached> {
        self.once_reached.extend(reached);
        let missed = unreached.iter().map(|it| it.broker).collect();
        let missed_before = std::mem::replace(&mut self.missed, missed);
        unreached.retain(|it| {
            missed_before.contains(&it.broker) || !self.once_reached.contains(&it.broker)
        });
        unreached
    }
}

impl Watched {
    /// Watches the cluster and its brokers until `stop` is cancelled; logs each change once. Metadata is requested every
    /// `every`.
    pub(crate) async fn watch(self, every: Duration, stop: CancellationToken) -> Result<()> {
        let of_brokers = self.watch_brokers(stop.clone());
        let (whole, ()) = tokio::join!(self.watch_whole(every, stop), of_brokers);
        whole
    }

    /// Notes which brokers can't be reached although the cluster answers.
    async fn watch_brokers(&self, stop: CancellationToken) {
        let mut rounds = Rounds::every(BROKERS_EVERY, stop);
        let mut health = self.health();
        let mut looks = Looks::default();
        let reached = health.wait_for(|it| it.reach.is_reached());
        if rounds.unless_stopped(reached).await.is_none() {
            return;
        }
        while rounds.next().await {
            if !self.health.borrow().reach.is_reached() {
                // What is said of the cluster as a whole says it all.
                looks.unreached.clear();
                self.show_brokers(&looks.unreached);
                continue;
            }
            let look = async {
                self.look_at_brokers(&mut looks).await;
                Ok(())
            };
            let look = contained("a look at the brokers", look);
            match rounds.unless_stopped(look).await {
                None => break,
                Some(Ok(())) => self.note_brokers(&looks.unreached),
                Some(Err(error)) => {
                    let cluster = self.cluster.name();
                    tracing::error!(%cluster, error = error.chain(), "the brokers can't be watched");
                }
            }
        }
    }

    /// Looks at all brokers once. Where those are that can't be reached is sought once for each change.
    async fn look_at_brokers(&self, looks: &mut Looks) {
        let limit = self.cluster.settings().connect_timeout * 2;
        let dialed = brokers::dial(&self.cluster, Instant::now() + limit).await;
        let reached = dialed.reached.keys().copied().collect();
        let mut unreached = looks.lasting(reached, dialed.unreached);
        if unreached::are_alike(&unreached, &looks.unreached) {
            return;
        }
        brokers::seek(&self.cluster, &mut unreached, Instant::now() + limit).await;
        looks.unreached = unreached;
    }

    /// Shows which brokers can't be reached. Returns what was shown before.
    fn show_brokers(&self, unreached: &[Unreached]) -> Unreachable {
        let name = self.cluster.name();
        let now = Unreachable {
            brokers: unreached.iter().map(|it| it.told(name)).collect(),
            advice: unreached::advice(name, unreached),
        };
        let mut before = now.clone();
        self.health.send_if_modified(|health| {
            std::mem::swap(&mut health.unreachable, &mut before);
            health.unreachable != before
        });
        before
    }

    /// Shows which brokers can't be reached, and logs each change once.
    fn note_brokers(&self, unreached: &[Unreached]) {
        let before = self.show_brokers(unreached);
        let name = self.cluster.name();
        for (what, fix) in unreached::advice(name, unreached) {
            if !before.advice.iter().any(|(known, _)| *known == what) {
                tracing::warn!(cluster = %name, "{what}: {fix}");
            }
        }
        let metadata = self.cluster.metadata();
        let is_still_lost = |id: BrokerId| unreached.iter().any(|it| it.broker == id);
        let former = before.brokers.iter().map(|it| BrokerId(it.broker));
        let found = former.filter(|it| metadata.brokers.contains_key(it) && !is_still_lost(*it));
        let found: Vec<String> = found.map(|it| it.to_string()).collect();
        if !found.is_empty() {
            let brokers = found.join(", ");
            tracing::info!(cluster = %name, brokers, "brokers reached again");
        }
    }

    /// Requests metadata every `every` until `stop` is cancelled; logs each change of the cluster's reachability once.
    async fn watch_whole(&self, every: Duration, stop: CancellationToken) -> Result<()> {
        let mut rounds = Rounds::every(every, stop);
        while rounds.next().await {
            let seen = self.cluster.metadata().generation;
            // A panic counts as any other failure to reach the cluster.
            let look = contained("a look at the cluster", self.cluster.refresh(seen));
            let Some(looked) = rounds.unless_stopped(look).await else {
                break;
            };
            let login = self.cluster.settings().login.as_ref();
            let refused = login.and_then(Login::failure);
            let reach = match refused.map_or(looked, Err) {
                Ok(_) => Reach::Reached,
                Err(error) if is_of_login(&error) => Reach::LoginFailed(error.chain()),
                Err(error) => Reach::Lost(error.chain()),
            };
            let look = self.look_at_certificates();
            if rounds.unless_stopped(look).await.is_none() {
                break;
            }
            self.note(reach);
        }
        Ok(())
    }

    /// Looks at the files, and forgets the certificates of brokers that are no more.
    async fn look_at_certificates(&self) {
        let Some(tls) = &self.tls else {
            return;
        };
        // A failure is that of the connections.
        let _ = tls.look().await;
        let metadata = self.cluster.metadata();
        let brokers = metadata.brokers.values().map(|it| &it.advertised);
        tls.keep_only(&brokers.collect());
    }

    fn is_throttled(&self) -> bool {
        let until = self.cluster.throttled_until();
        until.is_some_and(|until| until + THROTTLED_FOR > Instant::now())
    }

    /// Logs once when a cluster is lost or found, or limits farshore, not at each request, and each advice about certificates.
    fn note(&self, reach: Reach) {
        let name = self.cluster.name();
        let certificates = self.certificates();
        let now = Health {
            reach: reach.clone(),
            advice: certificates.advice(name, now_ms() / 1_000),
            certificates,
            is_throttled: self.is_throttled(),
            unreachable: self.health.borrow().unreachable.clone(),
        };
        let before = self.health.send_replace(now.clone());
        match (before.is_throttled, now.is_throttled) {
            (false, true) => {
                tracing::info!(cluster = %name, "the cluster's quotas slow farshore down");
            }
            (true, false) => {
                tracing::info!(cluster = %name, "the cluster's quotas no longer slow farshore down");
            }
            (false, false) | (true, true) => {}
        }
        let is_new = |it: &&(String, String)| !before.advice.contains(it);
        for (what, fix) in now.advice.iter().filter(is_new) {
            tracing::warn!(cluster = %name, "{what}: {fix}");
        }
        match (before.reach, reach) {
            (Reach::Unknown | Reach::Lost(_) | Reach::LoginFailed(_), Reach::Reached) => {
                tracing::info!(cluster = %name, "cluster reached");
            }
            (Reach::Unknown | Reach::Reached, Reach::Lost(error)) => {
                tracing::warn!(cluster = %name, error, "cluster cannot be reached");
            }
            (Reach::Unknown | Reach::Reached | Reach::Lost(_), Reach::LoginFailed(error)) => {
                tracing::warn!(cluster = %name, error, "cluster login failed");
            }
            (_, Reach::Unknown)
            | (Reach::Reached, Reach::Reached)
            | (Reach::Lost(_) | Reach::LoginFailed(_), Reach::Lost(_))
            | (Reach::LoginFailed(_), Reach::LoginFailed(_)) => {}
        }
    }
}

/// Whether a cluster can't be reached because of the login. `Invalid` means that there are no credentials for it, unless
/// it is a panic.
fn is_of_login(error: &Error) -> bool {
    match error.kind() {
        Kind::Broker(BrokerCode(33 | 34 | 58)) => true,
        kind => kind == Kind::Invalid && error.is_of_whole_cluster(),
    }
}

#[cfg(test)]
mod tests;
