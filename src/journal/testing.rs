//! Heads of a journal for tests.

use super::Topic;
use super::lease::{Head, Owner};
use crate::checkpoint::layout::Mark;
use crate::kafka::client::Cluster;
use crate::kafka::testing::FakeLog;

pub(super) fn owner(id: &str) -> Owner {
    Owner {
        id: id.to_owned(),
        host: "h".to_owned(),
        process: 1,
        api_url: None,
    }
}

/// The head of an owner that has written nothing else.
pub(super) fn head(id: &str, term: u64, claim: u64) -> Head {
    Head {
        owner: owner(id),
        since_ms: 0,
        term,
        claim,
        revision: None,
        released: false,
        mark: Mark::default(),
    }
}

/// The empty journal of link `l`.
pub(super) async fn journal() -> (FakeLog, Cluster, Topic) {
    let (log, cluster) = FakeLog::new("__farshore.l");
    let topic = Topic::find(&cluster, &"l".into()).await.unwrap().unwrap();
    (log, cluster, topic)
}
