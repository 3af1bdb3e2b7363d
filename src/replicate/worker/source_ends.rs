//! Keeps the ends of the source's partitions fresh: those that no fetch covers are requested from their leaders.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;

use crate::config::Start;
use crate::kafka::admin::{self, ListedOffsets, OffsetSpec};
use crate::kafka::client::Cluster;
use crate::model::{BrokerId, LeaderEpoch, Moment};
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::route::Lane;
use crate::replicate::shared::source_ends::SourceEnds;

use super::event::{AskedEnds, Event, ToldEnds};
use super::state::{Intake, Worker};

/// Interval of looks for partitions that have been silent.
pub(super) const SOURCE_ENDS: Duration = Duration::from_secs(4);
/// The silence after which a partition's ends are requested: after a lost answer they are still less than 15 s old.
const SILENCE: Duration = Duration::from_secs(7);
/// The same for a partition that is fetched from a follower, which says nothing of the leader's ends.
const FOLLOWER_SILENCE: Duration = Duration::from_secs(3);
/// A connection isn't silent while the broker may be waiting for records.
const SHORTEST_LIMIT: Duration = Duration::from_secs(1);

impl Worker {
    /// Shows of each flowing partition whether its source connection has been silent for the request timeout.
    pub(crate) fn show_silence(&mut self) {
        let now = self.link.now().monotonic;
        let limit = self.link.settings.request_timeout.max(SHORTEST_LIMIT);
        let silence =
            |intake: &Intake| now.since(intake.waits_since.map_or(now, |it| it.monotonic));
        let intakes = self
            .intakes
            .iter()
            .map(|(lane, intake)| (*lane, silence(intake)));
        let silent: BTreeMap<Lane, Duration> = intakes.filter(|it| it.1 >= limit).collect();
        let was_shown = std::mem::replace(&mut self.silence_shown, !silent.is_empty());
        if silent.is_empty() && !was_shown {
            return;
        }
        for mirror in &self.mirrors {
            let Some(lane) = mirror.intake() else {
                continue;
            };
            let why = silent.get(&lane).map(|silence| {
                let (broker, seconds) = (lane.broker, silence.as_secs());
                format!("source broker {broker} has not answered for {seconds} s")
            });
            mirror.tracked.lock().show_silence(why);
        }
    }

    /// Notes which partitions are known to have no news, and requests the ends of those that have been silent: one request
    /// of each kind per leader, while none to it is in flight. A leader that isn't known is left to discovery.
    pub(crate) fn ask_source_ends(&mut self) {
        let now = self.link.now();
        let metadata = self.link.source.metadata();
        let mut by_leader: BTreeMap<BrokerId, Vec<AskedEnds>> = BTreeMap::new();
        let mut ask = |asked: AskedEnds| {
            if let Ok(leader) = metadata.leader(&asked.partition) {
                by_leader.entry(leader.broker).or_default().push(asked);
            }
        };
        for (index, mirror) in self.mirrors.iter().enumerate() {
            let without_news = self.without_news_until(index, mirror);
            let mut known = mirror.tracked.lock();
            if let Some(at) = without_news {
                known.hear_no_news(at);
            }
            let limit = if mirror.replica.is_follower() {
                FOLLOWER_SILENCE
            } else {
                SILENCE
            };
            let is_silent = known.is_silent(now, limit);
            drop(known);
            if is_silent {
                ask(AskedEnds {
                    ticket: Some((index, mirror.round)),
                    partition: mirror.route.source.clone(),
                    start: None,
                });
            }
        }
        for (partition, is_initial) in self.link.view.unmirrored().silent(now, SILENCE) {
            let start = Some(self.link.settings.start).filter(|_| is_initial);
            ask(AskedEnds {
                ticket: None,
                partition,
                start: Some(start.unwrap_or(Start::Earliest)),
            });
        }
        for (broker, asked) in by_leader {
            if self.asking_source_ends.insert(broker) {
                let (source, limit) =
                    (self.link.source.clone(), self.link.settings.request_timeout);
                self.events.push(Box::pin(async move {
                    let listed = timeout(limit, list(&source, asked)).await;
                    Event::SourceEnds {
                        broker,
                        asked_at: now,
                        ends: listed.unwrap_or_default(),
                    }
                }));
            }
        }
    }

