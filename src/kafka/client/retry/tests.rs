use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use kafka_protocol::messages::{
    ApiKey, FindCoordinatorRequest, FindCoordinatorResponse, ListGroupsRequest, ListGroupsResponse,
    MetadataRequest,
};

use crate::error::Kind;
use crate::kafka::client::testing::{self, FakeNet, Reply};

use super::*;

/// How often a broker was asked.
#[derive(Default)]
struct Asked {
    lists: AtomicU32,
    coordinators: AtomicU32,
}

/// A cluster of one broker that answers the n-th `ListGroups` with the n-th entry: an error code, or `None` to close
/// the connection.
fn scripted(codes: &'static [Option<i16>]) -> (FakeNet, Arc<Asked>) {
    let net = FakeNet::default();
    let asked = Arc::new(Asked::default());
    let counted = Arc::clone(&asked);
    net.broker("a:1", move |call| match call.key {
        ApiKey::Metadata => call.answer::<MetadataRequest>(&testing::metadata("A", &["a:1"])),
        ApiKey::FindCoordinator => {
            counted.coordinators.fetch_add(1, Ordering::SeqCst);
            let answer = FindCoordinatorResponse::default().with_node_id(1.into());
            call.answer::<FindCoordinatorRequest>(&answer)
        }
        _ => {
            let turn = counted.lists.fetch_add(1, Ordering::SeqCst) as usize;
            match codes.get(turn).copied().unwrap_or(Some(0)) {
                Some(code) => {
                    let answer = ListGroupsResponse::default().with_error_code(code);
                    call.answer::<ListGroupsRequest>(&answer)
                }
                None => Reply::HangUp,
            }
        }
    });
    (net, asked)
}

async fn ask_of(cluster: &Cluster, route: &Recipient) -> Result<()> {
    let ask = cluster.ask(route.clone(), |connection| async move {
        let request = ListGroupsRequest::default();
        let answer = connection.call(request, Duration::from_secs(30)).await?;
        match answer.error_code {
            0 => Ok(()),
            code => Err(connection.refusal("list groups", BrokerCode(code), None)),
        }
    });
    ask.await
}

#[tokio::test(start_paused = true)]
async fn what_passes_is_asked_again_and_what_stays_is_not() {
    let group = Recipient::Coordinator(GroupId::new("billing"));
    let (net, asked) = scripted(&[Some(14), None, Some(16), Some(15), None]);
    let cluster = net.cluster(&["a:1"]);
    ask_of(&cluster, &group).await.unwrap();
    assert_eq!(asked.lists.load(Ordering::SeqCst), 6);
    let lookups = asked.coordinators.load(Ordering::SeqCst);
    assert_eq!(lookups, 5, "again after 15, 16 and each lost connection");

    let (net, asked) = scripted(&[Some(30)]);
    let cluster = net.cluster(&["a:1"]);
    let error = ask_of(&cluster, &Recipient::Controller).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "broker 1 at a:1: cannot list groups: GROUP_AUTHORIZATION_FAILED (30) (cluster paris)"
    );
    assert_eq!(asked.lists.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_missing_topic_is_believed_after_a_few_looks() {
    let (net, asked) = scripted(&[Some(3); 10]);
    let cluster = net.cluster(&["a:1"]);
    let began = Instant::now();
    let error = ask_of(&cluster, &Recipient::Any).await.unwrap_err();
    assert_eq!(error.code(), Some(BrokerCode(3)));
    assert_eq!(asked.lists.load(Ordering::SeqCst), LOOKS_FOR_A_TOPIC);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_dead_cluster_is_given_up_after_the_retry_limit() {
    let net = FakeNet::default();
    let cluster = net.cluster(&["a:1"]);
    let began = Instant::now();
    let call = cluster.call(Recipient::Any, ListGroupsRequest::default());
    assert_eq!(call.await.unwrap_err().kind(), Kind::Disconnected);
    let waited = began.elapsed().as_secs();
    assert!((55..=61).contains(&waited), "{waited} s");
    let dials = net.dialed().len();
    assert!(dials < 200, "{dials} dials in a minute");
}

#[tokio::test(start_paused = true)]
async fn a_call_outlives_a_restart_of_the_broker() {
    let (net, _) = scripted(&[None, None]);
    let cluster = net.cluster(&["a:1"]);
    let call = cluster.call(Recipient::Broker(BrokerId(1)), ListGroupsRequest::default());
    assert_eq!(call.await.unwrap().error_code, 0);
}
