use crate::check::facts::{Fill, PreserveFacts};
use crate::check::probe::Probe;
use crate::config::{Otherwise, PreserveLimits};

use super::*;

/// Preserves offsets with every operation permitted; a partition of `payments` starts at offset `begin`.
pub(super) fn preserving(
    facts: &mut Facts,
    otherwise: Otherwise,
    begin: i64,
) -> &mut PreserveFacts {
    let fill = Fill {
        longest_prefix: begin,
        prefixes: begin,
        history: 100,
    };
    let preserve = PreserveFacts {
        limits: PreserveLimits {
            max_prefix: 1_000,
            max_markers: 1_000,
            otherwise,
        },
        probe: Probe::default(),
        fills: BTreeMap::from([("payments".into(), fill)]),
    };
    found(facts).preserve.insert(preserve)
}

#[test]
fn what_preserving_offsets_needs_is_named_with_its_fix() {
    let refused = || Some(Error::new(Kind::Broker(BrokerCode(31)), "markers refused"));
    for (otherwise, severity) in [
        (Otherwise::Refuse, Severity::Problem),
        (Otherwise::Translate, Severity::Advice),
    ] {
        let mut facts = healthy();
        preserving(&mut facts, otherwise, 0).probe.markers = refused();
        assert_only(
            &facts,
            severity,
            "markers refused",
            "--operation Alter --cluster",
        );
        let mut facts = healthy();
        preserving(&mut facts, otherwise, 1_001);
        assert_only(
            &facts,
            severity,
            "payments begin above",
            "preserve_max_prefix = 1001",
        );
    }
    let mut facts = healthy();
    preserving(&mut facts, Otherwise::Refuse, 1_000)
        .probe
        .deletion = refused();
    let fix = "--operation Delete --topic payments";
    assert_only(&facts, Severity::Advice, "can't be deleted", fix);
    let mut facts = healthy();
    preserving(&mut facts, Otherwise::Refuse, 0).probe.deletion = refused();
    assert_eq!(findings(&facts), [], "there is nothing to delete");
}

#[test]
fn the_cost_of_long_prefixes_and_compacted_histories_is_told() {
    let mut facts = healthy();
    preserving(&mut facts, Otherwise::Refuse, 0)
        .limits
        .max_prefix = i64::MAX;
    let fills = &mut found(&mut facts).preserve.as_mut().unwrap().fills;
    let fill = fills.get_mut(&"payments".into()).unwrap();
    fill.prefixes = 10_000_000_000;
    assert_only(
        &facts,
        Severity::Advice,
        "about 500s and 8000.0 MB",
        "space",
    );
    let fill = Fill {
        history: 70_000_000,
        ..Fill::default()
    };
    let fills = &mut found(&mut facts).preserve.as_mut().unwrap().fills;
    fills.insert("payments".into(), fill);
    assert_eq!(
        findings(&facts),
        [],
        "without compaction offsets have records"
    );
    let payments = TopicName::new("payments");
    found(&mut facts)
        .topics
        .get_mut(&payments)
        .unwrap()
        .compacted = true;
    assert_only(
        &facts,
        Severity::Advice,
        "which is 1000s and 5460.0 MB",
        "translate",
    );
}