    /// Returns the time up to which a partition has had no news since the last: a fetch session leaves it out of answers.
    /// That a follower has none says nothing.
    fn without_news_until(&self, index: usize, mirror: &Mirror) -> Option<Moment> {
        let intake = self.intakes.get(&mirror.intake()?)?;
        let is_covered = mirror.told_in == mirror.fetch_round && intake.fetch_queue.is_live(index);
        intake.heard.filter(|_| is_covered)
    }

    /// Applies the ends received; missing ones are requested again at the next look.
    pub(crate) fn source_ends(&mut self, broker: BrokerId, asked_at: Moment, told: &[ToldEnds]) {
        self.asking_source_ends.remove(&broker);
        for ToldEnds { asked, ends, start } in told {
            if let Some((index, round)) = asked.ticket {
                let mirror = &self.mirrors[index];
                // Meanwhile a resync may have found another topic.
                if mirror.round != round {
                    continue;
                }
                if mirror.replica.is_follower() {
                    self.hear_leader(index, *ends, asked_at);
                } else {
                    mirror.tracked.lock().hear(*ends, asked_at);
                }
            } else {
                let unmirrored = self.link.view.unmirrored();
                unmirrored.hear(&asked.partition, (*ends, *start), asked_at);
            }
        }
    }
}

/// Asks for the ends of these partitions, and returns those that were answered.
async fn list(source: &Cluster, asked: Vec<AskedEnds>) -> Vec<ToldEnds> {
    let mut partitions: Vec<_> = asked
        .iter()
        .map(|asked| (asked.partition.clone(), LeaderEpoch::UNKNOWN))
        .collect();
    // In this order: what lies between the two ends was open when the second one was read.
    let [mut high, mut stable, mut start] = [const { ListedOffsets::new() }; 3];
    for (listed, spec) in [
        (&mut high, OffsetSpec::HighWatermark),
        (&mut stable, OffsetSpec::LastStable),
        (&mut start, OffsetSpec::Earliest),
    ] {
        *listed = admin::list_offsets(source, &partitions, spec)
            .await
            .unwrap_or_default();
        partitions.retain(|(partition, _)| matches!(listed.get(partition), Some(Ok(_))));
    }
    let since = starts_at(source, &asked).await;
    let answered = asked.into_iter().filter_map(|asked| {
        let end = |listed: &ListedOffsets| {
            let found = listed.get(&asked.partition)?.as_ref().ok()?;
            Some(found.offset)
        };
        let (high, stable, log_start) = (end(&high)?, end(&stable)?, end(&start)?);
        let ends = SourceEnds {
            log_start,
            stable,
            high_watermark: high.max(stable),
        };
        let start = match asked.start {
            Some(Start::Earliest) => Some(log_start),
            // No record has that timestamp or a later one yet.
            Some(Start::At(_)) => end(&since).map(|at| if at < 0 { stable } else { at }),
            Some(Start::Latest) | None => None,
        };
        Some(ToldEnds { asked, ends, start })
    });
    answered.collect()
}

/// Asks for the first offsets of partitions that will begin at a time, which is the same for all of them.
async fn starts_at(source: &Cluster, asked: &[AskedEnds]) -> ListedOffsets {
    let mut time = None;
    let mut partitions = Vec::new();
    for asked in asked {
        if let Some(Start::At(timestamp)) = asked.start {
            time = Some(timestamp);
            partitions.push((asked.partition.clone(), LeaderEpoch::UNKNOWN));
        }
    }
    let Some(time) = time else {
        return ListedOffsets::new();
    };
    let listed = admin::list_offsets(source, &partitions, OffsetSpec::Timestamp(time));
    listed.await.unwrap_or_default()
}
