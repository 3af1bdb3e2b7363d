//! What a link does with the settings of a topic, and why.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One setting of a topic and of its mirror.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct SettingAnswer {
    pub(crate) name: String,
    pub(crate) treatment: Treatment,
    /// The effective value on the source as last read; absent if the setting isn't read, or isn't known there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    /// The effective value on the mirror as last read; absent if the setting isn't read, or isn't known there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mirror: Option<String>,
    /// Absent if the mirror's value isn't known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) likeness: Option<SettingLikeness>,
    /// The expression in `config_exclude` that matches, as written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expression: Option<String>,
    /// Why it is treated like this.
    pub(crate) why: String,
}

/// What farshore does with a setting on a mirror topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Treatment {
    /// It is set to a value of farshore's, whatever the source has.
    Set,
    /// It is set to the source's value.
    Mirrored,
    /// It is raised to the source's value, and never lowered.
    AtLeast,
    /// It would be mirrored, and is left alone because of `config_exclude`.
    Excluded,
    /// It is never touched.
    NotMirrored,
}

/// How the values of a setting on both sides relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SettingLikeness {
    /// Both mean the same.
    Same,
    /// They differ on purpose.
    Differs,
    /// The mirror's value is going to be changed.
    Changes,
}
