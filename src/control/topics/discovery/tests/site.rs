use futures_util::future::{BoxFuture, FutureExt};
use parking_lot::Mutex;

use super::*;
use crate::checkpoint::starts::starts_of;
use crate::control::testing::answered;
use crate::control::topics::cluster::{Look, SeenTopic};
use crate::control::topics::configs::TopicConfigs;
use crate::control::topics::plan::NewMirror;
use crate::error::{BrokerCode, Error};
use crate::kafka::admin::CreatedTopics;
use crate::model::{SourceOffset, TopicId, TopicPartition};
use crate::task::testing::passes;

/// How long a request to create topics takes, in the tests' virtual time.
const CREATION: Duration = Duration::from_millis(50);

/// A cluster whose answers are set by the test.
#[derive(Debug, Default)]
pub(super) struct FakeSite(Mutex<Inner>);

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) gone: bool,
    pub(super) topics: BTreeMap<TopicName, (SeenTopic, TopicConfigs)>,
    /// The number of looks until a created topic shows.
    pub(super) shows_after: usize,
    /// The number of times that leaders are asked until they serve created topics.
    pub(super) serves_after: usize,
    pub(super) hidden: BTreeMap<TopicName, (SeenTopic, TopicConfigs)>,
    /// Topics that may not be seen.
    pub(super) denied: BTreeMap<TopicName, (SeenTopic, TopicConfigs)>,
    pub(super) create_refused: Option<i16>,
    pub(super) alter_refused: Option<i16>,
    pub(super) grow_refused: Option<i16>,
    pub(super) delete_refused: Option<i16>,
    /// The number of topics that a request may create.
    pub(super) quota: Option<usize>,
    /// The checkpoint DB of which `starts_at_creation` tells.
    pub(super) watched: Option<Arc<dyn Store>>,
    /// The starts that it had when topics were to be created.
    pub(super) starts_at_creation: Vec<usize>,
    /// The number of topics in each request that created some.
    pub(super) requests: Vec<usize>,
    pub(super) ids: u128,
    /// The end of every partition of a topic; the leaders of others don't answer.
    pub(super) ends: BTreeMap<TopicName, i64>,
    /// The number of partitions whose starts were asked for.
    pub(super) starts_asked: usize,
    /// The topics whose newest batch a farshore link wrote.
    pub(super) mirrors: BTreeSet<TopicName>,
    /// Topics without any batch.
    pub(super) empty: BTreeSet<TopicName>,
    /// How many times newest batches were read.
    pub(super) read: usize,
    pub(super) read_refused: Option<i16>,
}

impl FakeSite {
    pub(super) fn set<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.lock())
    }

    pub(super) fn put(&self, name: &str, partitions: i32) {
        let topic = self.set(|inner| inner.new_topic(partitions, TopicConfigs::new()));
        self.set(|inner| inner.topics.insert(name.into(), topic));
    }

    /// Hides a topic, or shows it again.
    pub(super) fn hide(&self, name: &str, hides: bool) {
        self.set(|inner| {
            let (from, to) = if hides {
                (&mut inner.topics, &mut inner.denied)
            } else {
                (&mut inner.denied, &mut inner.topics)
            };
            let topic = from.remove(&TopicName::from(name)).unwrap();
            to.insert(name.into(), topic);
        });
    }

    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut SeenTopic)) {
        self.set(|inner| change(&mut inner.topics.get_mut(&TopicName::from(name)).unwrap().0));
    }

    fn ask<T>(&self, answer: impl FnOnce(&mut Inner) -> Result<T>) -> BoxFuture<'_, Result<T>>
    where
        T: Send + 'static,
    {
        let mut inner = self.0.lock();
        answered(inner.gone, || answer(&mut inner))
    }
}

impl Inner {
    pub(super) fn new_topic(
        &mut self,
        partitions: i32,
        configs: TopicConfigs,
    ) -> (SeenTopic, TopicConfigs) {
        self.ids += 1;
        let seen = SeenTopic {
            id: TopicId(uuid::Uuid::from_u128(self.ids)),
            partitions,
            replication_factor: 1,
            is_internal: false,
            is_clear: true,
        };
        (seen, configs)
    }
}

fn refused(code: Option<i16>) -> Result<()> {
    code.map_or(Ok(()), |code| {
        Err(Error::new(Kind::Broker(BrokerCode(code)), "refused"))
    })
}

