use crate::control::groups::commit::Written;
use crate::control::testing::partition;
use crate::model::SourceOffset;

use super::*;

fn commit(offset: i64) -> SourceCommit {
    SourceCommit {
        offset: SourceOffset(offset),
        metadata: None,
    }
}

/// A snapshot of group `g`, with one offset or none, in a link of one partition.
fn snapshot(offset: Option<i64>) -> Snapshot {
    let commits = offset.map(|offset| (partition(), commit(offset)));
    Snapshot {
        groups: [("g".into(), commits.into_iter().collect())].into(),
        ends: [(partition(), SourceOffset(100))].into(),
        ..Snapshot::default()
    }
}

fn known(snapshot: Snapshot, gone: &[&str]) -> Wants {
    Wants::Known {
        snapshot: Arc::new(snapshot),
        recorded: ["g".into(), "h".into()].into(),
        gone: gone.iter().map(|group| GroupId::from(*group)).collect(),
    }
}

fn wrote() -> Account {
    Account {
        frozen_by: None,
        written: [(partition(), Written::default())].into(),
    }
}

fn want(wants: &Wants, group: &str) -> Want {
    let all = wants.of(&group.into(), &wrote());
    let [(at, want)] = &all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(*at, partition());
    want.clone()
}

#[test]
fn an_offset_vanished_only_if_the_source_was_read_without_it() {
    assert_eq!(
        want(&known(snapshot(Some(7)), &[]), "g"),
        Want::Commit(commit(7))
    );
    assert_eq!(want(&known(snapshot(None), &[]), "g"), Want::Nothing);
    let mut unlinked = snapshot(None);
    unlinked.ends.clear();
    assert_eq!(want(&known(unlinked, &[]), "g"), Want::Unknown(None));
    // A group that isn't in the snapshot may be one that can't be read.
    assert_eq!(want(&known(snapshot(None), &[]), "h"), Want::Unknown(None));
    assert_eq!(want(&known(snapshot(None), &["h"]), "h"), Want::Nothing);
    // It was still there at the time of the cut.
    assert_eq!(
        want(&known(snapshot(Some(7)), &["g"]), "g"),
        Want::Commit(commit(7))
    );
}

#[test]
fn without_a_cut_everything_stays_and_the_last_known_offset_is_shown() {
    let unknown = |last: Option<Snapshot>| Wants::Unknown {
        recorded: ["h".into()].into(),
        last: last.map(Arc::new),
    };
    let seen = unknown(Some(snapshot(Some(7))));
    assert_eq!(want(&seen, "g"), Want::Unknown(Some(commit(7))));
    assert_eq!(want(&seen, "h"), Want::Unknown(None));
    assert_eq!(want(&unknown(None), "g"), Want::Unknown(None));
    assert_eq!(seen.groups(), ["g".into(), "h".into()].into());
    assert!(seen.may_exist(&"other".into()));
}

#[test]
fn offsets_without_a_record_are_wanted_too() {
    let wants = known(snapshot(Some(7)), &["h"]);
    let all = wants.of(&"g".into(), &Account::default());
    assert_eq!(all, [(partition(), Want::Commit(commit(7)))]);
    assert_eq!(wants.of(&"h".into(), &Account::default()), []);
    assert!(wants.may_exist(&"g".into()) && !wants.may_exist(&"h".into()));
}
