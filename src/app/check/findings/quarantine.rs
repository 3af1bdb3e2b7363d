//! Whether refused records can be put into quarantine.

use super::{Finding, grant, problem};
use crate::app::check::facts::{ClusterFacts, Found, LinkFacts, MirrorFacts};
use crate::kafka::admin::Operation;

/// Without these no receipt is written, or not only once.
const NEEDED: [Operation; 3] = [Operation::Read, Operation::Write, Operation::Describe];

/// What stands against receipts.
pub(super) fn findings(link: &LinkFacts, found: &Found, target: &ClusterFacts) -> Option<Finding> {
    let quarantine = found.quarantine.as_ref()?;
    let name = &quarantine.name;
    let subject = format!("link {}", link.name);
    let consequence = "partitions with on_refused = \"skip_with_receipt\" will halt at records that the target refuses";
    match &quarantine.stands {
        MirrorFacts::Missing { refused } => refused.as_ref().map(|refused| {
            problem(
                &subject,
                format!(
                    "{} refuses to create the quarantine topic {name}: {}; {consequence}",
                    link.target,
                    refused.chain()
                ),
                grant(
                    target,
                    &[&[Operation::Create][..], &NEEDED].concat(),
                    &[name],
                ),
            )
        }),
        MirrorFacts::Present { permitted, .. } => {
            let missing = NEEDED.into_iter().filter(|it| !permitted.has(*it));
            let missing: Vec<Operation> = missing.collect();
            let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
            (!missing.is_empty()).then(|| {
                problem(
                    &subject,
                    format!(
                        "{} doesn't permit {} on the quarantine topic {name}: {consequence}",
                        link.target,
                        names.join(", ")
                    ),
                    grant(target, &missing, &[name]),
                )
            })
        }
    }
}
