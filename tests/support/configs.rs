//! Topic configs, read and changed with librdkafka's own client.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::wait::blocking;

const LIMIT: Duration = Duration::from_secs(30);

fn admin(bootstrap: &str) -> AdminClient<DefaultClientContext> {
    let created = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create();
    created.expect("a client")
}

/// The effective configs of a topic. The error describes the last state, for `eventually`.
pub(crate) async fn of_topic(
    bootstrap: &str,
    topic: &str,
) -> Result<BTreeMap<String, String>, String> {
    let resource = [ResourceSpecifier::Topic(topic)];
    let described = admin(bootstrap)
        .describe_configs(&resource, &AdminOptions::new())
        .await
        .map_err(|error| error.to_string())?;
    let described = described.into_iter().next().expect("one answer");
    let entries = described.map_err(|error| error.to_string())?.entries;
    let told = entries.into_iter();
    Ok(told
        .filter_map(|entry| Some((entry.name, entry.value?)))
        .collect())
}

/// Sets these configs of a topic and resets all others.
pub(crate) async fn replace(bootstrap: &str, topic: &str, settings: &[(&str, &str)]) {
    let change = AlterConfig {
        specifier: ResourceSpecifier::Topic(topic),
        entries: settings.iter().copied().collect::<HashMap<_, _>>(),
    };
    let results = admin(bootstrap)
        .alter_configs([&change], &AdminOptions::new())
        .await
        .expect("an answer to AlterConfigs");
    for result in results {
        result.expect("the settings are changed");
    }
}

/// The topics of a cluster with their partition counts, without Kafka's internal ones. The error describes the last state,
/// for `eventually`.
pub(crate) async fn topics(bootstrap: &str) -> Result<BTreeSet<(String, usize)>, String> {
    let client: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .create()
        .expect("a client");
    let metadata = blocking(move || client.fetch_metadata(None, LIMIT)).await;
    let metadata = metadata.map_err(|error| error.to_string())?;
    let seen = metadata.topics().iter();
    let own = ["__consumer_offsets", "__transaction_state"];
    Ok(seen
        .filter(|topic| !own.contains(&topic.name()))
        .map(|topic| (topic.name().to_owned(), topic.partitions().len()))
        .collect())
}
