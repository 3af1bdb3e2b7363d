//! What a link does with a name, and why.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::extract::Segments;
use super::problem::Problem;
use super::state::{ApiState, LinkHandle, Sighting};
use crate::config::NameRule;
use crate::contract::{
    ExplanationAnswer, GroupExplanation, LinkAnswer, Presence, RuleAnswer, TopicAnswer,
    TopicExplanation,
};
use crate::model::{GroupId, HaltCode, LinkName, TopicName};
use crate::replicate::PartitionStatus;

/// `GET /v1/links/{link}/explain/{name}`
pub(super) async fn show(
    State(state): State<Arc<ApiState>>,
    Segments((link, name)): Segments<(LinkName, String)>,
) -> Result<Json<ExplanationAnswer>, Problem> {
    let link = state.link(&link)?;
    let LinkAnswer {
        name: link_name,
        source,
        state,
        detail,
        ..
    } = LinkAnswer::of(&link);
    Ok(Json(ExplanationAnswer {
        topic: link.explain_topic(&name.as_str().into()),
        group: link.explain_group(&name.as_str().into()),
        link: link_name,
        source,
        name,
        state,
        detail,
    }))
}

impl LinkHandle {
    fn explain_topic(&self, topic: &TopicName) -> TopicExplanation {
        let sighting = self.selection.source.seen(topic);
        let rules = self.topic_rules(topic, sighting);
        let included = rules.first().is_some_and(NameRule::includes);
        let partitions = self.view.topic_to_show(topic);
        let is_hidden = |it: &PartitionStatus| {
            let code = it.reason.as_ref().map(|reason| reason.code);
            code == Some(HaltCode::NotPermitted)
        };
        let known = TopicAnswer::of(&partitions, self);
        let naming = self.selection.naming;
        let mirror = included.then(|| naming.mirror_topic(&self.source, topic));
        let mirror = known.as_ref().map(|it| it.mirror_topic.clone()).or(mirror);
        let is_there = included && sighting != Sighting::Absent;
        let settings = mirror.as_ref().filter(|_| is_there);
        TopicExplanation {
            included,
            rules: answers(&rules, "topics"),
            on_source: match sighting {
                _ if !self.condition.borrow().source.is_reached() => Presence::Unknown,
                Sighting::Unknown => Presence::Unknown,
                // Brokers don't tell whether there is a topic that may not be seen.
                Sighting::Absent if partitions.iter().any(is_hidden) => Presence::Unknown,
                Sighting::Absent => Presence::Absent,
                Sighting::Present { .. } => Presence::Present,
            },
            settings: settings.map_or_else(Vec::new, |it| self.selection.settings(topic, it)),
            mirror_topic: mirror,
            intent: included.then(|| self.view.intent_of(topic)),
            partitions: known.map(|it| it.partitions).unwrap_or_default(),
        }
    }

    fn explain_group(&self, group: &GroupId) -> GroupExplanation {
        let rules: Vec<NameRule> = self.selection.groups.rules(group).collect();
        GroupExplanation {
            included: rules.first().is_some_and(NameRule::includes),
            rules: answers(&rules, "groups"),
            status: self.groups.group(group),
        }
    }

    fn topic_rules(&self, topic: &TopicName, sighting: Sighting) -> Vec<NameRule> {
        let is_internal = matches!(sighting, Sighting::Present { is_internal: true });
        self.selection.topics.rules(topic, is_internal).collect()
    }

    /// Why a topic isn't mirrored, as the end of a sentence; empty if the rules include it.
    pub(super) fn because_of_topic(&self, topic: &TopicName) -> String {
        let rules = self.topic_rules(topic, self.selection.source.seen(topic));
        because(rules.first(), "topics")
    }

    /// Why a group isn't carried over, as the end of a sentence; empty if the rules include it.
    pub(super) fn because_of_group(&self, group: &GroupId) -> String {
        because(self.selection.groups.rules(group).next().as_ref(), "groups")
    }
}

fn because(rule: Option<&NameRule>, list: &str) -> String {
    let excluding = rule.filter(|it| !it.includes());
    excluding.map_or_else(String::new, |it| format!(": {}", it.text(list)))
}

fn answers(rules: &[NameRule], list: &str) -> Vec<RuleAnswer> {
    rules.iter().map(|it| RuleAnswer::of(it, list)).collect()
}
