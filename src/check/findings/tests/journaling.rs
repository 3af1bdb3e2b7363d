use crate::check::facts::{JournalFacts, JournalTopic};

use super::*;

fn with_journal(state: JournalTopic) -> Facts {
    let mut facts = healthy();
    found(&mut facts).journal = Some(JournalFacts {
        name: "__farshore.paris-oslo".into(),
        state,
    });
    facts
}

fn present(permitted: &[AclOperation], policy: &str) -> JournalTopic {
    JournalTopic::Present {
        permitted: Operations::of(permitted),
        policy: Some(policy.to_owned()),
    }
}

const ENOUGH: &[AclOperation] = &[
    AclOperation::Read,
    AclOperation::Write,
    AclOperation::Describe,
];

#[test]
fn a_journal_that_can_be_kept_is_not_spoken_of() {
    let missing = JournalTopic::Missing { refused: None };
    for state in [missing, present(ENOUGH, "compact")] {
        assert_eq!(findings(&with_journal(state)), []);
    }
}

#[test]
fn what_a_journal_lacks_is_named_with_its_fix() {
    let refused = |code| JournalTopic::Missing {
        refused: Some(Error::new(Kind::Broker(BrokerCode(code)), "refused")),
    };
    for (state, what, fix) in [
        (refused(29), "would not be created", "--operation Create"),
        (refused(38), "would not be created", "replication_factor"),
        (
            refused(44),
            "would not be created",
            "cleanup.policy=compact",
        ),
        (
            present(&ENOUGH[..1], "compact"),
            "Write on its journal",
            "--operation Write",
        ),
        (
            present(ENOUGH, "delete"),
            "cleanup.policy=delete",
            "--add-config cleanup.policy=compact",
        ),
        (
            present(ENOUGH, "compact,delete"),
            "cleanup.policy=compact,delete",
            "kafka-configs.sh",
        ),
    ] {
        assert_only(&with_journal(state), Severity::Problem, what, fix);
    }
}

#[test]
fn a_target_that_forgets_owners_is_no_place_for_a_lease() {
    let mut facts = with_journal(present(ENOUGH, "compact"));
    found(&mut facts).topics.remove(&"payments".into());
    set(&mut facts, "oslo", "producer.id.expiration.ms", "59999");
    assert_only(
        &facts,
        Severity::Problem,
        "would not be refused",
        "producer.id.expiration.ms=86400000",
    );
}
