//! Checks the requirement of the record path on the target: a transactional id.

use std::time::Duration;

use crate::config::LinkConfig;
use crate::kafka::acl::Need;
use crate::kafka::client::Cluster;
use crate::kafka::record::Shard;
use crate::model::{DataPath, LinkIdentity};
use crate::replicate::{record_name, transactional_ids};

use super::facts::{ClusterFacts, Found, LinkFacts, RecordFacts};
use super::finding::{Finding, advice, granted_by, problem};

/// Returns the facts about a link on the record path; `None` for others. The transaction coordinator may take as long as
/// `patience`. Uses a transactional id of its own, so that a
/// running service isn't fenced.
pub(super) async fn facts(
    link: &LinkConfig,
    identity: &LinkIdentity,
    target: &Cluster,
    patience: Duration,
) -> Option<RecordFacts> {
    if link.path != DataPath::Record {
        return None;
    }
    let id = format!("{}.check", record_name(identity));
    let shard = Shard::new(target, id, patience);
    Some(RecordFacts {
        refused: shard.ready().await.err(),
        prefix: transactional_ids(&link.name),
    })
}

/// Returns the findings that prevent a link's record path, and its cost.
pub(super) fn findings(link: &LinkFacts, found: &Found, target: &ClusterFacts) -> Vec<Finding> {
    let Some(record) = &found.record else {
        return Vec::new();
    };
    let subject = format!("link {}", link.name);
    let mut findings = vec![advice(
        &subject,
        "records travel one by one through librdkafka and in transactions: this takes several times the CPU of the raw path, one target offset for each transaction, and consumers of the mirrors have to read with isolation.level=read_committed",
        "Remove path = \"record\" if neither cluster needs it.",
    )];
    if let Some(refused) = &record.refused {
        findings.push(problem(
            &subject,
            refused.chain(),
            granted_by(refused, || {
                target.grantee.command_for(Need::Transact, &record.prefix)
            }),
        ));
    }
    findings
}
