//! Permissions, granted by the commands that farshore prints and taken away again, over the wire: Kafka's own tool takes
//! seconds for each.

use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::{CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest};
use kafka_protocol::protocol::StrBytes;

use super::ask::ask;

const LITERAL: i8 = 3;
const PREFIXED: i8 = 4;
const ALLOW: i8 = 3;
const TOPIC: i8 = 2;
const GROUP: i8 = 3;
const CLUSTER: i8 = 4;
const TRANSACTIONAL_ID: i8 = 5;
/// Kafka's `AclOperation`s, from `Read` on.
const OPERATIONS: [&str; 9] = [
    "Read",
    "Write",
    "Create",
    "Delete",
    "Alter",
    "Describe",
    "ClusterAction",
    "DescribeConfigs",
    "AlterConfigs",
];
const READ: i8 = 3;
const ALL: i8 = 2;

/// An operation that a principal may perform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Acl {
    principal: String,
    operation: i8,
    kind: i8,
    pattern: i8,
    name: String,
}

impl Acl {
    /// What a command of `kafka-acls.sh` grants.
    pub(crate) fn all_of(command: &str) -> Vec<Self> {
        let mut words = command.split(' ').map(|word| word.trim_matches('\''));
        assert_eq!(words.next(), Some("kafka-acls.sh"), "{command}");
        let (mut principal, mut pattern) = (String::new(), LITERAL);
        let (mut operations, mut resources) = (Vec::new(), Vec::new());
        while let Some(word) = words.next() {
            let mut value = || words.next().expect("a value").to_owned();
            match word {
                "--bootstrap-server" => drop(value()),
                "--add" => {}
                "--allow-principal" => principal = value(),
                "--operation" => operations.push(operation(&value())),
                "--topic" => resources.push((TOPIC, value())),
                "--group" => resources.push((GROUP, value())),
                "--transactional-id" => resources.push((TRANSACTIONAL_ID, value())),
                "--cluster" => resources.push((CLUSTER, "kafka-cluster".to_owned())),
                "--resource-pattern-type" => {
                    assert_eq!(value(), "prefixed", "{command}");
                    pattern = PREFIXED;
                }
                other => panic!("{other} in {command}"),
            }
        }
        let acl = |(operation, (kind, name)): (i8, &(i8, String))| Self {
            principal: principal.clone(),
            operation,
            kind: *kind,
            pattern,
            name: name.clone(),
        };
        let all = operations.into_iter();
        all.flat_map(|operation| resources.iter().map(move |it| (operation, it)))
            .map(acl)
            .collect()
    }

    /// The operation and the resource, as a test names them.
    pub(crate) fn is(&self, named: &str, on: &str) -> bool {
        self.operation == operation(named) && self.name == on
    }
}

fn operation(name: &str) -> i8 {
    if name == "All" {
        return ALL;
    }
    let place = OPERATIONS.iter().position(|it| *it == name);
    let place = place.unwrap_or_else(|| panic!("no operation {name}"));
    READ + i8::try_from(place).expect("a small number")
}

fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

/// Grants permissions at the broker at `address`.
pub(crate) async fn grant(address: &str, acls: &[Acl]) {
    let creations = acls.iter().map(|acl| {
        AclCreation::default()
            .with_resource_type(acl.kind)
            .with_resource_name(text(&acl.name))
            .with_resource_pattern_type(acl.pattern)
            .with_principal(text(&acl.principal))
            .with_host(text("*"))
            .with_operation(acl.operation)
            .with_permission_type(ALLOW)
    });
    let request = CreateAclsRequest::default().with_creations(creations.collect());
    let answer = ask(address, request, 2).await.expect("an answer");
    let refused = answer.results.iter().find(|it| it.error_code != 0);
    assert_eq!(refused, None);
}

/// Every permission and denial on topics of this literal name, as in `ALLOW Read User:alice`.
pub(crate) async fn on_topic(address: &str, topic: &str) -> Vec<String> {
    const ANY: i8 = 1;
    let request = DescribeAclsRequest::default()
        .with_resource_type_filter(TOPIC)
        .with_resource_name_filter(Some(text(topic)))
        .with_pattern_type_filter(LITERAL)
        .with_principal_filter(None)
        .with_host_filter(None)
        .with_operation(ANY)
        .with_permission_type(ANY);
    let answer = ask(address, request, 2).await.expect("an answer");
    assert_eq!(answer.error_code, 0);
    let acls = answer.resources.iter().flat_map(|it| &it.acls);
    let mut told: Vec<String> = acls
        .map(|acl| {
            let side = if acl.permission_type == ALLOW {
                "ALLOW"
            } else {
                "DENY"
            };
            let place = usize::try_from(acl.operation - READ).ok();
            let operation = place.and_then(|it| OPERATIONS.get(it));
            let operation = operation.copied().unwrap_or("All");
            format!("{side} {operation} {}", acl.principal)
        })
        .collect();
    told.sort();
    told
}

/// Takes permissions away.
pub(crate) async fn revoke(address: &str, acls: &[Acl]) {
    let filters = acls.iter().map(|acl| {
        DeleteAclsFilter::default()
            .with_resource_type_filter(acl.kind)
            .with_resource_name_filter(Some(text(&acl.name)))
            .with_pattern_type_filter(acl.pattern)
            .with_principal_filter(Some(text(&acl.principal)))
            .with_host_filter(Some(text("*")))
            .with_operation(acl.operation)
            .with_permission_type(ALLOW)
    });
    let request = DeleteAclsRequest::default().with_filters(filters.collect());
    let answer = ask(address, request, 2).await.expect("an answer");
    for result in &answer.filter_results {
        assert_eq!(result.error_code, 0, "{result:?}");
        assert_eq!(result.matching_acls.len(), 1, "{result:?}");
    }
}
