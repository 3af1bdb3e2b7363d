use super::*;

fn farshore() -> Grantee {
    Grantee {
        bootstrap: "k0:9092,k1:9092".to_owned(),
        principal: "farshore".to_owned(),
    }
}

#[test]
fn a_command_names_operations_resources_and_the_pattern() {
    let topics = ["orders", "payments"].map(|it| Resource::literal(ResourceType::Topic, it));
    assert_eq!(
        farshore().command([AclOperation::Read, AclOperation::DescribeConfigs], &topics),
        "kafka-acls.sh --bootstrap-server k0:9092,k1:9092 --add --allow-principal User:farshore --operation Read --operation DescribeConfigs --topic orders --topic payments"
    );
    let own = Resource::prefixed(ResourceType::TransactionalId, "farshore.paris-oslo.");
    assert_eq!(
        farshore().command([AclOperation::Write], [&own]),
        "kafka-acls.sh --bootstrap-server k0:9092,k1:9092 --add --allow-principal User:farshore --operation Write --transactional-id farshore.paris-oslo. --resource-pattern-type prefixed"
    );
    assert!(
        farshore()
            .command_for(Need::WriteMarkers, "")
            .ends_with("--operation Alter --cluster")
    );
}

#[test]
fn what_a_shell_would_read_otherwise_is_quoted() {
    let all = Resource::prefixed(ResourceType::Group, "");
    let grantee = Grantee {
        principal: "CN=far shore,O='x'".to_owned(),
        ..farshore()
    };
    let command = grantee.command([AclOperation::Describe], [&all]);
    assert!(command.contains(r"--allow-principal 'User:CN=far shore,O='\''x'\'''"));
    assert!(command.ends_with("--group '*'"));
    let odd = Resource::literal(ResourceType::Group, "a\nb'c");
    let command = farshore().command([AclOperation::Describe], [&odd]);
    assert!(command.ends_with(r"--group $'a\u000ab\'c'"), "{command}");
}

#[test]
fn the_least_operations_leave_out_what_others_include() {
    use AclOperation::{AlterConfigs, Describe, DescribeConfigs, Read};
    let least = |all: &[AclOperation]| {
        let all = all.iter().copied().collect();
        AclOperation::least(&all).into_iter().collect::<Vec<_>>()
    };
    assert_eq!(
        least(&[Describe, Read, DescribeConfigs]),
        [Read, DescribeConfigs]
    );
    assert_eq!(
        least(&[Describe, DescribeConfigs, AlterConfigs]),
        [Describe, AlterConfigs]
    );
}

#[test]
fn a_code_refuses_only_what_is_about_its_kind_of_resource() {
    assert!(Need::ReadRecords.is_refused_by(BrokerCode(29)));
    assert!(!Need::ReadRecords.is_refused_by(BrokerCode(30)));
    assert!(Need::CreateTopic.is_refused_by(BrokerCode(31)));
    assert!(!Need::GrowTopic.is_refused_by(BrokerCode(31)));
    assert!(is_not_permitted(BrokerCode(53)));
    assert!(!is_not_permitted(BrokerCode(58)));
}
