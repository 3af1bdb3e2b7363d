//! Clusters that nobody uses any more, kept running for the next test that asks for the same.
//!
//! A cluster is kept if nothing but its clients changed it. It is emptied before it is used again, and not used again if that
//! fails. Leashes end what is left when the process ends.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::Nodes;
use super::spec::Spec;
use crate::support::topics;
use crate::support::wait::{blocking, eventually};

/// How many clusters are kept; each takes half a GiB.
const KEPT: usize = 6;
/// The topic of group offsets; groups themselves are deleted. That of transactions goes, with what a killed producer left open.
const OFFSETS: &str = "__consumer_offsets";
const LIMIT: Duration = Duration::from_secs(30);

static IDLE: Mutex<Vec<Nodes>> = Mutex::new(Vec::new());

/// Keeps a cluster; the one that is unused for longest ends if there are too many.
pub(super) fn keep(nodes: Nodes) {
    let surplus = {
        let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push(nodes);
        (idle.len() > KEPT).then(|| idle.remove(0))
    };
    drop(surplus);
}

/// An empty cluster that was started like this and is unused.
pub(super) async fn take(spec: &Spec) -> Option<Nodes> {
    loop {
        let nodes = {
            let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
            let place = idle.iter().rposition(|it| it.spec == *spec)?;
            idle.remove(place)
        };
        if empty(&nodes.bootstrap()).await.is_ok() {
            return Some(nodes);
        }
    }
}

/// Deletes every topic and group.
async fn empty(bootstrap: &str) -> Result<(), String> {
    let admin: AdminClient<DefaultClientContext> = topics::client(bootstrap);
    let (topics, groups) = contents(bootstrap).await?;
    // A former member keeps its group from being deleted until its session ends.
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    if !groups.is_empty() {
        let deleted = admin.delete_groups(&groups, &AdminOptions::new()).await;
        for result in deleted.map_err(|error| error.to_string())? {
            result.map_err(|(group, code)| format!("{group}: {code}"))?;
        }
    }
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    if !topics.is_empty() {
        let deleted = admin.delete_topics(&topics, &AdminOptions::new()).await;
        for result in deleted.map_err(|error| error.to_string())? {
            result.map_err(|(topic, code)| format!("{topic}: {code}"))?;
        }
    }
    eventually(LIMIT, "the cluster is empty", async || {
        let (topics, groups) = contents(bootstrap).await?;
        let is_empty = topics.is_empty() && groups.is_empty();
        is_empty
            .then_some(())
            .ok_or(format!("{topics:?}, {groups:?}"))
    })
    .await;
    Ok(())
}

async fn contents(bootstrap: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let consumer: BaseConsumer = topics::client(bootstrap);
    blocking(move || {
        let metadata = consumer.fetch_metadata(None, LIMIT);
        let metadata = metadata.map_err(|error| error.to_string())?;
        let names = metadata.topics().iter().map(|it| it.name().to_owned());
        let topics: Vec<String> = names.filter(|name| name != OFFSETS).collect();
        let groups = consumer.fetch_group_list(None, LIMIT);
        let groups = groups.map_err(|error| error.to_string())?;
        let groups = groups.groups().iter().map(|it| it.name().to_owned());
        Ok((topics, groups.collect()))
    })
    .await
}
