//! Three listeners on each broker, of which farshore uses one: through forwarders to ports of its own for each broker, and
//! through a SOCKS5 proxy. A broker comes back with another port.

use std::fs;

use super::{LINK, PARTITIONS, check, configure, listener, mirrors};
use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::leash::Leash;
use crate::support::ports::Port;
use crate::support::relay::Relay;
use crate::support::socks::{NOT_ALLOWED, Socks};

fn external(id: i32) -> String {
    format!("kafka-{id}.paris.svc:9094")
}

/// The address of a pod, which nothing outside of its network reaches.
fn pod_ip(id: i32) -> String {
    format!("10.255.255.{id}:9095")
}

fn inside(id: i32) -> String {
    format!("kafka-{id}.oslo.svc:9095")
}

fn two_ports() -> [Port; 2] {
    [Port::reserve(), Port::reserve()]
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_are_reached_by_expressions_and_through_a_proxy_also_when_one_moves() {
    let (ports, pods, oslo_port) = (two_ports(), two_ports(), [Port::reserve()]);
    let later = Port::reserve();
    let of_paris = Spec::new(KafkaVersion::V4_1)
        .brokers(2)
        .property("default.replication.factor", "1")
        .listener(listener("EXTERNAL", "PLAINTEXT", &ports, external))
        .listener(listener("CLIENT", "PLAINTEXT", &pods, pod_ip));
    let of_oslo = Spec::new(KafkaVersion::V4_1).listener(listener(
        "CLIENT",
        "PLAINTEXT",
        &oslo_port,
        inside,
    ));
    let mut setting = Setting::between(of_paris, of_oslo, LINK).await;
    setting.topic("orders", PARTITIONS, &[]).await;

    let brokers = ports.each_ref().map(Port::address);
    let (base, doors) = Relay::in_a_row("127.0.0.2", &brokers);
    let moved = [brokers[0].clone(), later.address()];
    let (later_base, _later_doors) = Relay::in_a_row("127.0.0.3", &moved);
    let paris = format!(
        "bootstrap_servers = [\"127.0.0.2:{}\"]\n[clusters.paris.address_map]\n\
         '/kafka-(\\d+)\\.paris\\.svc:9094/' = \"127.0.0.2:{{{base}+$1}}\"\n\
         '/kafka-(\\d+)\\.paris\\.svc:9194/' = \"127.0.0.3:{{{later_base}+$1}}\"\n",
        base + 1
    );
    let target = oslo_port[0].address();
    let names = [inside(1), "bootstrap.oslo.svc:9095".to_owned()];
    let proxy = Socks::start(names.clone().map(|name| (name, target.clone())).into());
    proxy.demand("farshore", "s3cret");
    let files = Leash::new("proxy");
    let password = files.dir().join("password");
    fs::write(&password, "s3cret\n").expect("a file");
    let oslo = format!(
        "bootstrap_servers = [{:?}]\nproxy = \"socks5://{}\"\nproxy_username = \"farshore\"\n\
         proxy_password_file = {password:?}\n",
        names[1],
        proxy.address()
    );
    let told = check(&setting, &paris, &oslo).await;
    assert!(told.contains("no problems found"), "{told}");

    // Captures that always lead to the same port.
    let one_door = format!(
        "bootstrap_servers = [\"127.0.0.2:{0}\"]\n[clusters.paris.address_map]\n\
         '/kafka-(\\d+)\\..*:\\d+/' = \"127.0.0.2:{{{0}+$1-$1}}\"\n",
        base + 1
    );
    let told = check(&setting, &one_door, &oslo).await;
    let expected = format!(
        "brokers 1, 2 are all reached at 127.0.0.2:{}, where without encryption nothing tells them apart",
        base + 1
    );
    assert!(told.contains(&expected), "{told}");
    proxy.refuse(Some(NOT_ALLOWED));
    let told = check(&setting, &paris, &oslo).await;
    let expected = format!(
        "the SOCKS proxy {} doesn't connect to {}: its rules don't allow it",
        proxy.address(),
        names[1]
    );
    assert!(told.contains(&expected), "{told}");
    proxy.refuse(None);
    fs::write(&password, "an0ther\n").expect("a file");
    let told = check(&setting, &paris, &oslo).await;
    assert!(told.contains("it refuses the user name or the password"), "{told}");
    assert!(!told.contains("an0ther"), "{told}");
    fs::write(&password, "s3cret\n").expect("a file");

    configure(&setting, &paris, &oslo);
    setting.farshore.start().await;
    mirrors(&setting, 0..500).await;
    let mut asked = proxy.asked();
    asked.sort();
    assert_eq!(asked, [names[1].clone(), names[0].clone()]);

    setting.paris.stop(2).await;
    doors[1].fall_silent();
    let elsewhere = "kafka-2.paris.svc:9194";
    let place = (later.address(), elsewhere);
    setting.paris.move_listener(2, "EXTERNAL", (&place.0, place.1));
    setting.paris.restart(2).await;
    mirrors(&setting, 500..1_000).await;
}
