//! What all parts of a link's worker share: clusters, identity, limits, checkpoint DB, view.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Semaphore};

use crate::checkpoint::Store;
use crate::checkpoint::audit::AuditLog;
use crate::checkpoint::starts::{StartRecord, load_start};
use crate::config::{MirroredSources, PolicyRules, PreserveLimits, Start};
use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::acl::Need;
use crate::kafka::client::{Cluster, Slot};
use crate::kafka::record::{RecordReader, Shard};
use crate::kafka::{Fetcher, Reading, Sink, Source};
use crate::model::{
    BrokerId, DataPath, LinkIdentity, LinkName, MirroredTopic, Moment, OffsetsMode, TopicId,
    TopicName, TopicPartition,
};
use crate::replicate::fetch::connections::connections_over;
use crate::replicate::partition::mirror::Mirror;
use crate::replicate::partition::phase::{StartPosition, Trouble};
use crate::replicate::partition::route::{Lane, Route};
use crate::replicate::produce::window::FORGETS_AT_ONCE;
use crate::replicate::shared::link::LinkView;
use crate::replicate::shared::partition::TrackedPartition;
use crate::replicate::shared::source_writers::{OtherLinks, SourceWriters};
use crate::task::{InFlight, Ownership, Writing};

/// Resyncs under way at once: each holds a handful of requests.
const RESYNCS_AT_ONCE: usize = 64;

/// Limits and choices of a link. Sizes are in bytes.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Connections to each source broker; `None` derives the number from the round-trip time.
    pub fetch_connections: Option<u16>,
    pub produce_connections: u16,
    /// Bytes between fetch and acknowledgement, for the whole link.
    pub max_in_flight_bytes: usize,
    /// Bytes that one fetch may return; a single larger batch is still returned whole.
    pub fetch_max_bytes: usize,
    /// Bytes one partition may hold before fetches leave it out.
    pub partition_max_bytes: usize,
    /// Bytes fetched per second at most; `None` is unlimited.
    pub max_bytes_per_second: Option<u64>,
    /// Time limit for a broker's answer.
    pub request_timeout: Duration,
    /// Where partitions start that exist when the link first looks at the source.
    pub start: Start,
    /// What to do in cases in which resuming would mean guessing.
    pub policies: PolicyRules,
    /// The target topic for records that the target refuses in their mirror topics.
    pub quarantine_topic: TopicName,
    /// How offsets of the two sides relate for topics of which nothing is mirrored yet.
    pub offsets: OffsetsMode,
    /// The limits of preserve mode.
    pub preserve: PreserveLimits,
    pub path: DataPath,
    /// The source topics that may hold batches of farshore links that aren't known here.
    pub mirrored_sources: MirroredSources,
}

/// The parts a worker is started with.
#[derive(Debug)]
pub struct ReplicationLink {
    /// The state and figures shown for the link, backed by the checkpoint DB.
    pub view: LinkView,
    pub source: Cluster,
    pub target: Cluster,
    /// The link's identity, which determines the producer ids it writes under.
    pub identity: LinkIdentity,
    pub settings: Settings,
    /// How long after the newest timestamp of a batch a target broker certainly remembers its producer, in milliseconds.
    pub memory_ms: i64,
    /// Whether this process may write to the mirror partitions.
    pub ownership: Ownership,
    /// Receives every decision.
    pub audit: Arc<AuditLog>,
    /// Tracks the link's writes other than records, so that a pause can wait for them.
    pub in_flight: InFlight,
    pub others: OtherLinks,
}

/// The state shared by everything that works for a running link.
#[derive(Debug)]
pub(crate) struct LinkContext {
    pub(crate) name: LinkName,
    pub(crate) source: Cluster,
    pub(crate) target: Cluster,
    pub(crate) identity: LinkIdentity,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) settings: Settings,
    /// How long after the newest timestamp of a batch a target broker certainly remembers its producer, in milliseconds.
    pub(crate) memory_ms: i64,
    pub(crate) ownership: Ownership,
    pub(crate) resync_permits: Semaphore,
    pub(crate) audit: Arc<AuditLog>,
    pub(crate) in_flight: InFlight,
    /// Held while a receipt is written: one at a time.
    pub(crate) quarantine: Mutex<()>,
    pub(crate) view: LinkView,
    pub(crate) shards: Shards,
    pub(crate) source_writers: SourceWriters,
}

