use crate::kafka::client::{AddressMap, Plain, Transport};

use super::*;

fn unreached(broker: i32, advertised: &str, cause: Cause) -> Unreached {
    let advertised: HostPort = advertised.parse().unwrap();
    Unreached {
        broker: BrokerId(broker),
        dial: advertised.clone(),
        advertised,
        cause,
        why: "too slow".to_owned(),
        tls_fix: None,
        elsewhere: Elsewhere::default(),
    }
}

fn told(brokers: &[Unreached]) -> Vec<(String, String)> {
    advice(&"paris".into(), brokers)
}

/// The name is too long for a question to a name server, so that nobody is asked.
#[tokio::test]
async fn a_name_that_does_not_resolve_is_told_from_a_port_without_a_listener() {
    let long = format!("{}.invalid", "x".repeat(64));
    let closed = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    for (dial, cause) in [
        (HostPort::new(long, 9092), Cause::Unresolved),
        (HostPort::new("127.0.0.1", port), Cause::Refused),
    ] {
        let endpoint = Endpoint {
            broker: None,
            advertised: dial.clone(),
            dial,
            misled: None,
        };
        let error = Plain.connect(&endpoint).await.unwrap_err();
        let error = Error::new(error.kind(), "no connection").caused_by(error);
        assert_eq!(cause_of(&error), cause, "{error:?}");
    }
}

/// Two brokers at one address that nothing tells apart: the address map says why, and what to do.
#[test]
fn brokers_that_the_map_does_not_tell_apart_are_looked_for_nowhere_else() {
    let mut map = AddressMap::default();
    map.add("*.svc:9092", "127.0.0.1:1").unwrap();
    let brokers = [1, 2].map(|id| {
        (
            BrokerId(id),
            format!("kafka-{id}.svc:9092").parse().unwrap(),
        )
    });
    let endpoints = Endpoint::of_brokers(brokers, &map);
    let endpoint = &endpoints[&BrokerId(1)];
    let error = endpoint.check().unwrap_err();
    let broker = Unreached::new(BrokerId(1), endpoint, &error);
    assert_eq!(broker.cause, Cause::AddressMap);
    assert!(!broker.is_misplaced());
    let (what, fix) = told(&[broker]).remove(0);
    assert!(
        what.contains("brokers 1, 2 are all reached at 127.0.0.1:1"),
        "{what}"
    );
    assert_eq!(fix, "Correct [clusters.paris.address_map].");
}

#[test]
fn every_kind_of_failure_has_its_cause() {
    for (kind, cause) in [
        (Kind::TimedOut, Cause::Timeout),
        (Kind::Protocol, Cause::NotKafka),
        (Kind::Refused, Cause::OtherCluster),
        (Kind::Broker(BrokerCode(58)), Cause::Login),
        (Kind::Invalid, Cause::Login),
        (Kind::Disconnected, Cause::Disconnected),
        (Kind::Broker(BrokerCode(7)), Cause::Disconnected),
    ] {
        assert_eq!(cause_of(&Error::new(kind, "no")), cause, "{kind:?}");
    }
}

#[test]
fn brokers_that_are_named_alike_share_one_text() {
    let brokers = (1..=100).map(|id| {
        let advertised = format!("kafka-{id}.kafka.svc:9092");
        unreached(id, &advertised, Cause::Unresolved)
    });
    let brokers: Vec<Unreached> = brokers.collect();
    let [(what, fix)] = &told(&brokers)[..] else {
        panic!("{:?}", told(&brokers));
    };
    assert_eq!(
        what,
        "brokers 1, 2, 3, 4, 5 and 95 more cannot be reached at the addresses they advertise, \
         kafka-1.kafka.svc:9092, kafka-2.kafka.svc:9092, kafka-3.kafka.svc:9092, kafka-4.kafka.svc:9092, \
         kafka-5.kafka.svc:9092 and 95 more: these names don't resolve here"
    );
    let line = "[clusters.paris.address_map] where they can be reached: \"kafka-1.kafka.svc:9092\" = \"HOST:PORT\", ";
    assert!(fix.contains(line), "{fix}");
    assert!(fix.ends_with("and 95 more."), "{fix}");
    assert!(fix.contains("advertised.listeners"), "{fix}");
}

