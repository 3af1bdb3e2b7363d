//! Topics of the source that begin with the source's own name, where prefix naming applies: another service makes such
//! mirrors if it gives another cluster this name, and applications rarely name a topic so.
//!
//! The newest batch tells a mirror from an application's topic. It is read once, not at every look: a mirror stays one, and
//! an application's topic is looked at again after a while.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, timeout};

use crate::config::{Namesake, TopicFilter};
use crate::model::{HaltCode, Obstacle, Reason, TopicId, TopicName};

use super::cluster::{Look, SeenTopic, TopicSite};

/// How long a topic counts as an application's.
const UNMARKED_VALID_FOR: Duration = Duration::from_secs(600);
/// How long a topic that is empty or couldn't be read isn't read again.
const UNREAD_VALID_FOR: Duration = Duration::from_secs(30);
/// The topics of which the newest batch is read in one look, and for how long the look waits for that.
const TOPICS_AT_ONCE: usize = 16;
const READ_LIMIT: Duration = Duration::from_secs(2);

const NOT_READ_YET: &str = "its newest batch, which shows whether it is a mirror that another service made, isn't read yet";

/// What the newest batch of a topic told, and when.
#[derive(Debug, Clone)]
struct Told {
    id: TopicId,
    /// `None` if the topic is empty.
    is_mirror: Result<Option<bool>, String>,
    at: Instant,
}

impl Told {
    fn holds(&self, seen: &SeenTopic) -> bool {
        let is_fresh = match self.is_mirror {
            Ok(Some(true)) => true,
            Ok(Some(false)) => self.at.elapsed() < UNMARKED_VALID_FOR,
            Ok(None) | Err(_) => self.at.elapsed() < UNREAD_VALID_FOR,
        };
        is_fresh && self.id == seen.id
    }
}

/// What is known of such topics from earlier looks.
#[derive(Debug, Default)]
pub(super) struct Namesakes(BTreeMap<TopicName, Told>);

impl Namesakes {
    /// Returns the topics that must not be mirrored, or not yet, each with the obstacle.
    pub(super) async fn left_out(
        &mut self,
        filter: &TopicFilter,
        site: &dyn TopicSite,
        look: &Look,
    ) -> BTreeMap<TopicName, (SeenTopic, Obstacle)> {
        let found = look.topics.iter().filter_map(|(name, seen)| {
            let namesake = filter.namesake(name, seen.is_internal)?;
            Some((name, seen, namesake))
        });
        let found: Vec<_> = found.collect();
        self.0.retain(|name, _| look.topics.contains_key(name));
        let unread = found.iter().filter(|(name, seen, _)| {
            let told = self.0.get(*name);
            seen.is_clear && told.is_none_or(|it| !it.holds(seen))
        });
        let unread: Vec<(TopicName, SeenTopic)> = unread
            .take(TOPICS_AT_ONCE)
            .map(|(name, seen, _)| ((*name).clone(), **seen))
            .collect();
        let told = join_all(unread.into_iter().map(|it| read(site, it)));
        self.0.extend(told.await);
        let left_out = found.into_iter().filter_map(|(name, seen, namesake)| {
            let obstacle = self.obstacle(name, seen.id, namesake)?;
            Some((name.clone(), (*seen, obstacle)))
        });
        left_out.collect()
    }

    fn obstacle(&self, name: &TopicName, id: TopicId, namesake: Namesake) -> Option<Obstacle> {
        let told = self.0.get(name).filter(|it| it.id == id);
        let told = told.map(|it| &it.is_mirror);
        match (told, namesake) {
            (Some(Ok(Some(true))), _) => Some(Obstacle::Refused(mirrored(name))),
            (_, Namesake::Unnamed) => Some(Obstacle::Refused(unnamed(name))),
            (Some(Ok(Some(false) | None)), Namesake::Named) => None,
            (Some(Err(why)), Namesake::Named) => {
                Some(Obstacle::Awaited(format!("{NOT_READ_YET}: {why}")))
            }
            (None, Namesake::Named) => Some(Obstacle::Awaited(NOT_READ_YET.to_owned())),
        }
    }
}

/// Reads the newest batches of a topic.
async fn read(site: &dyn TopicSite, (name, seen): (TopicName, SeenTopic)) -> (TopicName, Told) {
    let read = timeout(READ_LIMIT, site.is_mirror(&name, seen.partitions)).await;
    let is_mirror = match read {
        Ok(Ok(is_mirror)) => Ok(is_mirror),
        Ok(Err(error)) => Err(error.chain()),
        Err(_) => Err(format!("the source didn't answer within {READ_LIMIT:?}")),
    };
    let told = Told {
        id: seen.id,
        is_mirror,
        at: Instant::now(),
    };
    (name, told)
}

fn mirrored(name: &TopicName) -> Reason {
    let message = format!(
        "topic {name} begins with the source's own name, and a farshore link wrote its newest batch: it is a mirror that another service made"
    );
    Reason {
        remedy: "Leave the topic out (topics_exclude): it would go round in a circle.".to_owned(),
        ..Reason::new(HaltCode::Circle, message)
    }
}

fn unnamed(name: &TopicName) -> Reason {
    let message = format!(
        "topic {name} begins with the source's own name, as a mirror does that another service made, and no expression in topics is its literal name"
    );
    Reason {
        remedy: "Leave the topic out (topics_exclude), or name it literally in topics if applications write to it."
            .to_owned(),
        ..Reason::new(HaltCode::Circle, message)
    }
}