impl TopicSite for FakeSite {
    fn look(&self) -> BoxFuture<'_, Result<Look>> {
        self.ask(|inner| {
            if inner.shows_after == 0 {
                let hidden = std::mem::take(&mut inner.hidden);
                inner.topics.extend(hidden);
            }
            inner.shows_after = inner.shows_after.saturating_sub(1);
            let topics = inner
                .topics
                .iter()
                .map(|(name, (seen, _))| (name.clone(), *seen));
            Ok(Look {
                brokers: 1,
                topics: topics.collect(),
            })
        })
    }

    fn configs<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, Result<TopicConfigs>>>> {
        self.ask(|inner| {
            let told = topics.iter().filter_map(|name| {
                let (_, configs) = inner.topics.get(name)?;
                Some((name.clone(), Ok(configs.clone())))
            });
            Ok(told.collect())
        })
    }

    fn hidden<'a>(
        &'a self,
        topics: &'a [TopicName],
    ) -> BoxFuture<'a, Result<BTreeMap<TopicName, Error>>> {
        self.ask(|inner| {
            let hidden = topics.iter().filter(|it| inner.denied.contains_key(*it));
            let hidden = hidden.map(|it| (it.clone(), refused(Some(29)).unwrap_err()));
            Ok(hidden.collect())
        })
    }

    fn broker_config_names(&self) -> BoxFuture<'_, Result<BTreeSet<String>>> {
        self.ask(|_| Ok(BTreeSet::new()))
    }

    fn starts<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
        start: Start,
    ) -> BoxFuture<'a, BTreeMap<TopicPartition, SourceOffset>> {
        assert_ne!(start, Start::Earliest, "it needs no request");
        let mut inner = self.0.lock();
        inner.starts_asked += partitions.len();
        let told = partitions.iter().filter_map(|partition| {
            let end = inner.ends.get(&partition.topic).copied()?;
            Some((partition.clone(), SourceOffset(end)))
        });
        let told = told.collect();
        async move { told }.boxed()
    }

    fn served<'a>(
        &'a self,
        partitions: &'a [TopicPartition],
    ) -> BoxFuture<'a, BTreeSet<TopicPartition>> {
        let mut inner = self.0.lock();
        let are_led = inner.serves_after == 0;
        inner.serves_after = inner.serves_after.saturating_sub(1);
        let served = partitions.iter().filter(|_| are_led).cloned().collect();
        async move { served }.boxed()
    }

    fn is_mirror<'a>(
        &'a self,
        topic: &'a TopicName,
        _partitions: i32,
    ) -> BoxFuture<'a, Result<Option<bool>>> {
        self.ask(|inner| {
            inner.read += 1;
            refused(inner.read_refused)?;
            let is_empty = inner.empty.contains(topic);
            Ok((!is_empty).then(|| inner.mirrors.contains(topic)))
        })
    }

    fn create<'a>(&'a self, mirrors: &'a [NewMirror]) -> BoxFuture<'a, Result<CreatedTopics>> {
        let created = self.ask(|inner| {
            inner.requests.push(mirrors.len());
            if let Some(store) = &inner.watched {
                let stored = starts_of(store.as_ref(), &"paris-oslo".into()).unwrap();
                inner.starts_at_creation.push(stored.len());
            }
            let create = |(number, mirror): (usize, &NewMirror)| {
                refused(inner.create_refused)?;
                refused((inner.quota.is_some_and(|quota| number >= quota)).then_some(89))?;
                if inner.denied.contains_key(&mirror.name) {
                    return Ok(false);
                }
                let topic = inner.new_topic(mirror.partitions, mirror.configs.clone());
                inner.hidden.insert(mirror.name.clone(), topic);
                Ok(true)
            };
            Ok(CreatedTopics {
                results: mirrors.iter().enumerate().map(create).collect(),
                throttle: Duration::from_secs(1),
            })
        });
        async {
            passes(CREATION).await;
            created.await
        }
        .boxed()
    }

    fn grow<'a>(&'a self, topic: &'a TopicName, count: i32) -> BoxFuture<'a, Result<()>> {
        self.ask(|inner| {
            refused(inner.grow_refused)?;
            inner.topics.get_mut(topic).unwrap().0.partitions = count;
            Ok(())
        })
    }

    fn delete<'a>(&'a self, topic: &'a TopicName) -> BoxFuture<'a, Result<()>> {
        self.ask(|inner| {
            refused(inner.delete_refused)?;
            inner.topics.remove(topic);
            Ok(())
        })
    }

    fn alter<'a>(
        &'a self,
        topic: &'a TopicName,
        changes: &'a TopicConfigs,
    ) -> BoxFuture<'a, Result<()>> {
        self.ask(|inner| {
            refused(inner.alter_refused)?;
            inner
                .topics
                .get_mut(topic)
                .unwrap()
                .1
                .extend(changes.clone());
            Ok(())
        })
    }
}