impl LinkContext {
    pub(crate) fn new(link: ReplicationLink) -> Self {
        let ReplicationLink {
            view,
            source,
            target,
            identity,
            settings,
            memory_ms,
            ownership,
            audit,
            in_flight,
            others,
        } = link;
        let shards = Shards::new(&identity, &target, &settings);
        let source_writers = SourceWriters::new(others, settings.mirrored_sources.clone());
        let memory_ms = match settings.path {
            DataPath::Raw => memory_ms,
            DataPath::Record => FORGETS_AT_ONCE,
        };
        Self {
            name: view.link().clone(),
            source,
            target,
            identity,
            store: view.store(),
            settings,
            memory_ms,
            ownership,
            resync_permits: Semaphore::new(RESYNCS_AT_ONCE),
            audit,
            in_flight,
            quarantine: Mutex::new(()),
            view,
            shards,
            source_writers,
        }
    }

    /// Returns the live state of a partition that discovery found, including its state in the checkpoint DB.
    pub(crate) fn mirror(
        &self,
        partition: &TopicPartition,
        mirrored: &MirroredTopic,
    ) -> Result<Mirror> {
        // Consumers see a topic as a whole: the mode chosen for its first partitions applies to ones added later.
        let siblings = self.view.offsets_of(&partition.topic);
        let tracked = self.view.track(partition, &mirrored.target_name)?;
        let start = if tracked.lock().begun {
            None
        } else {
            Some(self.start(&tracked, mirrored)?)
        };
        let route = Route {
            source: partition.clone(),
            target: TopicPartition {
                topic: mirrored.target_name.clone(),
                partition: partition.partition,
            },
            source_id: mirrored.source_id,
            target_id: mirrored.target_id,
        };
        let (incarnation, offsets) = {
            let mut known = tracked.lock();
            known.figures.start = start;
            if !known.begun {
                known.record.path = self.settings.path;
            }
            // Where every offset was equal anyway, switching to preserve mode changes nothing.
            let kept = known.map.run_count() == 1
                && known.record.history.anchor.is_none()
                && known
                    .map
                    .last()
                    .is_some_and(|run| run.source.get() == run.target.get());
            let wanted = self.settings.offsets;
            let offsets = match (known.begun, kept) {
                (true, false) => known.record.offsets,
                (true, true) => known.record.offsets.max(wanted),
                (false, _) => siblings.unwrap_or(wanted),
            };
            (known.record.incarnation, offsets)
        };
        let producer_id = self.identity.producer_id(incarnation);
        Ok(Mirror::new(
            route,
            tracked,
            producer_id,
            start,
            offsets,
            (
                self.settings.policies.of(&partition.topic),
                self.view.intent_of(&partition.topic),
            ),
        ))
    }

    /// Returns where a partition starts of which nothing is stored but perhaps its start.
    fn start(&self, tracked: &TrackedPartition, mirrored: &MirroredTopic) -> Result<StartPosition> {
        let (key, wanted) = (&tracked.key, self.settings.start);
        let is_initial = mirrored.is_initial(key.partition);
        // A recreated mirror topic starts with everything the source has.
        if !is_initial || mirrored.reseeded.is_some() || wanted == Start::Earliest {
            return Ok(StartPosition::Earliest);
        }
        let stored = load_start(&*self.store, key)?;
        tracked.lock().stored_start = stored;
        Ok(start_of(stored, wanted.time_ms(), mirrored.source_id))
    }

    /// Returns a permit for a topic's writes other than its records, held during the write; `None` if its intent forbids it.
    pub(crate) async fn topic_permit(&self, topic: &TopicName) -> Option<Writing> {
        let writing = self.in_flight.begin().await;
        self.view.intent_of(topic).writes().then_some(writing)
    }

    /// Returns the current time: brokers expire producer ids by the wall clock, durations use the monotonic one.
    #[expect(clippy::unused_self, reason = "time is a part of the context")]
    pub(crate) fn now(&self) -> Moment {
        crate::telemetry::now()
    }
}

/// Returns where a partition that the link's first look found starts, by what is stored about it, the time that `start` names
/// now, and the present topic's id.
fn start_of(stored: Option<StartRecord>, time_ms: Option<i64>, topic: TopicId) -> StartPosition {
    // None is stored by earlier versions, or for a `start` that was changed since.
    let Some(stored) = stored.filter(|it| it.time_ms == time_ms) else {
        return StartPosition::Unresolved {
            time_ms,
            looked_at_ms: None,
        };
    };
    let is_other =
        stored.source_topic_id.is_known() && topic.is_known() && stored.source_topic_id != topic;
    match stored.offset {
        // What appeared after the first look is mirrored from its beginning.
        _ if is_other => StartPosition::Earliest,
        Some(offset) => StartPosition::Resolved(offset),
        None => StartPosition::Unresolved {
            time_ms,
            looked_at_ms: Some(stored.looked_at_ms),
        },
    }
}

/// The number of transactional ids of a link. It is fixed: a partition always has to be written under the same id, so that
/// its next writer fences off the previous one.
const SHARDS: u16 = 4;
/// The broker of a lane whose producer writes to all leaders.
const ANY_BROKER: BrokerId = BrokerId(-1);

