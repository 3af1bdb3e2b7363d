//! What the record path needs and costs.

use super::{Finding, advice, problem};
use crate::app::check::facts::{ClusterFacts, Found, LinkFacts};

/// What stands against the record path of a link, and what it costs.
pub(super) fn findings(link: &LinkFacts, found: &Found, target: &ClusterFacts) -> Vec<Finding> {
    let Some(record) = &found.record else {
        return Vec::new();
    };
    let subject = format!("link {}", link.name);
    let mut findings = vec![advice(
        &subject,
        "records travel one by one through librdkafka and in transactions: this takes several times the CPU of the raw path, one target offset for each transaction, and consumers of the mirrors have to read with isolation.level=read_committed",
        "leave path = \"record\" out where neither cluster needs it",
    )];
    if let Some(refused) = &record.refused {
        findings.push(problem(
            &subject,
            refused.chain(),
            format!(
                "kafka-acls.sh --bootstrap-server {} --add --allow-principal User:ANONYMOUS --operation Write --operation Describe --transactional-id {} --resource-pattern-type prefixed",
                target.bootstrap, record.prefix
            ),
        ));
    }
    findings
}
