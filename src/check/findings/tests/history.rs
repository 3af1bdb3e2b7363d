use crate::check::facts::HistoryFacts;
use crate::config::Otherwise;

use super::preserving::preserving;
use super::*;

/// A link that has mirrored this many topics, `gone` and `recreated` among them.
fn having_mirrored(mirrors: usize, gone: &[&str], recreated: &[&str]) -> Facts {
    let mut facts = healthy();
    let names = |names: &[&str]| names.iter().map(|name| (*name).into()).collect();
    found(&mut facts).history = HistoryFacts {
        mirrors,
        gone: names(gone),
        recreated: names(recreated),
        ..HistoryFacts::default()
    };
    facts
}

#[test]
fn a_wiped_target_is_told_as_one_and_single_mirrors_by_name() {
    let reseed = "farshore resolve --link paris-oslo --topic T --with reseed";
    for (mirrors, gone, recreated, what) in [
        (
            2,
            &["orders"][..],
            &["payments"][..],
            "oslo seems to have been wiped: of 2 topics",
        ),
        (
            1,
            &["orders"],
            &[],
            "oslo seems to have been wiped: of 1 topics",
        ),
        (3, &["orders", "payments"], &[], "(gone): orders, payments"),
        (3, &[], &["orders"], "(created again): orders"),
    ] {
        let facts = having_mirrored(mirrors, gone, recreated);
        assert_only(&facts, Severity::Problem, what, reseed);
    }
    assert_eq!(findings(&having_mirrored(2, &[], &[])), []);
    let mut facts = having_mirrored(1, &[], &[]);
    found(&mut facts).history.hidden = vec!["orders".into()];
    let what = "mirror topics on oslo may not be seen: orders";
    let fix = "--operation Read --operation Write --operation DescribeConfigs --topic orders";
    assert_only(&facts, Severity::Problem, what, fix);
    let both = findings(&having_mirrored(3, &["orders"], &["payments"]));
    assert_eq!(both.len(), 2, "{both:?}");
}

#[test]
fn offsets_that_stay_as_they_are_are_told() {
    for (otherwise, severity, what) in [
        (
            Some(Otherwise::Refuse),
            Severity::Problem,
            "will stand still, because their offsets can't be preserved: orders",
        ),
        (
            Some(Otherwise::Translate),
            Severity::Advice,
            "keep it, their offsets won't be preserved: orders",
        ),
        (
            None,
            Severity::Advice,
            "keep them, whatever offsets says: orders",
        ),
    ] {
        let mut facts = having_mirrored(1, &[], &[]);
        if let Some(otherwise) = otherwise {
            preserving(&mut facts, otherwise, 0);
        }
        found(&mut facts).history.fixed = vec!["orders".into()];
        assert_only(&facts, severity, what, "--with reseed");
    }
}

#[test]
fn another_cluster_and_what_is_not_known_are_told_instead() {
    let mut facts = having_mirrored(1, &["orders"], &[]);
    let other = ("oslo".into(), "O".to_owned(), "X".to_owned());
    found(&mut facts).history.others = vec![other];
    let what = "it belongs to a cluster with id O, but oslo has id X";
    assert_only(&facts, Severity::Problem, what, "a link of its own name");
    let mut facts = healthy();
    found(&mut facts).history.unknown = Some("in use".to_owned());
    let what = "what it has mirrored so far isn't known here: in use";
    assert_only(&facts, Severity::Advice, what, "farshore status");
}
