use super::*;
use crate::control::testing::acls::{ALICE, allow, entry};
use crate::kafka::acl::{AclOperation as Op, Resource};

fn grantee(bootstrap: &str) -> Grantee {
    Grantee {
        bootstrap: bootstrap.to_owned(),
        principal: "farshore".to_owned(),
    }
}

fn listed(source: &[AclEntry], target: &[AclEntry], left_out: &[(AclEntry, LeftOut)]) -> ByHand {
    let set = |entries: &[AclEntry]| entries.iter().cloned().collect::<BTreeSet<AclEntry>>();
    let (source, target) = (set(source), set(target));
    let topics = BTreeMap::from([("orders".into(), "paris.orders".into())]);
    let sides = BothSides {
        source: &source,
        target: &target,
        topics: &topics,
        left_out: &left_out.iter().cloned().collect(),
        on_source: &grantee("p:9092"),
        on_target: &grantee("o:9092"),
    };
    by_hand(
        &sides,
        |group| group == "billing",
        |name| format!("paris.{name}"),
    )
}

fn of_group(name: &str) -> AclEntry {
    AclEntry {
        resource: Resource::literal(ResourceType::Group, name),
        ..allow(ALICE, Op::Read, "")
    }
}

#[test]
fn groups_patterns_and_writers_are_listed_with_commands_for_the_target() {
    let prefixed = |operation| {
        let on = (PatternType::Prefixed, "ord");
        entry(Permission::Allow, operation, on, ALICE)
    };
    let writer = allow(ALICE, Op::Write, "orders");
    let source = [
        of_group("billing"),
        of_group("another"),
        prefixed(Op::Describe),
        prefixed(Op::All),
        entry(
            Permission::Allow,
            Op::Read,
            (PatternType::Prefixed, "x"),
            ALICE,
        ),
        allow(ALICE, Op::Read, "*"),
        allow(ALICE, Op::Read, "orders"),
        writer.clone(),
    ];
    let told = listed(&source, &[], &[(writer, LeftOut::Writes)]);
    let mut commands: Vec<&str> = told.items.iter().map(|it| it.command.as_str()).collect();
    commands.sort_unstable();
    let add =
        "kafka-acls.sh --bootstrap-server o:9092 --add --allow-principal User:alice --operation";
    let list = "kafka-configs.sh --bootstrap-server p:9092 --describe --entity-type";
    let mut expected = [
        format!("{add} Read --group billing"),
        format!("{add} Describe --topic paris.ord --resource-pattern-type prefixed"),
        // Of everything, reading is left.
        format!("{add} Read --topic paris.ord --resource-pattern-type prefixed"),
        // Every topic of the source is not every topic of the target.
        format!("{add} Read --topic paris. --resource-pattern-type prefixed"),
        format!("{add} Write --topic paris.orders"),
        format!("{list} users"),
        format!("{list} clients"),
    ];
    expected.sort_unstable();
    assert_eq!(commands, expected);
    assert_eq!(told.more, 0);
}

#[test]
fn what_the_target_has_is_left_out_and_the_list_is_limited() {
    let told = listed(&[of_group("billing")], &[of_group("billing")], &[]);
    assert_eq!(told.items.len(), 2, "{told:?}");
    let many: Vec<AclEntry> = (0..LISTED + 5)
        .map(|number| AclEntry {
            principal: format!("User:{number}"),
            ..of_group("billing")
        })
        .collect();
    let told = listed(&many, &[], &[]);
    assert_eq!((told.items.len(), told.more), (LISTED + 2, 5));
}
