//! Which way the records of a link take, and what that way is made of.

use crate::error::Result;
use crate::kafka::record::{Reader, Shard};
use crate::kafka::wire::{Cluster, Slot};
use crate::kafka::{Fetcher, Reading, Sink, Source};
use crate::model::{BrokerId, DataPath, LinkIdentity};

use super::context::{LinkContext, Settings};
use super::mirror::{Lane, Route};

/// Transactional ids of a link. The number is fixed: a partition has to be written under the same one for ever, so that
/// whoever writes it next shuts out whoever did before.
const SHARDS: u16 = 4;
/// Where all leaders are written to.
const ANY_BROKER: BrokerId = BrokerId(-1);

/// The producers of a link's record path.
#[derive(Debug)]
pub(crate) struct Shards {
    group: String,
    shards: Vec<Shard>,
}

impl Shards {
    /// None of them does anything before it is asked for.
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

/// The name under which a link appears to brokers on the record path: its transactional ids begin with it, and it is the group
/// that librdkafka asks for.
pub(crate) fn record_name(identity: &LinkIdentity) -> String {
    let (link, id) = (&identity.link, identity.producer_id(0).0);
    format!("farshore.{link}.{id:016x}")
}

impl LinkContext {
    /// Where a lane fetches.
    pub(crate) async fn open_source(&self, lane: Lane) -> Result<Source> {
        let slot = Slot::Fetch(lane.slot);
        let connection = self.source.connection(lane.broker, slot).await?;
        Ok(match self.settings.path {
            DataPath::Raw => Source::Raw(Fetcher::new(connection)),
            DataPath::Record => {
                let group = self.shards.group.clone();
                let reader = Reader::open(&self.source, connection, group).await?;
                Source::Record(Reading::new(reader))
            }
        })
    }

    /// Where a lane produces.
    pub(crate) async fn open_sink(&self, lane: Lane) -> Result<Sink> {
        Ok(match self.settings.path {
            DataPath::Raw => {
                let slot = Slot::Produce(lane.slot);
                Sink::Raw(self.target.connection(lane.broker, slot).await?)
            }
            DataPath::Record => Sink::Record(self.shards.of(lane.slot).clone()),
        })
    }

    /// The lane on which a partition goes to its leader.
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

    /// Sees to it that nothing lands any more that the record path wrote to a partition before, if it wrote there.
    pub(crate) async fn shut_out(&self, route: &Route, written_by: DataPath) -> Result<()> {
        if written_by == DataPath::Record || self.settings.path == DataPath::Record {
            // Who doesn't own the link must not shut out its owner.
            self.ownership.check()?;
            self.shards.of(route.slot(SHARDS)).ready().await?;
        }
        Ok(())
    }
}
