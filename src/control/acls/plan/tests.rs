use proptest::prelude::*;

use super::*;
use crate::control::acls::desired::{TopicRole, TopicSubject, desired};
use crate::control::testing::acls::{ALICE, Authorizer, BOB, LINK};
use crate::kafka::acl::entry::{EVERYBODY, Permission};
use crate::kafka::acl::{AclOperation as Op, PatternType, Resource, ResourceType};

const CAROL: &str = "User:carol";
const HOSTS: [&str; 2] = ["10.0.0.1", "10.0.0.2"];
const TOPIC: &str = "orders";

fn entries(principals: &'static [&'static str]) -> impl Strategy<Value = BTreeSet<AclEntry>> {
    let resource = prop::sample::select(vec![
        (ResourceType::Topic, PatternType::Literal, "orders"),
        (ResourceType::Topic, PatternType::Literal, "orders"),
        (ResourceType::Topic, PatternType::Literal, "other"),
        (ResourceType::Topic, PatternType::Literal, "*"),
        (ResourceType::Topic, PatternType::Prefixed, "ord"),
        (ResourceType::Topic, PatternType::Prefixed, "oth"),
        (ResourceType::Group, PatternType::Literal, "orders"),
    ]);
    let operations = vec![Op::All, Op::Read, Op::Write, Op::Describe];
    let one = (
        resource,
        prop::sample::select(principals.to_vec()),
        prop::sample::select(vec!["*", "10.0.0.1"]),
        prop::sample::select(operations),
        prop::sample::select(vec![Permission::Allow, Permission::Allow, Permission::Deny]),
    );
    let one = one.prop_map(
        |((kind, pattern, name), principal, host, operation, permission)| AclEntry {
            resource: Resource {
                kind,
                pattern,
                name: name.to_owned(),
            },
            principal: principal.to_owned(),
            host: host.to_owned(),
            operation,
            permission,
        },
    );
    prop::collection::btree_set(one, 0..8)
}

/// A cluster and what the link has added there.
#[derive(Clone)]
struct World {
    authorizer: Authorizer,
    added: Added,
}

#[derive(Clone, Copy)]
struct Rules {
    role: TopicRole,
    sync: bool,
    guard: bool,
}

impl World {
    fn desired(&self, rules: Rules, source: &BTreeSet<AclEntry>) -> Desired {
        let topic = TOPIC.into();
        let mut others = self.authorizer.entries.clone();
        others.retain(|it| it.reaches(&topic) && !self.added.contains_key(it));
        let own = BTreeSet::from([LINK.to_owned()]);
        desired(&TopicSubject {
            role: rules.role,
            sync: rules.sync,
            guard: rules.guard,
            topic: &topic,
            mirror: &topic,
            source: Some(source),
            others: &others,
            has_synced: false,
            own: &own,
        })
    }

    /// Does what the plan says, and checks that there is nothing left to do.
    fn settle(&mut self, rules: Rules, source: &BTreeSet<AclEntry>) -> Desired {
        let desired = self.desired(rules, source);
        let changes = plan(&desired, &self.added, &self.authorizer.entries);
        assert!(changes.remove.iter().all(|it| self.added.contains_key(it)));
        self.added = intending(&self.added, &changes);
        let there = &mut self.authorizer.entries;
        there.extend(changes.add.into_keys());
        there.retain(|it| !changes.remove.contains(it));
        self.added = settled(&self.added, there);
        let again = self.desired(rules, source);
        let again = plan(&again, &self.added, &self.authorizer.entries);
        assert!(again.is_empty(), "{again:?}");
        desired
    }

    fn allows(&self, principal: &str, host: &str, operation: Op) -> bool {
        self.authorizer.allows(principal, host, operation, TOPIC)
    }
}

const EVERYONE: &[&str] = &[LINK, ALICE, BOB, EVERYBODY];
/// Nobody takes anything from the link.
const MIRROR: TopicRole = TopicRole::Mirror;

