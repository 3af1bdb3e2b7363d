//! farshore and brokers that authenticate each other with Kerberos tickets.

#[path = "../support/mod.rs"]
mod support;

mod realm;

use realm::Realm;
use support::brokers::{Cluster, KafkaVersion, Spec};
use support::compare;
use support::farshore::{Farshore, paris_oslo_as};
use support::ports::Port;
use support::topics;
use support::write::{Writer, numbered};

/// A broker with the principal `kafka/localhost`.
fn guarded(realm: &Realm, port: &Port) -> Spec {
    let jaas = format!(
        "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true \
         keyTab=\"{}\" principal=\"kafka/localhost@{}\";",
        realm.keytab("kafka/localhost").display(),
        realm::NAME,
    );
    let address = format!("localhost:{}", port.number());
    let mut spec = Spec::new(KafkaVersion::V4_1)
        .login(&address, "GSSAPI", &jaas)
        .property("listener.name.login.sasl.kerberos.service.name", "kafka");
    let krb5 = realm.configuration();
    spec.jvm_options
        .push(format!("-Djava.security.krb5.conf={}", krb5.display()));
    spec
}

fn section(port: &Port, principal: &str) -> String {
    format!(
        "bootstrap_servers = [\"localhost:{}\"]\nsecurity_protocol = \"SASL_PLAINTEXT\"\n\
         sasl = {{ mechanism = \"GSSAPI\", principal = \"{principal}@{}\" }}\n",
        port.number(),
        realm::NAME,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_mirrored_between_clusters_that_want_tickets() {
    let realm = Realm::start(&["kafka/localhost", "farshore"]).await;
    let ports = [Port::reserve(), Port::reserve()];
    let paris = Cluster::start(guarded(&realm, &ports[0])).await;
    let oslo = Cluster::start(guarded(&realm, &ports[1])).await;
    topics::create(&paris.bootstrap(), "orders", 2, 1, &[]).await;
    for partition in 0..2 {
        let writer = Writer::new(&paris.bootstrap(), "orders", &[]);
        writer.write(numbered(partition, 0..5_000)).await;
    }
    let config = |principal, path| {
        let [paris, oslo] = ports.each_ref().map(|port| section(port, principal));
        let link = format!("topics = [\"orders\"]\npath = \"{path}\"");
        paris_oslo_as(&paris, &oslo, &link)
    };
    let binary = realm.wrap("farshore", env!("CARGO_BIN_EXE_farshore"));
    let mut farshore = Farshore::new(binary, &config("somebody-else", "raw"));

    let told = farshore.cli(&["check"]).await;
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert_eq!(told.status.code(), Some(1), "{text}");
    assert!(
        text.contains("a GSSAPI login isn't possible from here"),
        "{text}"
    );

    farshore.configure(&config("farshore", "raw"));
    let told = farshore.cli(&["check"]).await;
    assert_eq!(told.status.code(), Some(0), "{told:?}");
    farshore.start().await;
    farshore.mirrors("orders", &[5_000, 5_000]).await;
    farshore.sigterm().await;
    farshore.configure(&config("farshore", "record"));
    farshore.start().await;
    for partition in 0..2 {
        let writer = Writer::new(&paris.bootstrap(), "orders", &[]);
        writer.write(numbered(partition, 5_000..10_000)).await;
    }
    farshore.mirrors("orders", &[10_000, 10_000]).await;
    let (source, target) = (paris.bootstrap(), oslo.bootstrap());
    let compared = compare::topics((&source, "orders"), (&target, "orders"), 2).await;
    assert_eq!(compared.records, 20_000);
}