#[test]
fn what_differs_has_texts_of_its_own() {
    let mut brokers = vec![
        unreached(1, "kafka-1:9092", Cause::Unresolved),
        unreached(2, "kafka-2:9092", Cause::Timeout),
        unreached(3, "other-3:9092", Cause::Unresolved),
    ];
    assert_eq!(told(&brokers).len(), 3);
    brokers[1].cause = Cause::Unresolved;
    assert_eq!(told(&brokers).len(), 2);
    brokers[1].dial = "203.0.113.7:31090".parse().unwrap();
    let all = told(&brokers);
    let mapped = "where address_map leads, 203.0.113.7:31090 (for kafka-2:9092)";
    let mapped = all.iter().find(|(what, _)| what.contains(mapped));
    let (_, fix) = mapped.unwrap_or_else(|| panic!("{all:?}"));
    assert!(fix.contains("correct these entries"), "{fix}");
}

#[test]
fn only_lines_that_were_tried_are_proposed_as_they_are() {
    let mut brokers = [
        unreached(1, "kafka-1:9092", Cause::Unresolved),
        unreached(2, "kafka-2:9092", Cause::Unresolved),
        unreached(3, "kafka-3:9092", Cause::Unresolved),
        unreached(4, "kafka-4:9092", Cause::Unresolved),
    ];
    let address = |text: &str| -> HostPort { text.parse().unwrap() };
    brokers[0].elsewhere = Elsewhere::At(address("door:9092"));
    brokers[1].elsewhere = Elsewhere::At(address("door:9093"));
    brokers[2].elsewhere = Elsewhere::Perhaps(address("door:9094"));
    brokers[3].elsewhere = Elsewhere::Nowhere(vec![address("door:9095")]);
    let fixes: Vec<String> = told(&brokers).into_iter().map(|(_, fix)| fix).collect();
    let [at, perhaps, nowhere] = &fixes[..] else {
        panic!("{fixes:?}");
    };
    assert_eq!(
        at,
        "Write into [clusters.paris.address_map] where they answered when tried: \
         \"kafka-1:9092\" = \"door:9092\", \"kafka-2:9092\" = \"door:9093\"."
    );
    assert!(perhaps.contains("and may be it"), "{perhaps}");
    assert!(
        perhaps.ends_with("\"kafka-3:9092\" = \"door:9094\"."),
        "{perhaps}"
    );
    assert!(
        nowhere.contains("\"kafka-4:9092\" = \"HOST:PORT\""),
        "{nowhere}"
    );
    assert!(
        nowhere.ends_with("(Tried in vain: door:9095.)"),
        "{nowhere}"
    );
    let json = brokers[2].told(&"paris".into());
    assert_eq!(json.reachable_at.as_deref(), Some("door:9094"));
    assert_eq!(json.is_certain, Some(false));
}

#[test]
fn each_cause_has_its_remedy_and_none_is_a_right() {
    use Cause::{
        Disconnected, Login, NotKafka, OtherCluster, Refused, Timeout, Tls, Unresolved, Unroutable,
        Untried,
    };
    for (cause, remedy) in [
        (Unresolved, "Make the name resolve here"),
        (Refused, "Start the broker"),
        (Unroutable, "firewall"),
        (Timeout, "firewall"),
        (Disconnected, "log"),
        (NotKafka, "security_protocol"),
        (OtherCluster, "another cluster"),
        (Tls, "To reach it: set ca_file"),
        (Login, "[clusters.paris.sasl]"),
        (Untried, "check again"),
    ] {
        let mut broker = unreached(7, "kafka-7:9092", cause);
        broker.tls_fix = (cause == Tls).then(|| "set ca_file".to_owned());
        let (what, fix) = told(&[broker]).remove(0);
        assert!(what.starts_with("broker 7 cannot be reached"), "{what}");
        assert!(fix.contains(remedy), "{cause:?}: {fix}");
        assert!(!fix.contains("kafka-acls"), "{fix}");
    }
}
