//! The intents of a link and its topics, as shown by the API.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::state::LinkHandle;
use crate::model::{Intent, IntentSetting, TopicName};

/// An intent with its origin.
#[derive(Debug, Serialize)]
pub(super) struct IntentAnswer {
    intent: Intent,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_by: Option<String>,
    /// Absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    set_at: Option<Timestamp>,
    /// Whether it isn't in the journal yet. It is in force nevertheless.
    pending: bool,
}

/// The intent of a topic, with its origin.
#[derive(Debug, Serialize)]
pub(super) struct TopicIntentAnswer {
    topic: TopicName,
    #[serde(flatten)]
    intent: IntentAnswer,
}

impl LinkHandle {
    /// The intent of the link, with its origin.
    pub(super) fn intent(&self) -> IntentAnswer {
        let intents = Arc::clone(&self.view.intents().borrow());
        let pending = Arc::clone(&self.view.pending_intents().borrow());
        IntentAnswer::of(intents.link.as_ref(), pending.link.is_some())
    }

    /// The intents set for single topics, with their origins.
    pub(super) fn topic_intents(&self) -> Vec<TopicIntentAnswer> {
        let intents = Arc::clone(&self.view.intents().borrow());
        let pending = Arc::clone(&self.view.pending_intents().borrow());
        let topics = intents.topics.iter();
        let answer = |(topic, setting): (&TopicName, &IntentSetting)| TopicIntentAnswer {
            topic: topic.clone(),
            intent: IntentAnswer::of(Some(setting), pending.topics.contains_key(topic)),
        };
        topics.map(answer).collect()
    }
}

impl IntentAnswer {
    fn of(setting: Option<&IntentSetting>, pending: bool) -> Self {
        let known = setting.filter(|it| it.set_at_ms > 0);
        Self {
            intent: setting.map_or(Intent::Mirror, |it| it.intent),
            set_by: setting.map(|it| it.set_by.clone()),
            set_at: known.and_then(|it| Timestamp::from_millisecond(it.set_at_ms).ok()),
            pending,
        }
    }
}
