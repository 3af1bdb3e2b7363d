//! Three listeners on each broker, of which farshore uses one: through forwarders to ports of its own for each broker, and
//! through a SOCKS5 proxy. A broker comes back with another port.

use std::fs;
use std::path::PathBuf;

use super::{LINK, PARTITIONS, check, configure, listener, mirrors};
use crate::setting::Setting;
use crate::support::brokers::{KafkaVersion, Spec};
use crate::support::leash::Leash;
use crate::support::ports::Port;
use crate::support::relay::Relay;
use crate::support::socks::{NOT_ALLOWED, Socks};

/// A bootstrap address that only the proxy knows.
const OSLO: &str = "bootstrap.oslo.svc:9095";

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

/// The ports of the listeners, and the ways to them.
struct Ways {
    external: [Port; 2],
    pods: [Port; 2],
    of_oslo: [Port; 1],
    /// Where the second broker of Paris listens later.
    later: Port,
    proxy: Socks,
    files: Leash,
}

impl Ways {
    fn new() -> Self {
        let of_oslo = [Port::reserve()];
        let target = of_oslo[0].address();
        let names = [inside(1), OSLO.to_owned()];
        let proxy = Socks::start(names.map(|name| (name, target.clone())).into());
        proxy.demand("farshore", "s3cret");
        let ways = Self {
            external: two_ports(),
            pods: two_ports(),
            of_oslo,
            later: Port::reserve(),
            proxy,
            files: Leash::new("proxy"),
        };
        ways.set_password("s3cret");
        ways
    }

    async fn between(&self) -> Setting {
        let plain = "PLAINTEXT";
        let paris = Spec::new(KafkaVersion::V4_1)
            .brokers(2)
            .listener(listener("EXTERNAL", plain, &self.external, external))
            .listener(listener("CLIENT", plain, &self.pods, pod_ip));
        let oslo = Spec::new(KafkaVersion::V4_1);
        let oslo = oslo.listener(listener("CLIENT", plain, &self.of_oslo, inside));
        let setting = Setting::between(paris, oslo, LINK).await;
        setting.topic("orders", PARTITIONS, &[]).await;
        setting
    }

    fn password(&self) -> PathBuf {
        self.files.dir().join("password")
    }

    fn set_password(&self, text: &str) {
        fs::write(self.password(), format!("{text}\n")).expect("a file");
    }

    /// The lines of the target's section: it is known by names of the proxy.
    fn oslo(&self) -> String {
        format!(
            "bootstrap_servers = [{OSLO:?}]\nproxy = \"socks5://{}\"\n\
             proxy_username = \"farshore\"\nproxy_password_file = \"{}\"\n",
            self.proxy.address(),
            self.password().display()
        )
    }

    /// Each way in which the proxy may refuse is told by `check`.
    async fn refusals(&self, setting: &Setting, paris: &str) {
        let proxy = self.proxy.address();
        self.proxy.refuse(Some(NOT_ALLOWED));
        let told = check(setting, paris, &self.oslo()).await;
        let expected =
            format!("the SOCKS proxy {proxy} doesn't connect to {OSLO}: its rules don't allow it");
        assert!(told.contains(&expected), "{told}");
        self.proxy.refuse(None);
        self.set_password("an0ther");
        let told = check(setting, paris, &self.oslo()).await;
        let expected = "it refuses the user name or the password";
        assert!(told.contains(expected), "{told}");
        assert!(!told.contains("an0ther"), "{told}");
        self.set_password("s3cret");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn brokers_are_reached_by_expressions_and_through_a_proxy_also_when_one_moves() {
    let ways = Ways::new();
    let mut setting = ways.between().await;
    let brokers = ways.external.each_ref().map(Port::address);
    let (base, doors) = Relay::in_a_row("127.0.0.2", &brokers);
    let moved = [brokers[0].clone(), ways.later.address()];
    let (later_base, _later_doors) = Relay::in_a_row("127.0.0.3", &moved);
    let first = base + 1;
    let paris = |map: &str| {
        format!("bootstrap_servers = [\"127.0.0.2:{first}\"]\n[clusters.paris.address_map]\n{map}")
    };
    // Captures that always lead to the same port.
    let one_door = paris(&format!(
        "'/kafka-(\\d+)\\..*:\\d+/' = \"127.0.0.2:{{{first}+$1-$1}}\"\n"
    ));
    let told = check(&setting, &one_door, &ways.oslo()).await;
    let expected = format!(
        "brokers 1, 2 are all reached at 127.0.0.2:{first}, where without encryption nothing tells them apart"
    );
    assert!(told.contains(&expected), "{told}");
    let paris = paris(&format!(
        "'/kafka-(\\d+)\\.paris\\.svc:9094/' = \"127.0.0.2:{{{base}+$1}}\"\n\
         '/kafka-(\\d+)\\.paris\\.svc:9194/' = \"127.0.0.3:{{{later_base}+$1}}\"\n"
    ));
    ways.refusals(&setting, &paris).await;
    let told = check(&setting, &paris, &ways.oslo()).await;
    assert!(told.contains("no problems found"), "{told}");

    configure(&setting, &paris, &ways.oslo());
    setting.farshore.start().await;
    mirrors(&setting, 0..500).await;
    let mut asked = ways.proxy.asked();
    asked.sort();
    assert_eq!(asked, [OSLO.to_owned(), inside(1)]);

    setting.paris.stop(2).await;
    doors[1].fall_silent();
    let elsewhere = (&*ways.later.address(), "kafka-2.paris.svc:9194");
    setting.paris.move_listener(2, "EXTERNAL", elsewhere);
    setting.paris.restart(2).await;
    mirrors(&setting, 500..1_000).await;
}
