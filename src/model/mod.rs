//! The vocabulary of farshore: identifiers, offsets, runs, states and reasons.
//!
//! Promises: plain values without I/O, clocks or async; anything that could be confused has its own type.
//! Doesn't: depend on Kafka's wire format, the checkpoint DB or any loop.

mod certificates;
mod deletions;
mod history;
mod ids;
mod intent;
mod mirror_set;
mod moment;
mod offset;
mod path;
mod policy;
mod producer;
mod run;
mod secret;
mod state;
mod topic_setting;
mod translation;

pub use certificates::{CertificateEnds, time};
pub use deletions::{Deletions, Missed};
pub use history::{Anchor, History, Stretch, StretchKind, Totals};
pub use ids::{
    BrokerId, ClusterName, GroupId, LeaderEpoch, LinkName, OneLine, Partition, TopicId, TopicName,
    TopicPartition,
};
pub use intent::{Intent, IntentChange, IntentRefused, IntentSetting, LinkIntents};
pub use mirror_set::{KnownTopic, MirrorSet, MirroredTopic, Obstacle, Unmirrored};
pub use moment::{Moment, Monotonic};
pub use offset::{OffsetsMode, SourceOffset, TargetOffset};
pub use path::DataPath;
pub use policy::{Policies, Policy};
pub use producer::{LinkIdentity, ProducerId, sequence_of};
pub use run::Run;
pub use secret::Secret;
pub use state::{HaltCode, PartitionState, Reason};
pub use topic_setting::{
    SettingNeed, SettingRule, TOPIC_SETTINGS, TopicSetting, UNLIMITED, mirrored_settings,
};
pub use translation::{Translation, Untranslatable};
