//! What a link selects, and what was seen of it.

use std::sync::Arc;

use crate::api::state::{Selection, Sighting, SourceTopics};
use crate::config::{ExcludedSettings, GroupFilter, Naming, TopicFilter};
use crate::control::topics::cluster::SeenConfigs;
use crate::model::TopicName;

/// Everything but tests is included.
pub(super) fn selection() -> Selection {
    Selection {
        topics: TopicFilter::new(&["orders|t", "eu.*", "_.*"], &["eu\\.test.*"]).unwrap(),
        groups: GroupFilter::new(&[".*"], &["eu.*"]).unwrap(),
        naming: Naming::Prefix,
        source: Arc::new(FakeTopics),
        excluded_settings: ExcludedSettings::default(),
        configs: configs(),
    }
}

/// What was read of `orders` and of its mirror.
fn configs() -> [SeenConfigs; 2] {
    let [source, target] = <[SeenConfigs; 2]>::default();
    let read = [
        ("cleanup.policy", "delete"),
        ("compression.type", "zstd"),
        ("retention.ms", "604800000"),
    ];
    source.put("orders", &read);
    let read = [
        ("cleanup.policy", "delete"),
        ("compression.type", "producer"),
        ("retention.ms", "1000"),
    ];
    target.put("paris.orders", &read);
    [source, target]
}

/// A source with a few topics.
#[derive(Debug)]
struct FakeTopics;

impl SourceTopics for FakeTopics {
    fn seen(&self, topic: &TopicName) -> Sighting {
        match topic.as_str() {
            "orders" | "t" | "eu.new" => Sighting::Present { is_internal: false },
            "eu.internal" => Sighting::Present { is_internal: true },
            _ => Sighting::Absent,
        }
    }
}