proptest! {
    #[test]
    fn nobody_but_the_link_writes_to_a_guarded_mirror_and_readers_go_on(
        before in entries(EVERYONE),
        is_open in any::<bool>(),
    ) {
        let authorizer = Authorizer { entries: before.clone(), is_open };
        let was = World { authorizer, added: Added::new() };
        let mut now = was.clone();
        let rules = Rules { role: MIRROR, sync: false, guard: true };
        let desired = now.settle(rules, &BTreeSet::new());
        for (principal, host) in [LINK, ALICE, BOB, CAROL].iter().flat_map(|it| HOSTS.map(|host| (*it, host))) {
            for operation in [Op::Read, Op::Describe, Op::AlterConfigs] {
                prop_assert_eq!(now.allows(principal, host, operation), was.allows(principal, host, operation));
            }
            if principal == LINK {
                prop_assert_eq!(now.allows(LINK, host, Op::Write), was.allows(LINK, host, Op::Write));
            } else if desired.unguarded.is_empty() {
                prop_assert!(!now.allows(principal, host, Op::Write), "{} writes", principal);
            }
        }
        // Opened, everything is as it was.
        now.settle(Rules { role: TopicRole::Open, ..rules }, &BTreeSet::new());
        prop_assert_eq!(&now.authorizer.entries, &before);
        prop_assert!(now.added.is_empty());
    }

    #[test]
    fn what_is_carried_over_lets_nobody_write_and_takes_nothing_from_the_link(
        before in entries(EVERYONE),
        source in entries(EVERYONE),
        later in entries(EVERYONE),
        is_open in any::<bool>(),
        guard in any::<bool>(),
    ) {
        let authorizer = Authorizer { entries: before.clone(), is_open };
        let was = World { authorizer, added: Added::new() };
        let mut now = was.clone();
        let rules = Rules { role: MIRROR, sync: true, guard };
        for source in [&source, &later] {
            now.settle(rules, source);
            for host in HOSTS {
                for operation in [Op::Read, Op::Write, Op::Describe] {
                    prop_assert!(now.allows(LINK, host, operation) || !was.allows(LINK, host, operation));
                }
                for principal in [ALICE, BOB, CAROL] {
                    prop_assert!(!now.allows(principal, host, Op::Write) || was.allows(principal, host, Op::Write));
                }
            }
            // What others added is never touched.
            prop_assert!(now.authorizer.entries.is_superset(&before));
        }
        // Removed where it was removed.
        now.settle(Rules { guard: false, ..rules }, &BTreeSet::new());
        prop_assert_eq!(&now.authorizer.entries, &before);
    }

    #[test]
    fn a_crash_at_any_moment_leaves_a_record_of_everything_that_was_added(
        before in entries(EVERYONE),
        source in entries(EVERYONE),
        is_added in any::<bool>(),
    ) {
        let authorizer = Authorizer { entries: before.clone(), is_open: false };
        let mut world = World { authorizer, added: Added::new() };
        let rules = Rules { role: MIRROR, sync: true, guard: true };
        let changes = plan(&world.desired(rules, &source), &world.added, &before);
        world.added = intending(&world.added, &changes);
        if is_added {
            world.authorizer.entries.extend(changes.add.into_keys());
        }
        // What is wanted has changed when the next process looks.
        world.settle(Rules { sync: true, guard: false, ..rules }, &BTreeSet::new());
        prop_assert_eq!(&world.authorizer.entries, &before);
        prop_assert!(world.added.is_empty(), "{:?}", world.added);
    }
}

#[test]
fn what_others_have_added_already_is_not_recorded() {
    let guard = AclEntry::on_topic(&TOPIC.into(), ALICE, Op::Write, Permission::Deny);
    let desired = Desired {
        entries: BTreeMap::from([(guard.clone(), AclPurpose::Guard)]),
        ..Desired::default()
    };
    let there = BTreeSet::from([guard]);
    assert!(plan(&desired, &Added::new(), &there).is_empty());
}

#[test]
fn an_entry_that_was_being_removed_and_is_wanted_again_stays() {
    let guard = AclEntry::on_topic(&TOPIC.into(), ALICE, Op::Write, Permission::Deny);
    let added = Added::from([(guard.clone(), (AclPurpose::Guard, AclState::Removing))]);
    let desired = Desired {
        entries: BTreeMap::from([(guard.clone(), AclPurpose::Guard)]),
        ..Desired::default()
    };
    let there = BTreeSet::from([guard.clone()]);
    let changes = plan(&desired, &added, &there);
    assert!(changes.is_empty());
    let added = intending(&added, &changes);
    assert_eq!(added[&guard].1, AclState::Added);
    // Somebody removes it: it is added anew.
    let changes = plan(&desired, &added, &BTreeSet::new());
    assert_eq!(changes.add.len(), 1);
}
