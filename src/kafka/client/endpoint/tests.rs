use super::*;
use crate::kafka::client::NameTold;

fn map(entries: &[(&str, &str)], told: NameTold) -> AddressMap {
    let mut map = AddressMap::default().telling(told);
    for (key, value) in entries {
        map.add(key, value).unwrap();
    }
    map
}

fn brokers(advertised: &[&str], map: &AddressMap) -> Vec<Endpoint> {
    let advertised = (1..).zip(advertised);
    let advertised = advertised.map(|(id, it)| (BrokerId(id), it.parse().unwrap()));
    Endpoint::of_brokers(advertised, map)
        .into_values()
        .collect()
}

#[test]
fn a_bootstrap_address_is_mapped_unless_the_map_leads_to_it() {
    let map = map(
        &[
            ("kafka-0.svc:1", "lb:31090"),
            ("kafka-1.svc:1", "lb:31091"),
            ("*.kafka.svc:1", "lb:31092"),
        ],
        NameTold::Advertised,
    );
    for (written, advertised, dial) in [
        ("lb:31090", "kafka-0.svc:1", "lb:31090"),
        ("LB:31091", "kafka-1.svc:1", "LB:31091"),
        ("kafka-0.svc:1", "kafka-0.svc:1", "lb:31090"),
        ("any.kafka.svc:1", "any.kafka.svc:1", "lb:31092"),
        ("elsewhere:1", "elsewhere:1", "elsewhere:1"),
    ] {
        let endpoint = Endpoint::bootstrap(&written.parse().unwrap(), &map);
        let found = (endpoint.advertised.to_string(), endpoint.dial.to_string());
        assert_eq!(found, (advertised.to_owned(), dial.to_owned()), "{written}");
    }
}

#[test]
fn an_address_that_leads_nowhere_is_not_dialed() {
    let map = map(&[("/a.*:1/", "b:1"), ("/.*a:1/", "c:1")], NameTold::Nothing);
    let endpoint = Endpoint::of_broker(BrokerId(1), "a:1".parse().unwrap(), &map);
    assert_eq!(endpoint.dial.to_string(), "a:1");
    let error = endpoint.check().unwrap_err();
    assert_eq!(error.kind(), Kind::Disconnected);
    let told = error.to_string();
    assert!(
        told.starts_with("both \"/a.*:1/\" and \"/.*a:1/\" in"),
        "{told}"
    );
}

#[test]
fn brokers_behind_one_door_are_dialed_only_if_names_tell_them_apart() {
    let entries = [("/kafka-(\\d)\\.[a-z]+:1/", "lb:{100+$1-$1}")];
    let advertised = ["kafka-1.svc:1", "kafka-2.svc:1", "apart:1"];
    for (told, why) in [
        (
            NameTold::Nothing,
            "brokers 1, 2 are all reached at lb:100, where without encryption nothing tells them apart: give each",
        ),
        (
            NameTold::ServerName,
            "nothing tells them apart, because tls.server_name is the name for all of them: give",
        ),
    ] {
        let found = brokers(&advertised, &map(&entries, told));
        for misled in &found[..2] {
            let text = misled.check().unwrap_err().to_string();
            assert!(text.contains(why), "{text}");
        }
        found[2].check().unwrap();
    }
    let by_name = map(&entries, NameTold::Advertised);
    let all_checked = |advertised: &[&str]| {
        brokers(advertised, &by_name)
            .iter()
            .all(|it| it.check().is_ok())
    };
    assert!(all_checked(&advertised));
    // The same name at another port, or with another spelling, is the same name.
    assert!(!all_checked(&["kafka-1.svc:1", "KAFKA-1.svc:1"]));
}

/// Without a map, `check` tells what is wrong; farshore does as it is told.
#[test]
fn brokers_that_advertise_one_address_are_left_as_they_are() {
    let found = brokers(&["a:1", "a:1"], &AddressMap::default());
    assert!(found.iter().all(|it| it.check().is_ok()));
    let mapped = map(&[("b:1", "a:1")], NameTold::Nothing);
    assert!(
        brokers(&["a:1", "b:1"], &mapped)
            .iter()
            .all(|it| it.check().is_err())
    );
}
