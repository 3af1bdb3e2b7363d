//! One look: what both clusters have of the topics of a link, with what is stored.

use std::collections::{BTreeMap, BTreeSet};

use crate::checkpoint::records::reseeds_of;
use crate::control::topics::cluster::{Look, SeenTopic, live};
use crate::control::topics::configs::TopicConfigs;
use crate::control::topics::sight::{Sight, SourceTopic, TargetTopic};
use crate::error::{Error, Result};
use crate::model::{HaltCode, Obstacle, OffsetsMode, Policy, Reason, TopicName};

use super::Discovery;

impl Discovery {
    pub(super) async fn sight(&mut self, source: &Look, target: &Look) -> Result<Sight> {
        let selected: BTreeMap<&TopicName, &SeenTopic> = source
            .topics
            .iter()
            .filter(|(name, seen)| self.config.topics.takes(name, seen.is_internal))
            .collect();
        let (topics, site) = (&self.config.topics, self.source.as_ref());
        let sites = (site, self.store.as_ref());
        let names: Vec<TopicName> = selected.keys().map(|name| (*name).clone()).collect();
        let mirrors = names.iter().map(|name| self.config.mirror_topic(name));
        let mirrors: Vec<TopicName> = mirrors.filter(|m| target.topics.contains_key(m)).collect();
        // None of them ends another one that is under way.
        let (initial, namesakes, of_source, of_target, broker_configs) = tokio::join!(
            self.first_look
                .take(&self.config, sites, &self.known, &selected),
            self.namesakes.left_out(topics, site, source),
            self.source_configs.read(site, &names),
            self.target_configs.read(self.target.as_ref(), &mirrors),
            self.target.broker_config_names(),
        );
        let (initial, ()) = (initial?, of_source.and(of_target)?);
        let reseeds = reseeds_of(self.store.as_ref(), &self.config.name)?;
        let reseeds = reseeds.into_iter().map(|(name, it)| (name, it.former));
        let preserves = self.config.offsets == OffsetsMode::Preserve;
        let mirrored = self.mirrored.as_deref().filter(|_| preserves);
        let mut sight = Sight {
            reseeds: reseeds.collect(),
            stopped: self.stopped.clone(),
            known: self.known.clone(),
            target_brokers: target.brokers,
            target_broker_configs: broker_configs?,
            left_alone: self.config.excluded_settings.left_alone(),
            replication_factor: self.config.replication_factor,
            preserves,
            live: live(mirrored, &selected),
            initial,
            ..Sight::default()
        };
        for (name, seen) in selected {
            let configs = self.source_configs.of(name);
            if let Some(Err(message)) = &configs {
                let reason = Reason::new(HaltCode::NotPermitted, message.clone());
                sight.refused.insert(name.clone(), reason);
            }
            if self.config.policies.of(name).recreate != Policy::Halt {
                sight.follows.insert(name.clone());
            }
            let configs = configs.and_then(Result::ok);
            let topic = self.source_topic(name, seen, configs.unwrap_or_default());
            sight.source.insert(name.clone(), topic);
        }
        for name in mirrors {
            let configs = self.target_configs.of(&name);
            let topic = TargetTopic {
                configs: configs.and_then(Result::ok).unwrap_or_default(),
                ..target.topics[&name].on_target()
            };
            sight.target.insert(name, topic);
        }
        self.find_hidden(&mut sight, source, target).await?;
        for (name, (seen, obstacle)) in namesakes {
            let topic = self.source_topic(&name, &seen, TopicConfigs::new());
            sight.leave_out_with(name, topic, obstacle);
        }
        Ok(sight)
    }

