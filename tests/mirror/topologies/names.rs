//! One address for all brokers, behind which a load balancer goes by the name in the handshake (SNI); IPv6.

use std::fs;

use super::{LINK, PARTITIONS, check, configure, listener, mirrors};
use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::certificates::Authority;
use crate::support::leash::Leash;
use crate::support::ports::Port;
use crate::support::relay::Relay;

fn advertised(id: i32) -> String {
    format!("kafka-{id}.paris.svc:9093")
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_behind_one_address_are_told_apart_by_their_names_and_ipv6_is_an_address() {
    let files = Leash::new("names");
    let authority = Authority::new("authority");
    let (store, trusted) = (files.dir().join("store.pem"), files.dir().join("ca.pem"));
    fs::write(&store, authority.issue("*.paris.svc", 90).store()).expect("a file");
    fs::write(&trusted, &authority.pem).expect("a file");
    let ports = [Port::reserve(), Port::reserve()];
    let oslo_port = [Port::reserve()];
    let of_paris = Spec::new(KafkaVersion::V4_1)
        .brokers(2)
        .listener(listener("EXTERNAL", "SSL", &ports, advertised))
        .store("EXTERNAL", &store);
    let of_oslo =
        Spec::new(KafkaVersion::V4_1).listener(listener("CLIENT", "PLAINTEXT", &oslo_port, |id| {
            format!("[2001:db8::{id}]:9095")
        }));
    let mut setting = Setting::between(of_paris, of_oslo, LINK).await;
    setting.topic("orders", PARTITIONS, &[]).await;

    let names = [
        ("kafka-1.paris.svc", &ports[0]),
        ("kafka-2.paris.svc", &ports[1]),
        ("bootstrap.paris.svc", &ports[0]),
    ];
    let names = names.map(|(name, port)| (name.to_owned(), port.address()));
    let balancer = Relay::by_name("127.0.0.4", names.into());
    let tls = format!(
        "security_protocol = \"SSL\"\ntls.ca_file = \"{}\"\n",
        trusted.display()
    );
    let mapped = format!(
        "bootstrap_servers = [\"bootstrap.paris.svc:9093\"]\n\
         address_map = {{ \"*.paris.svc:9093\" = {:?} }}\n",
        balancer.address()
    );
    let door = Relay::start("::1", &oslo_port[0].address());
    let oslo = format!(
        "bootstrap_servers = [{0:?}]\naddress_map = {{ \"[2001:db8:0:0::1]:9095\" = {0:?} }}\n",
        door.address()
    );
    let told = check(&setting, &mapped, &oslo).await;
    let expected = "where without encryption nothing tells them apart";
    assert!(told.contains(expected), "{told}");
    let one_name = format!("{tls}tls.server_name = \"kafka-1.paris.svc\"\n{mapped}");
    let told = check(&setting, &one_name, &oslo).await;
    let expected = "tls.server_name is the name for all of them";
    assert!(told.contains(expected), "{told}");

    let paris = format!("{tls}{mapped}");
    let told = check(&setting, &paris, &oslo).await;
    assert!(told.contains("no problems found"), "{told}");
    configure(&setting, &paris, &oslo);
    setting.farshore.start().await;
    mirrors(&setting, 0..500).await;
    let asked = ["bootstrap", "kafka-1", "kafka-2"].map(|it| format!("{it}.paris.svc"));
    assert_eq!(balancer.asked(), asked);
}
