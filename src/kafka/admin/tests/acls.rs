use kafka_protocol::messages::create_acls_response::AclCreationResult;
use kafka_protocol::messages::delete_acls_response::{
    DeleteAclsFilterResult, DeleteAclsMatchingAcl,
};
use kafka_protocol::messages::describe_acls_response::{AclDescription, DescribeAclsResource};
use kafka_protocol::messages::{
    CreateAclsRequest, CreateAclsResponse, DeleteAclsRequest, DeleteAclsResponse,
    DescribeAclsRequest, DescribeAclsResponse,
};

use crate::kafka::acl::entry::{AclEntry, Permission};
use crate::kafka::acl::{AclOperation, PatternType, Resource, ResourceType};
use crate::kafka::client::names::text;

use super::*;

fn denial(principal: &str) -> AclEntry {
    AclEntry {
        host: "10.0.0.1".to_owned(),
        resource: Resource {
            kind: ResourceType::Topic,
            pattern: PatternType::Prefixed,
            name: "ord".to_owned(),
        },
        ..AclEntry::on_topic(
            &"ord".into(),
            principal,
            AclOperation::Write,
            Permission::Deny,
        )
    }
}

#[tokio::test(start_paused = true)]
async fn every_acl_is_read_and_unknown_ones_are_counted() {
    let (_net, cluster) = cluster(&[], |_, call| {
        let request: DescribeAclsRequest = call.request();
        // Anything else would be a filter through which nothing passes.
        assert_eq!(request.resource_name_filter, None);
        assert_eq!(request.principal_filter, None);
        assert_eq!(request.host_filter, None);
        let any = (
            request.resource_type_filter,
            request.pattern_type_filter,
            request.operation,
        );
        assert_eq!(any, (1, 1, 1));
        let acl = |operation| {
            AclDescription::default()
                .with_principal(text("User:alice"))
                .with_host(text("10.0.0.1"))
                .with_operation(operation)
                .with_permission_type(2)
        };
        let resource = DescribeAclsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("ord"))
            .with_pattern_type(4)
            .with_acls(vec![acl(4), acl(99)]);
        let answer = DescribeAclsResponse::default().with_resources(vec![resource]);
        call.answer::<DescribeAclsRequest>(&answer)
    });
    let seen = describe_acls(&cluster).await.unwrap();
    assert_eq!(seen.entries, [denial("User:alice")].into());
    assert_eq!(seen.unknown, 1);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_an_authorizer_or_without_the_right_says_so() {
    let refusing = |code| {
        cluster(&[], move |_, call| {
            let answer = DescribeAclsResponse::default().with_error_code(code);
            call.answer::<DescribeAclsRequest>(&answer)
        })
    };
    let (_net, cluster) = refusing(54);
    let error = describe_acls(&cluster).await.unwrap_err();
    assert!(is_without_authorizer(&error));
    let (_net, cluster) = refusing(31);
    let error = describe_acls(&cluster).await.unwrap_err();
    assert!(!is_without_authorizer(&error));
    let told = error.chain();
    assert!(told.contains("--operation Describe --cluster"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn additions_go_to_the_controller_and_each_has_its_own_answer() {
    let (_net, cluster) = cluster(&[], |broker, call| {
        assert_eq!(broker, 1, "the controller");
        let request: CreateAclsRequest = call.request();
        let first = &request.creations[0];
        assert_eq!((first.resource_type, first.resource_pattern_type), (2, 4));
        assert_eq!((first.operation, first.permission_type), (4, 2));
        assert_eq!(first.host.as_str(), "10.0.0.1");
        let results = request.creations.iter().map(|it| {
            let is_odd = it.principal.as_str() == "odd";
            let code = if is_odd { 42 } else { 0 };
            AclCreationResult::default().with_error_code(code)
        });
        let answer = CreateAclsResponse::default().with_results(results.collect());
        call.answer::<CreateAclsRequest>(&answer)
    });
    let entries = [denial("User:alice"), denial("odd")];
    let right = Ownership::permanent();
    let refused = create_acls(&cluster, &entries, &right).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].0, entries[1]);
    assert!(
        create_acls(&cluster, &entries, &Ownership::none())
            .await
            .is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn exactly_the_named_acl_is_removed() {
    let (_net, cluster) = cluster(&[], |_, call| {
        let request: DeleteAclsRequest = call.request();
        let filter = &request.filters[0];
        let exact = (
            filter.resource_type_filter,
            filter.resource_name_filter.as_deref(),
            filter.pattern_type_filter,
            filter.principal_filter.as_deref(),
            filter.host_filter.as_deref(),
            filter.operation,
            filter.permission_type,
        );
        let expected = (
            2,
            Some("ord"),
            4,
            Some("User:alice"),
            Some("10.0.0.1"),
            4,
            2,
        );
        assert_eq!(exact, expected);
        let failed = DeleteAclsMatchingAcl::default().with_error_code(-1);
        let results = vec![
            DeleteAclsFilterResult::default(),
            DeleteAclsFilterResult::default().with_matching_acls(vec![failed]),
        ];
        let answer = DeleteAclsResponse::default().with_filter_results(results);
        call.answer::<DeleteAclsRequest>(&answer)
    });
    let entries = [denial("User:alice"), denial("User:bob")];
    let refused = delete_acls(&cluster, &entries, &Ownership::permanent()).await;
    let refused: Vec<AclEntry> = refused.unwrap().into_iter().map(|it| it.0).collect();
    assert_eq!(refused, entries[1..]);
}