    /// Finds the topics of the sight that aren't missing but may not be seen: known ones, mirrors that were to be there
    /// before this look, and those that the link names.
    async fn find_hidden(&self, sight: &mut Sight, source: &Look, target: &Look) -> Result<()> {
        let is_gone = |name: &&TopicName| !source.topics.contains_key(*name);
        let gone = sight.known.keys().filter(is_gone).cloned();
        let is_unknown = |name: &TopicName| !sight.known.contains_key(name);
        let named = self.config.topics.named();
        let named = named.filter(|name| is_gone(&name) && is_unknown(name));
        let unseen: BTreeSet<TopicName> = named.collect();
        let gone: Vec<TopicName> = gone.chain(unseen.iter().cloned()).collect();
        let set = self.set.borrow().clone();
        let awaited = set.unmirrored.iter();
        let awaited = awaited.filter(|(name, _)| source.topics.contains_key(*name));
        let awaited = awaited.map(|(name, it)| (it.mirror_topic.clone(), name.clone()));
        let known = sight.known.iter();
        let known = known.map(|(name, it)| (it.target_name.clone(), name.clone()));
        let mirrors: BTreeMap<TopicName, TopicName> = awaited
            .chain(known)
            .filter(|(mirror, _)| !target.topics.contains_key(mirror))
            .collect();
        let missing: Vec<TopicName> = mirrors.keys().cloned().collect();
        let (mut of_source, of_target) =
            tokio::try_join!(self.source.hidden(&gone), self.target.hidden(&missing))?;
        let reason = |error: Error| Reason::new(HaltCode::NotPermitted, error.chain());
        for name in unseen {
            let obstacle = match of_source.remove(&name) {
                Some(error) => Obstacle::Refused(never_seen(&error)),
                None => Obstacle::Absent(format!(
                    "cluster {} has no topic {name}: create it there, or correct the link's topics",
                    self.config.source
                )),
            };
            sight.unseen.insert(name, obstacle);
        }
        for (name, error) in of_source {
            sight.hidden.insert(name, reason(error));
        }
        for (mirror, error) in of_target {
            let (name, reason) = (&mirrors[&mirror], reason(error));
            if sight.known.contains_key(name) {
                sight.hidden.entry(name.clone()).or_insert(reason);
            } else if sight.source.contains_key(name) {
                sight.refused.entry(name.clone()).or_insert(reason);
            }
        }
        Ok(())
    }

    fn source_topic(
        &self,
        name: &TopicName,
        seen: &SeenTopic,
        configs: TopicConfigs,
    ) -> SourceTopic {
        SourceTopic {
            target_name: self.config.mirror_topic(name),
            id: seen.id,
            partitions: seen.partitions,
            replication_factor: seen.replication_factor,
            configs,
        }
    }

    /// Removes topics about which nothing can be concluded yet from the sight; they stay unchanged in the set.
    pub(super) fn set_aside_unclear(
        &mut self,
        sight: &mut Sight,
        source: &Look,
        target: &Look,
    ) -> BTreeSet<TopicName> {
        let is_unclear = |look: &Look, name: &TopicName| {
            look.topics.get(name).is_some_and(|seen| !seen.is_clear)
        };
        let gone = sight.gone();
        let names = sight.source.keys().chain(sight.known.keys());
        let mut unclear: BTreeSet<TopicName> = names
            .filter(|name| {
                is_unclear(source, name)
                    || is_unclear(target, &self.config.mirror_topic(name))
                    || (gone.contains(*name) && !self.gone.contains(*name))
            })
            .cloned()
            .collect();
        for name in &unclear {
            let why = "the brokers don't describe it completely yet".to_owned();
            sight.set_aside(name, Obstacle::Awaited(why));
        }
        self.gone = gone;
        for (name, obstacle) in std::mem::take(&mut sight.unread) {
            sight.set_aside(&name, obstacle);
            unclear.insert(name);
        }
        unclear
    }
}

/// The reason for a topic that the link names and may not see: brokers don't tell whether it exists.
fn never_seen(error: &Error) -> Reason {
    let message = format!("it was never seen and may exist: {}", error.chain());
    Reason::new(HaltCode::NotPermitted, message)
}