/// The transactional producers of a link's record path.
#[derive(Debug)]
pub(crate) struct Shards {
    group: String,
    shards: Vec<Shard>,
}

impl Shards {
    /// Creates the producers; none does anything before its first use.
    pub(crate) fn new(identity: &LinkIdentity, target: &Cluster, settings: &Settings) -> Self {
        let name = record_name(identity);
        let shard = |number| {
            let id = format!("{name}.{number}");
            Shard::new(target, id, settings.request_timeout)
        };
        Self {
            shards: (0..SHARDS).map(shard).collect(),
            group: name,
        }
    }

    fn of(&self, slot: u16) -> &Shard {
        &self.shards[usize::from(slot) % self.shards.len()]
    }
}

/// Returns the name under which a link appears to brokers on the record path: the prefix of its transactional ids, and the
/// group that librdkafka requires.
pub(crate) fn record_name(identity: &LinkIdentity) -> String {
    let (link, id) = (&identity.link, identity.producer_id(0).0);
    format!("{}{id:016x}", transactional_ids(link))
}

/// Returns the prefix of a link's transactional ids, whatever its clusters are.
pub(crate) fn transactional_ids(link: &LinkName) -> String {
    format!("farshore.{link}.")
}

impl LinkContext {
    /// Adds to the trouble of a refused request about a topic the command that grants what it needs, if that is why it was
    /// refused.
    pub(crate) fn explained(
        &self,
        mut trouble: Trouble,
        code: BrokerCode,
        (need, topic): (Need, &TopicName),
    ) -> Trouble {
        let cluster = match need {
            Need::ReadRecords => &self.source,
            _ => &self.target,
        };
        let refusal = Error::new(Kind::Broker(code), "");
        let refusal = cluster.explained(refusal, need, topic.as_str());
        if let (Trouble::Halt(reason), Some(fix)) = (&mut trouble, refusal.fix()) {
            reason.message = format!("{}; {fix}", reason.message);
        }
        trouble
    }

    /// Connects the source of a lane.
    pub(crate) async fn open_source(&self, lane: Lane) -> Result<Source> {
        let slot = Slot::Fetch {
            reader: self.identity.producer_id(0).0.unsigned_abs(),
            number: lane.slot,
        };
        let connection = self.source.connection(lane.broker, slot).await?;
        Ok(match self.settings.path {
            DataPath::Raw => {
                let rack = self.source.settings().rack.as_deref();
                let rack = rack.filter(|_| lane.offers_rack());
                Source::Raw(Fetcher::new(connection, rack))
            }
            DataPath::Record => {
                let group = self.shards.group.clone();
                let reader = RecordReader::open(&self.source, connection, group).await?;
                Source::Record(Reading::new(reader))
            }
        })
    }

    /// Connects the sink of a lane.
    pub(crate) async fn open_sink(&self, lane: Lane) -> Result<Sink> {
        Ok(match self.settings.path {
            DataPath::Raw => {
                let slot = Slot::Produce {
                    writer: self.ownership.number(),
                    number: lane.slot,
                };
                Sink::Raw(self.target.connection(lane.broker, slot).await?)
            }
            DataPath::Record => Sink::Record(self.shards.of(lane.slot).clone()),
        })
    }

    /// Returns the lane on which a partition is fetched from its leader.
    pub(crate) fn intake_of(&self, route: &Route, leader: BrokerId) -> Lane {
        let connections = self.settings.fetch_connections.unwrap_or_else(|| {
            let round_trip = self.source.round_trip(leader);
            // On the record path each connection is a librdkafka consumer, which reads ahead.
            connections_over(round_trip.filter(|_| self.settings.path == DataPath::Raw))
        });
        Lane {
            broker: leader,
            slot: route.slot(connections),
        }
    }

    /// Returns the lane on which a partition is produced to its leader.
    pub(crate) fn outlet_of(&self, route: &Route, leader: BrokerId) -> Lane {
        match self.settings.path {
            DataPath::Raw => Lane {
                broker: leader,
                slot: route.slot(self.settings.produce_connections),
            },
            DataPath::Record => Lane {
                broker: ANY_BROKER,
                slot: route.slot(SHARDS),
            },
        }
    }

    /// Makes sure that nothing the record path wrote to a partition earlier can still land, if it wrote there.
    pub(crate) async fn shut_out(&self, route: &Route, written_by: DataPath) -> Result<()> {
        if written_by == DataPath::Record || self.settings.path == DataPath::Record {
            // A process that doesn't own the link must not fence off its owner.
            self.ownership.check()?;
            let ready = self.shards.of(route.slot(SHARDS)).ready().await;
            let ids = transactional_ids(&self.name);
            ready.map_err(|it| self.target.explained(it, Need::Transact, &ids))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
