//! An operator's intents for a link and its topics, and which changes are allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::TopicName;

/// The intent for a link or a topic; a later variant is stricter.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    #[default]
    Mirror,
    /// Writes nothing to the target until resumed.
    Paused,
    /// Writes nothing to the target; the map is frozen.
    Sealed,
    /// Applications write to the topic on the target; farshore never alters, grows, writes to or judges it.
    Open,
}

impl Intent {
    /// Every intent, the strictest last.
    pub const ALL: [Self; 4] = [Self::Mirror, Self::Paused, Self::Sealed, Self::Open];

    /// The name in the API, the audit log and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mirror => "mirror",
            Self::Paused => "paused",
            Self::Sealed => "sealed",
            Self::Open => "open",
        }
    }

    /// Whether the link may write to the target.
    pub fn writes(self) -> bool {
        self == Self::Mirror
    }
}

impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An intent and its origin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IntentSetting {
    /// When it was set, in milliseconds since the Unix epoch; 0 if unknown. The later of two settings applies; at equal
    /// times, the stricter.
    pub set_at_ms: i64,
    pub intent: Intent,
    /// The address the request came from.
    pub set_by: String,
    /// Whether it was made by a pause or resume. Merging such a setting doesn't move anything sealed or open.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub relative: bool,
}

/// The settings for a link and for individual topics.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkIntents {
    /// For the link as a whole; `None` means [`Intent::Mirror`].
    #[serde(default)]
    pub link: Option<IntentSetting>,
    /// For individual topics, by source name; all others follow the link.
    #[serde(default)]
    pub topics: BTreeMap<TopicName, IntentSetting>,
}

/// A change requested by an operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntentChange {
    /// From `mirror` to `paused`.
    Pause,
    /// From `paused` to `mirror`.
    Resume,
    /// To any intent.
    Set(Intent),
}

impl IntentChange {
    /// The resulting intent.
    pub fn intent(self) -> Intent {
        match self {
            Self::Pause => Intent::Paused,
            Self::Resume => Intent::Mirror,
            Self::Set(intent) => intent,
        }
    }

    /// Why the change isn't allowed from the intent `from`; `None` if it is allowed.
    fn refusal(self, from: Intent) -> Option<&'static str> {
        match (self, from) {
            (Self::Set(Intent::Open), Intent::Open)
            | (Self::Set(_), Intent::Mirror | Intent::Paused | Intent::Sealed)
            | (Self::Pause | Self::Resume, Intent::Mirror | Intent::Paused) => None,
            // Not through another intent either: mirroring would continue after records that applications wrote.
            (Self::Set(_), Intent::Open) => Some(
                "applications may have written to the target since it was opened; it can't be mirrored again in this version",
            ),
            (Self::Pause | Self::Resume, Intent::Sealed | Intent::Open) => Some(
                "pause and resume move only between mirror and paused; set the intent explicitly",
            ),
        }
    }
}

/// Why a change was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntentRefused {
    /// The topic; `None` for the link as a whole.
    pub topic: Option<TopicName>,
    /// The current intent.
    pub intent: Intent,
    why: &'static str,
}

impl fmt::Display for IntentRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { topic, intent, why } = self;
        match topic {
            Some(topic) => write!(f, "the intent of topic {topic} is {intent}: {why}"),
            None => write!(f, "the intent of the link is {intent}: {why}"),
        }
    }
}

/// Overwrites `known` with `other` if that is the setting that applies.
fn overrule(known: &mut IntentSetting, other: &IntentSetting) {
    if other.relative && known.intent >= Intent::Sealed {
        return;
    }
    let rank = |it: &IntentSetting| (it.intent == Intent::Open, it.clone());
    if rank(other) > rank(known) {
        known.clone_from(other);
    }
}

impl LinkIntents {
    /// The settings for a link that an earlier version paused, which recorded neither origin nor time.
    pub fn formerly_paused() -> Self {
        Self {
            link: Some(IntentSetting {
                set_at_ms: 0,
                intent: Intent::Paused,
                set_by: "an earlier version".to_owned(),
                relative: false,
            }),
            topics: BTreeMap::new(),
        }
    }

    /// The intent of the link as a whole.
    pub fn of_link(&self) -> Intent {
        self.link.as_ref().map_or(Intent::Mirror, |it| it.intent)
    }

    /// The effective intent for a topic: the stricter of the link's and the topic's own.
    pub fn of(&self, topic: &TopicName) -> Intent {
        let own = self.topics.get(topic).map(|it| it.intent);
        self.of_link().max(own.unwrap_or_default())
    }

    /// The setting for `topic`, or for the link if it is `None`.
    pub fn own(&self, topic: Option<&TopicName>) -> Option<&IntentSetting> {
        topic.map_or(self.link.as_ref(), |topic| self.topics.get(topic))
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.link.is_none() && self.topics.is_empty()
    }

    /// Whether writes to any topic are forbidden, including topics not discovered yet.
    pub fn holds_anything(&self) -> bool {
        !self.of_link().writes() || self.topics.values().any(|it| !it.intent.writes())
    }

    /// Merges other settings: the later of two applies. But open stays open, because applications write there, and sealed is
    /// neither paused nor resumed.
    pub fn merge(&mut self, other: &Self) {
        if let Some(setting) = &other.link {
            overrule(self.link.get_or_insert_with(|| setting.clone()), setting);
        }
        for (topic, setting) in &other.topics {
            let known = self.topics.entry(topic.clone());
            overrule(known.or_insert_with(|| setting.clone()), setting);
        }
    }

    /// The settings that `other` lacks or has with a different value.
    #[must_use]
    pub fn without(&self, other: &Self) -> Self {
        let topics = self.topics.iter();
        let topics = topics.filter(|(topic, it)| other.topics.get(*topic) != Some(it));
        Self {
            link: self
                .link
                .clone()
                .filter(|it| other.link.as_ref() != Some(it)),
            topics: topics
                .map(|(topic, it)| (topic.clone(), it.clone()))
                .collect(),
        }
    }

    /// The settings that a change makes for the link, or for `topics` only; each is later than the setting it replaces.
    ///
    /// Errors: the change isn't allowed for one of them; then none is made.
    pub fn change(
        &self,
        topics: Option<&BTreeSet<TopicName>>,
        change: IntentChange,
        set_by: &str,
        now_ms: i64,
    ) -> Result<Self, IntentRefused> {
        let setting = |before: Option<&IntentSetting>| IntentSetting {
            set_at_ms: before.map_or(now_ms, |it| now_ms.max(it.set_at_ms + 1)),
            intent: change.intent(),
            set_by: set_by.to_owned(),
            relative: !matches!(change, IntentChange::Set(_)),
        };
        let allow = |topic: Option<&TopicName>, intent| match change.refusal(intent) {
            None => Ok(()),
            Some(why) => Err(IntentRefused {
                topic: topic.cloned(),
                intent,
                why,
            }),
        };
        let mut made = Self::default();
        let Some(topics) = topics else {
            allow(None, self.of_link())?;
            made.link = Some(setting(self.link.as_ref()));
            return Ok(made);
        };
        for topic in topics {
            let own = self.topics.get(topic);
            allow(Some(topic), own.map_or(Intent::Mirror, |it| it.intent))?;
            if !matches!(change, IntentChange::Set(_)) {
                allow(None, self.of_link())?;
            }
            made.topics.insert(topic.clone(), setting(own));
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests;
