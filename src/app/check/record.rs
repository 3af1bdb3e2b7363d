//! Tries what the record path needs of the target: a transactional id.

use std::time::Duration;

use super::facts::RecordFacts;
use crate::config::LinkConfig;
use crate::kafka::record::Shard;
use crate::kafka::wire::Cluster;
use crate::model::{DataPath, LinkIdentity};
use crate::replicate::record_name;

/// How long the coordinator of transactions may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What concerns a link on the record path; none for others. Tries an id of its own, so that a running service isn't shut out.
pub(super) async fn facts(
    link: &LinkConfig,
    identity: &LinkIdentity,
    target: &Cluster,
) -> Option<RecordFacts> {
    if link.path != DataPath::Record {
        return None;
    }
    let prefix = format!("{}.", record_name(identity));
    let shard = Shard::new(target, format!("{prefix}check"), PATIENCE);
    Some(RecordFacts {
        refused: shard.ready().await.err(),
        prefix,
    })
}
