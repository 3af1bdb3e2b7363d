//! Configurations of topics and brokers.

use std::collections::BTreeMap;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};
use kafka_protocol::protocol::StrBytes;

use crate::error::{BrokerCode, Error, Kind, Result};
use crate::kafka::acl::Need;
use crate::kafka::client::error_codes::code_of;
use crate::kafka::client::names::text;
use crate::kafka::client::{Cluster, Recipient};
use crate::model::{BrokerId, TopicName};
use crate::task::Ownership;

use super::missing;

/// The effective value of one setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigValue {
    /// `None` for a sensitive value.
    pub value: Option<String>,
    /// Whether it is set nowhere, i.e. is Kafka's own default.
    pub is_default: bool,
    /// Whether it is set for this particular topic (for a broker: in its file or dynamically), rather than inherited.
    pub is_own: bool,
}

/// Settings by name.
pub type ConfigValues = BTreeMap<String, ConfigValue>;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const SET: i8 = 0;
const DELETE: i8 = 1;
/// Kafka's `ConfigSource`.
const SOURCE_TOPIC: i8 = 1;
const SOURCE_BROKER: i8 = 2;
const SOURCE_FILE: i8 = 4;
const SOURCE_DEFAULT: i8 = 5;
const UNKNOWN_TOPIC_OR_PARTITION: BrokerCode = BrokerCode(3);

/// Returns these settings of topics. Topics that don't exist are omitted, as are settings that the broker doesn't have.
///
/// Errors: the broker's code for any topic; `TOPIC_AUTHORIZATION_FAILED` without `DESCRIBE_CONFIGS`.
pub async fn topic_configs(
    cluster: &Cluster,
    topics: &[TopicName],
    names: &[&'static str],
) -> Result<BTreeMap<TopicName, ConfigValues>> {
    // A broker has more than thirty for each topic.
    let names: Vec<StrBytes> = names
        .iter()
        .copied()
        .map(StrBytes::from_static_str)
        .collect();
    let one = |topic: &TopicName| {
        resource(TOPIC, topic.as_str()).with_configuration_keys(Some(names.clone()))
    };
    let resources = topics.iter().map(one);
    let described = describe(cluster, Recipient::Any, resources.collect()).await?;
    let by_topic = described
        .into_iter()
        .map(|(name, configs)| (TopicName::new(name), configs));
    Ok(by_topic.collect())
}

/// Returns the `cleanup.policy` of topics; otherwise like [`topic_configs`].
pub async fn cleanup_policies(
    cluster: &Cluster,
    topics: &[TopicName],
) -> Result<BTreeMap<TopicName, String>> {
    const NAME: &str = "cleanup.policy";
    let configs = topic_configs(cluster, topics, &[NAME]).await?.into_iter();
    let policies =
        configs.filter_map(|(topic, mut configs)| Some((topic, configs.remove(NAME)?.value?)));
    Ok(policies.collect())
}

/// Returns the settings of one of the cluster's brokers: the one that takes requests for the controller, if there is
/// one.
///
/// Errors: the broker's code; `CLUSTER_AUTHORIZATION_FAILED` without `DESCRIBE_CONFIGS`.
pub async fn broker_configs(cluster: &Cluster) -> Result<ConfigValues> {
    let metadata = cluster.current_metadata().await?;
    let any = metadata
        .controller
        .or_else(|| metadata.brokers.keys().next().copied());
    let broker = any.ok_or_else(|| {
        Error::new(Kind::Disconnected, "no broker is known").cluster(cluster.name())
    })?;
    broker_configs_of(cluster, broker).await
}

/// Returns the settings of a broker; otherwise like [`broker_configs`].
pub async fn broker_configs_of(cluster: &Cluster, broker: BrokerId) -> Result<ConfigValues> {
    let resources = vec![resource(BROKER, &broker.to_string())];
    let described = describe(cluster, Recipient::Broker(broker), resources).await?;
    described
        .into_values()
        .next()
        .ok_or_else(|| missing("the broker"))
}

fn resource(kind: i8, name: &str) -> DescribeConfigsResource {
    DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(None)
}

async fn describe(
    cluster: &Cluster,
    route: Recipient,
    resources: Vec<DescribeConfigsResource>,
) -> Result<BTreeMap<String, ConfigValues>> {
    let request = DescribeConfigsRequest::default().with_resources(resources);
    let timeout = cluster.settings().request_timeout;
    let ask = cluster.ask(route, |connection| {
        let request = request.clone();
        async move {
            let answer = connection.call(request, timeout).await?;
            let mut described = BTreeMap::new();
            for result in answer.results {
                match code_of(result.error_code) {
                    None => drop(described.insert(result.resource_name.to_string(), read(result))),
                    Some(UNKNOWN_TOPIC_OR_PARTITION) => {}
                    Some(code) => {
                        let what = format!("describe the settings of {}", result.resource_name);
                        let detail = result.error_message.as_deref();
                        let refusal = connection.refusal(&what, code, detail);
                        let need = match result.resource_type {
                            TOPIC => Need::ReadTopicConfigs,
                            _ => Need::ReadBrokerConfigs,
                        };
                        return Err(cluster.explained(refusal, need, &result.resource_name));
                    }
                }
            }
            Ok(described)
        }
    });
    ask.await
}

fn read(result: DescribeConfigsResult) -> ConfigValues {
    let kind = result.resource_type;
    let configs = result.configs.into_iter();
    configs
        .map(|config| (config.name.to_string(), value(kind, config)))
        .collect()
}

fn value(kind: i8, config: DescribeConfigsResourceResult) -> ConfigValue {
    let source = config.config_source;
    ConfigValue {
        value: config.value.map(|value| value.to_string()),
        is_default: source == SOURCE_DEFAULT,
        is_own: match kind {
            TOPIC => source == SOURCE_TOPIC,
            _ => matches!(source, SOURCE_BROKER | SOURCE_FILE),
        },
    }
}

/// Changes individual settings of a topic; `None` resets a setting to its inherited value, and all others stay
/// unchanged.
///
/// Errors: the broker's code with its explanation; `TOPIC_AUTHORIZATION_FAILED` without `ALTER_CONFIGS`; `Refused` if
/// `right` is not held.
pub async fn alter_topic_configs(
    cluster: &Cluster,
    topic: &TopicName,
    changes: &BTreeMap<String, Option<String>>,
    right: &Ownership,
) -> Result<()> {
    let configs = changes.iter().map(|(name, value)| {
        AlterableConfig::default()
            .with_name(text(name))
            .with_config_operation(if value.is_some() { SET } else { DELETE })
            .with_value(value.as_deref().map(text))
    });
    let resource = AlterConfigsResource::default()
        .with_resource_type(TOPIC)
        .with_resource_name(text(topic.as_str()))
        .with_configs(configs.collect());
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let timeout = cluster.settings().request_timeout;
    let ask = cluster.ask_under(right, Recipient::Any, |connection| {
        let request = request.clone();
        async move {
            let answer = connection.call_under(right, request, timeout).await?;
            let result = answer.responses.into_iter().next();
            let result = result.ok_or_else(|| missing("the topic"))?;
            match code_of(result.error_code) {
                None => Ok(()),
                Some(code) => {
                    let what = format!("change the settings of topic {topic}");
                    let detail = result.error_message.as_deref();
                    let refusal = connection.refusal(&what, code, detail);
                    let need = Need::ChangeTopicConfigs;
                    Err(cluster.explained(refusal, need, topic.as_str()))
                }
            }
        }
    });
    ask.await
}
