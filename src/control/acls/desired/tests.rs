use super::*;
use crate::control::testing::acls::{ALICE, BOB, LINK, allow, deny, entry};
use crate::kafka::acl::{AclOperation as Op, PatternType};

fn set(entries: &[AclEntry]) -> BTreeSet<AclEntry> {
    entries.iter().cloned().collect()
}

struct Case {
    role: TopicRole,
    sync: bool,
    guard: bool,
    source: Option<BTreeSet<AclEntry>>,
    others: BTreeSet<AclEntry>,
}

impl Case {
    fn synced(source: &[AclEntry], others: &[AclEntry]) -> Self {
        Self {
            role: TopicRole::Mirror,
            sync: true,
            guard: false,
            source: Some(set(source)),
            others: set(others),
        }
    }

    fn guarded(others: &[AclEntry]) -> Self {
        Self {
            sync: false,
            guard: true,
            ..Self::synced(&[], others)
        }
    }

    fn desired(&self) -> Desired {
        let own = BTreeSet::from([LINK.to_owned()]);
        desired(&TopicSubject {
            role: self.role,
            sync: self.sync,
            guard: self.guard,
            topic: &"t".into(),
            mirror: &"paris.t".into(),
            source: self.source.as_ref(),
            others: &self.others,
            has_synced: false,
            own: &own,
        })
    }

    fn entries(&self) -> BTreeSet<AclEntry> {
        self.desired().entries.into_keys().collect()
    }
}

#[test]
fn everything_on_the_topic_itself_is_carried_over_but_the_right_to_write() {
    let source = [
        allow(ALICE, Op::Read, "t"),
        allow(ALICE, Op::Write, "t"),
        allow(BOB, Op::All, "t"),
        allow(BOB, Op::AlterConfigs, "t"),
        deny(BOB, Op::All, "t"),
        allow(ALICE, Op::Read, "*"),
        allow(ALICE, Op::Read, "other"),
        entry(
            Permission::Allow,
            Op::Read,
            (PatternType::Prefixed, "t"),
            ALICE,
        ),
    ];
    // The link has its rights.
    let case = Case::synced(&source, &[allow(LINK, Op::All, "paris.t")]);
    let carried = [
        allow(ALICE, Op::Read, "paris.t"),
        allow(BOB, Op::Read, "paris.t"),
        allow(BOB, Op::AlterConfigs, "paris.t"),
        deny(BOB, Op::All, "paris.t"),
    ];
    assert_eq!(case.entries(), set(&carried));
    let left_out = case.desired().left_out;
    let writes = (allow(ALICE, Op::Write, "t"), LeftOut::Writes);
    assert_eq!(left_out, BTreeMap::from([writes]));
}

#[test]
fn a_denial_for_the_link_is_left_out() {
    let source = [
        deny(LINK, Op::Write, "t"),
        deny(EVERYBODY, Op::All, "t"),
        deny(ALICE, Op::Write, "t"),
    ];
    let case = Case::synced(&source, &[allow(LINK, Op::All, "paris.t")]);
    assert_eq!(case.entries(), set(&[deny(ALICE, Op::Write, "paris.t")]));
    let left_out = case.desired().left_out;
    assert!(left_out.values().all(|it| *it == LeftOut::DeniesLink));
    assert_eq!(left_out.len(), 2);
}

#[test]
fn the_first_entry_of_a_topic_comes_with_one_for_the_link() {
    let source = [allow(ALICE, Op::Read, "t")];
    let first = Case::synced(&source, &[]).entries();
    assert!(first.contains(&allow(LINK, Op::All, "paris.t")));
    let none = Case::synced(&[], &[]).entries();
    assert_eq!(none, set(&[]));
}

#[test]
fn the_guard_denies_everyone_else_whose_right_to_write_reaches_the_topic() {
    let prefixed = (PatternType::Prefixed, "paris.");
    let elsewhere = (PatternType::Prefixed, "oslo.");
    let from_one_host = AclEntry {
        host: "10.0.0.1".to_owned(),
        ..allow("User:carol", Op::Write, "paris.t")
    };
    let others = [
        allow(ALICE, Op::Read, "paris.t"),
        entry(Permission::Allow, Op::All, prefixed, BOB),
        entry(Permission::Allow, Op::All, elsewhere, ALICE),
        entry(Permission::Allow, Op::Write, prefixed, LINK),
        allow("User:dora", Op::Write, "*"),
        from_one_host,
    ];
    let denied = [BOB, "User:carol", "User:dora"].map(|it| deny(it, Op::Write, "paris.t"));
    let case = Case::guarded(&others);
    assert_eq!(case.entries(), set(&denied));
    assert!(case.desired().unguarded.is_empty());
}

#[test]
fn what_the_guard_cannot_do_is_named() {
    let everybody = allow(EVERYBODY, Op::All, "*");
    let case = Case::guarded(&[everybody.clone(), allow(BOB, Op::Write, "paris.t")]);
    assert_eq!(case.entries(), set(&[deny(BOB, Op::Write, "paris.t")]));
    let unguarded = case.desired().unguarded;
    assert_eq!(unguarded, [Unguarded::Everybody(everybody)].into());
    let unguarded = Case::guarded(&[]).desired().unguarded;
    assert_eq!(unguarded, [Unguarded::NoEntry].into());
}

#[test]
fn an_open_topic_has_no_guard_and_keeps_what_was_carried_over() {
    let mut case = Case::synced(
        &[allow(ALICE, Op::Read, "t")],
        &[allow(BOB, Op::Write, "paris.t")],
    );
    case.guard = true;
    case.role = TopicRole::Open;
    let desired = case.desired();
    assert!(desired.entries.is_empty() && desired.keeps_synced && desired.unguarded.is_empty());
}

#[test]
fn what_was_carried_over_stays_while_the_source_is_unknown() {
    let mut case = Case::synced(&[], &[allow(BOB, Op::Write, "paris.t")]);
    (case.source, case.guard) = (None, true);
    let desired = case.desired();
    assert!(desired.keeps_synced);
    assert!(
        desired
            .entries
            .contains_key(&deny(BOB, Op::Write, "paris.t"))
    );
}

#[test]
fn a_topic_is_open_once_it_was_opened_or_isnt_the_links_any_more() {
    let role = |intent| TopicRole::of(intent);
    for intent in [Intent::Mirror, Intent::Paused, Intent::Sealed] {
        assert_eq!(role(Some(intent)), TopicRole::Mirror);
    }
    assert_eq!(role(Some(Intent::Open)), TopicRole::Open);
    assert_eq!(role(None), TopicRole::Open);
}
